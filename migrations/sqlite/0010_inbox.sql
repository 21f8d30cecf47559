-- Receivers inside the server, for trying things out; gone with their time.
create table inbox (
    id blob primary key,
    org_id blob not null,
    app_id blob,
    -- What stands in its URL.
    token text not null unique,
    answer_status integer not null default 204,
    answer_delay_ms integer not null default 0,
    -- What requests are checked with: a secret, sealed, or the secrets of an endpoint.
    secret blob,
    endpoint_id blob,
    expires_at integer not null
);
create index inbox_org on inbox (org_id, id);
create index inbox_expiry on inbox (expires_at);

create table inbox_request (
    inbox_id blob not null,
    id blob not null,
    method text not null,
    target text not null,
    headers text not null,
    body blob not null,
    answer_status integer not null,
    -- 0 verified, 1 failed, 2 nothing to check with.
    verification integer not null,
    reason text,
    primary key (inbox_id, id)
) without rowid;
