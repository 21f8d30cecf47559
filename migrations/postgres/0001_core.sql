-- Times are microseconds since the Unix epoch, ids are UUIDv7, small JSON is text.

create table meta (
    name text primary key,
    value bytea not null
);

-- Blocks of payload keys, handed out a million at a time (see store/src/payload_key.rs).
create table counter (
    name text primary key,
    value bigint not null
);

create table org (
    id uuid primary key,
    external_id text not null unique,
    name text not null unique,
    settings text not null default '{}',
    created_at bigint not null
);

create table api_key (
    id uuid primary key,
    org_id uuid not null,
    app_id uuid,
    name text not null,
    hash bytea not null unique,
    hint text not null,
    read_only boolean not null,
    created_at bigint not null,
    last_used_at bigint,
    expires_at bigint,
    revoked_at bigint
);
create index api_key_org on api_key (org_id, id);

create table app (
    id uuid primary key,
    org_id uuid not null,
    uid text,
    name text not null,
    throttle_rate integer,
    metadata text not null default '{}',
    config_version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint
);
create unique index app_uid on app (org_id, uid) where uid is not null and deleted_at is null;
create index app_org on app (org_id, id);

create table endpoint (
    id uuid primary key,
    app_id uuid not null,
    uid text,
    url text not null,
    description text not null default '',
    metadata text not null default '{}',
    version integer not null default 1,
    disabled boolean not null default false,
    disabled_reason smallint,
    disabled_at bigint,
    event_types text,
    channels text,
    throttle_rate integer,
    timeout_seconds integer,
    retry_policy text,
    header_family smallint not null default 0,
    headers bytea,
    revision bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint
);
create unique index endpoint_uid on endpoint (app_id, uid) where uid is not null and deleted_at is null;
create index endpoint_app on endpoint (app_id, id);

-- What the attempts of one revision of an endpoint have in common, kept once.
create table endpoint_revision (
    endpoint_id uuid not null,
    revision bigint not null,
    url text not null,
    header_names text not null,
    header_family smallint not null,
    created_at bigint not null,
    primary key (endpoint_id, revision)
);

create table endpoint_secret (
    id uuid primary key,
    endpoint_id uuid not null,
    secret bytea not null,
    created_at bigint not null,
    expires_at bigint
);
create index endpoint_secret_endpoint on endpoint_secret (endpoint_id);

-- An unbroken run of failures; a success removes the row, so that it is small.
create table endpoint_health (
    endpoint_id uuid primary key,
    first_failure_at bigint not null,
    last_failure_at bigint not null
);

create table event_type (
    id uuid primary key,
    org_id uuid not null,
    name text collate "C" not null,
    description text not null,
    archived boolean not null default false,
    deprecated boolean not null default false,
    schemas text,
    feature_flags text,
    group_name text,
    created_at bigint not null,
    updated_at bigint not null
);
create unique index event_type_name on event_type (org_id, name);

-- What caches must forget. Kind 0: an application and its endpoints; 1: a key; 2: an organisation.
create table change (
    seq bigserial primary key,
    kind smallint not null,
    ref uuid not null,
    at bigint not null
);
create index change_at on change (at);

create table node (
    number bigserial primary key,
    id uuid not null,
    role text not null,
    started_at bigint not null,
    heartbeat_at bigint not null,
    lease_until bigint not null,
    -- No delivery that this node holds fresh from a publish is older than this message.
    floor uuid
);

-- Partitioned by day of the message id: see store/src/partition.rs.
create table message (
    app_id uuid not null,
    id uuid not null,
    event_type text not null,
    event_id text,
    channels text,
    payload_key bigint not null,
    primary key (app_id, id)
) partition by range (id);

-- The key's high bits are the day of expiry, so that expiry drops whole partitions.
create table payload (
    key bigint primary key,
    body bytea not null
) partition by range (key);

create table attempt (
    message_id uuid not null,
    id uuid not null,
    endpoint_id uuid not null,
    endpoint_revision bigint not null,
    status smallint not null,
    http_status smallint not null,
    failure smallint,
    failure_text text,
    trigger smallint not null,
    number integer not null,
    started_at bigint not null,
    duration_us bigint not null,
    signature text not null,
    response_headers text,
    response_body bytea,
    next_at bigint,
    next_reason smallint not null,
    primary key (message_id, id)
) partition by range (message_id);
-- With the status, so that counting reads the index alone.
create index attempt_endpoint on attempt (endpoint_id, id, status);

-- Apart from messages: a unique constraint and day partitions do not mix.
create table event_key (
    app_id uuid not null,
    event_id text not null,
    message_id uuid not null,
    primary key (app_id, event_id)
);

create table publish_key (
    key bytea primary key,
    body_hash bytea not null,
    message_id uuid not null,
    expires_at bigint not null
);

-- Idempotency of every other POST: the answer, encrypted, once there is one.
create table answer_key (
    key bytea primary key,
    body_hash bytea not null,
    status smallint,
    answer bytea,
    created_at bigint not null,
    expires_at bigint not null
);
create index answer_key_expiry on answer_key (expires_at);

-- A message for an endpoint. Fresh from a publish, a row has an owner and no due
-- time, and is in neither index: a success at the first attempt is a heap-only update.
create table delivery (
    endpoint_id uuid not null,
    message_id uuid not null,
    state smallint not null,
    attempts integer not null default 0,
    sends integer not null default 0,
    last_status smallint,
    owner bigint,
    token integer not null default 0,
    due_at bigint,
    first_at bigint not null,
    primary key (endpoint_id, message_id)
) with (fillfactor = 85);
create index delivery_due on delivery (endpoint_id, due_at) where due_at is not null;
create index delivery_claimed on delivery (owner) where owner is not null and due_at is not null;

-- One row per endpoint with waiting work: wake_at is the later of next_due and parked_until.
create table lane (
    endpoint_id uuid primary key,
    app_id uuid not null,
    next_due bigint not null,
    parked_until bigint not null default 0,
    wake_at bigint not null
);
create index lane_wake on lane (wake_at);

create table resend (
    id uuid primary key,
    endpoint_id uuid not null,
    message_id uuid not null,
    owner bigint,
    created_at bigint not null
);
create index resend_endpoint on resend (endpoint_id, id);

-- A message for more endpoints than one transaction should write.
create table expansion (
    message_id uuid primary key,
    app_id uuid not null,
    cursor uuid,
    created_at bigint not null
);
