-- What opens one application for a while: to its portal, or to whoever the organisation gave it to.
create table app_token (
    id blob primary key,
    org_id blob not null,
    app_id blob not null,
    hash blob not null unique,
    session_id text,
    read_only boolean not null,
    -- One bit each (see domain/src/capability.rs).
    capabilities integer not null,
    feature_flags text not null,
    created_at integer not null,
    expires_at integer not null
);
create index app_token_app on app_token (app_id);
create index app_token_expiry on app_token (expires_at);

-- Codes of portal links, each good for one more token like `token_id`.
create table portal_code (
    hash blob primary key,
    token_id blob not null,
    expires_at integer not null
);
create index portal_code_expiry on portal_code (expires_at);

-- JWTs that were logged out, by the SHA-256 of what their signature covers, until they expire.
create table jwt_revoked (
    hash blob primary key,
    expires_at integer
);
create index jwt_revoked_expiry on jwt_revoked (expires_at) where expires_at is not null;

-- JWTs of an application that were issued before a moment end at another.
create table jwt_cutoff (
    app_id blob not null,
    issued_before integer not null,
    ends_at integer not null,
    primary key (app_id, issued_before)
);
