-- Idempotency keys of the last moments, a row per commit, each key 56 bytes: key, digest of the
-- body, message id, expiry. They move on to `publish_key` in order, many at a time: written there
-- one by one, random keys cost a page each (see store/src/ingest/recent_keys.rs).
create table publish_key_log (
    seq integer primary key,
    keys blob not null
);
