-- Codes of the console's sign-in links, each good for one session, and the sessions: as hashes.
create table console_code (
    hash bytea primary key,
    org_id uuid not null,
    expires_at bigint not null
);
create index console_code_expiry on console_code (expires_at);

create table console_session (
    id uuid primary key,
    org_id uuid not null,
    hash bytea not null unique,
    created_at bigint not null,
    expires_at bigint not null
);
create index console_session_expiry on console_session (expires_at);
