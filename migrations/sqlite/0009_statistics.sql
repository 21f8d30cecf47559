-- What each commit wrote, packed (see store/src/journal.rs): for the roll-ups, and for those who
-- follow what happens. A row goes minutes after it has been rolled up.
create table journal (
    seq integer primary key autoincrement,
    at integer not null,
    rolled boolean not null default false,
    body blob not null
);
create index journal_at on journal (at);
create index journal_open on journal (seq) where not rolled;

-- Roll-ups: counts and latencies of a span of time (width 0: a minute, 1: an hour, 2: a day) of an
-- organisation, an application or an endpoint; event_type is '' for all of them together.
create table stat (
    scope blob not null,
    width integer not null,
    event_type text not null,
    start integer not null,
    messages integer not null,
    succeeded integer not null,
    failed integer not null,
    -- Counts by slot (see domain/src/latency.rs).
    latency blob not null,
    primary key (scope, width, event_type, start)
) without rowid;
create index stat_expiry on stat (width, start);
