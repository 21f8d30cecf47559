-- Receivers inside the server, for trying things out; gone with their time.
create table inbox (
    id uuid primary key,
    org_id uuid not null,
    app_id uuid,
    -- What stands in its URL.
    token text collate "C" not null unique,
    answer_status smallint not null default 204,
    answer_delay_ms smallint not null default 0,
    -- What requests are checked with: a secret, sealed, or the secrets of an endpoint.
    secret bytea,
    endpoint_id uuid,
    expires_at bigint not null
);
create index inbox_org on inbox (org_id, id);
create index inbox_expiry on inbox (expires_at);

create table inbox_request (
    inbox_id uuid not null,
    id uuid not null,
    method text not null,
    target text not null,
    headers text not null,
    body bytea not null,
    answer_status smallint not null,
    -- 0 verified, 1 failed, 2 nothing to check with.
    verification smallint not null,
    reason text,
    primary key (inbox_id, id)
);
