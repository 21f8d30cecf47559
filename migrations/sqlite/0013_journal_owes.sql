-- The journal as the record of what is owed (see store/src/owed/): a commit names its node and the
-- deliveries that it wrote in that node's hand, which stand in no index. It owes until each of them
-- has ended or stands in one. Rows of the version before name neither, and owe until they are looked up.
alter table journal add column node integer;
alter table journal add column owned blob;
-- Whether every scheduled outcome of the commit moved its delivery.
alter table journal add column whole boolean not null default false;
alter table journal add column owes boolean not null default true;
create index journal_owes on journal (seq) where owes;

-- What a node's last roll-up left, so that the next one knows that nothing came in between.
alter table node add column rolled integer;

create index resend_owner on resend (owner) where owner is not null;
create index task_owner on task (owner) where phase < 3;
