-- What each commit wrote, packed (see store/src/journal.rs): for the roll-ups, and for those who
-- follow what happens. A row goes minutes after it has been rolled up.
create table journal (
    seq bigserial primary key,
    at bigint not null,
    rolled boolean not null default false,
    body bytea not null
);
-- Ids do not compress.
alter table journal alter column body set storage external;
create index journal_at on journal (at);
create index journal_open on journal (seq) where not rolled;

-- Roll-ups: counts and latencies of a span of time (width 0: a minute, 1: an hour, 2: a day) of an
-- organisation, an application or an endpoint; event_type is '' for all of them together.
create table stat (
    scope uuid not null,
    width smallint not null,
    event_type text collate "C" not null,
    start bigint not null,
    messages bigint not null,
    succeeded bigint not null,
    failed bigint not null,
    -- Counts by slot (see domain/src/latency.rs).
    latency bytea not null,
    primary key (scope, width, event_type, start)
);
create index stat_expiry on stat (width, start);
