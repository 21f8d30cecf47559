-- Codes of the console's sign-in links, each good for one session, and the sessions: as hashes.
create table console_code (
    hash blob primary key,
    org_id blob not null,
    expires_at integer not null
);
create index console_code_expiry on console_code (expires_at);

create table console_session (
    id blob primary key,
    org_id blob not null,
    hash blob not null unique,
    created_at integer not null,
    expires_at integer not null
);
create index console_session_expiry on console_session (expires_at);
