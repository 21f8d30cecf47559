-- Times are microseconds since the Unix epoch, ids are UUIDv7 as 16-byte blobs, small JSON is text.

create table meta (
    name text primary key,
    value blob not null
);

-- Blocks of payload keys, handed out a million at a time (see store/src/payload_key.rs).
create table counter (
    name text primary key,
    value integer not null
);

create table org (
    id blob primary key,
    external_id text not null unique,
    name text not null unique,
    settings text not null default '{}',
    created_at integer not null
);

create table api_key (
    id blob primary key,
    org_id blob not null,
    app_id blob,
    name text not null,
    hash blob not null unique,
    hint text not null,
    read_only boolean not null,
    created_at integer not null,
    last_used_at integer,
    expires_at integer,
    revoked_at integer
);
create index api_key_org on api_key (org_id, id);

create table app (
    id blob primary key,
    org_id blob not null,
    uid text,
    name text not null,
    throttle_rate integer,
    metadata text not null default '{}',
    config_version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer
);
create unique index app_uid on app (org_id, uid) where uid is not null and deleted_at is null;
create index app_org on app (org_id, id);

create table endpoint (
    id blob primary key,
    app_id blob not null,
    uid text,
    url text not null,
    description text not null default '',
    metadata text not null default '{}',
    version integer not null default 1,
    disabled boolean not null default false,
    disabled_reason integer,
    disabled_at integer,
    event_types text,
    channels text,
    throttle_rate integer,
    timeout_seconds integer,
    retry_policy text,
    header_family integer not null default 0,
    headers blob,
    revision integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer
);
create unique index endpoint_uid on endpoint (app_id, uid) where uid is not null and deleted_at is null;
create index endpoint_app on endpoint (app_id, id);

-- What the attempts of one revision of an endpoint have in common, kept once.
create table endpoint_revision (
    endpoint_id blob not null,
    revision integer not null,
    url text not null,
    header_names text not null,
    header_family integer not null,
    created_at integer not null,
    primary key (endpoint_id, revision)
) without rowid;

create table endpoint_secret (
    id blob primary key,
    endpoint_id blob not null,
    secret blob not null,
    created_at integer not null,
    expires_at integer
);
create index endpoint_secret_endpoint on endpoint_secret (endpoint_id);

-- An unbroken run of failures; a success removes the row, so that it is small.
create table endpoint_health (
    endpoint_id blob primary key,
    first_failure_at integer not null,
    last_failure_at integer not null
);

create table event_type (
    id blob primary key,
    org_id blob not null,
    name text not null,
    description text not null,
    archived boolean not null default false,
    deprecated boolean not null default false,
    schemas text,
    feature_flags text,
    group_name text,
    created_at integer not null,
    updated_at integer not null
);
create unique index event_type_name on event_type (org_id, name);

-- What caches must forget. Kind 0: an application and its endpoints; 1: a key; 2: an organisation.
create table change (
    seq integer primary key autoincrement,
    kind integer not null,
    ref blob not null,
    at integer not null
);
create index change_at on change (at);

create table node (
    number integer primary key autoincrement,
    id blob not null,
    role text not null,
    started_at integer not null,
    heartbeat_at integer not null,
    lease_until integer not null,
    -- No delivery that this node holds fresh from a publish is older than this message.
    floor blob
);

create table message (
    app_id blob not null,
    id blob not null,
    event_type text not null,
    event_id text,
    channels text,
    payload_key integer not null,
    primary key (app_id, id)
) without rowid;

-- The key's high bits are the day of expiry, so that expiry deletes one range.
create table payload (
    key integer primary key,
    body blob not null
);

create table attempt (
    message_id blob not null,
    id blob not null,
    endpoint_id blob not null,
    endpoint_revision integer not null,
    status integer not null,
    http_status integer not null,
    failure integer,
    failure_text text,
    trigger integer not null,
    number integer not null,
    started_at integer not null,
    duration_us integer not null,
    signature text not null,
    response_headers text,
    response_body blob,
    next_at integer,
    next_reason integer not null,
    primary key (message_id, id)
) without rowid;
-- With the status, so that counting reads the index alone.
create index attempt_endpoint on attempt (endpoint_id, id, status);

-- Apart from messages, as on PostgreSQL, where uniqueness and day partitions do not mix.
create table event_key (
    app_id blob not null,
    event_id text not null,
    message_id blob not null,
    primary key (app_id, event_id)
) without rowid;

create table publish_key (
    key blob primary key,
    body_hash blob not null,
    message_id blob not null,
    expires_at integer not null
) without rowid;

-- Idempotency of every other POST: the answer, encrypted, once there is one.
create table answer_key (
    key blob primary key,
    body_hash blob not null,
    status integer,
    answer blob,
    created_at integer not null,
    expires_at integer not null
);
create index answer_key_expiry on answer_key (expires_at);

-- A message for an endpoint. Fresh from a publish, a row has an owner and no due
-- time, and is in neither index.
create table delivery (
    endpoint_id blob not null,
    message_id blob not null,
    state integer not null,
    attempts integer not null default 0,
    sends integer not null default 0,
    last_status integer,
    owner integer,
    token integer not null default 0,
    due_at integer,
    first_at integer not null,
    primary key (endpoint_id, message_id)
) without rowid;
create index delivery_due on delivery (endpoint_id, due_at) where due_at is not null;
create index delivery_claimed on delivery (owner) where owner is not null and due_at is not null;

-- One row per endpoint with waiting work: wake_at is the later of next_due and parked_until.
create table lane (
    endpoint_id blob primary key,
    app_id blob not null,
    next_due integer not null,
    parked_until integer not null default 0,
    wake_at integer not null
);
create index lane_wake on lane (wake_at);

create table resend (
    id blob primary key,
    endpoint_id blob not null,
    message_id blob not null,
    owner integer,
    created_at integer not null
);
create index resend_endpoint on resend (endpoint_id, id);

-- A message for more endpoints than one transaction should write.
create table expansion (
    message_id blob primary key,
    app_id blob not null,
    cursor blob,
    created_at integer not null
);
