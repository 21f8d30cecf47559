-- What fails is put aside with its error until retry_at, and does not hold up the rest.
alter table expansion add column failures integer not null default 0;
alter table expansion add column retry_at bigint not null default 0;
alter table expansion add column error text;
create index expansion_aside on expansion (message_id) where failures > 0;

alter table operational_event add column failures integer not null default 0;
alter table operational_event add column retry_at bigint not null default 0;
alter table operational_event add column error text;
create index operational_event_aside on operational_event (id) where failures > 0;
