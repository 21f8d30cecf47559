-- Which background task restarted a delivery; null for what runs by its own schedule, which
-- costs no byte.
alter table delivery add column task_id blob;

-- Long work, done in chunks; each moves the cursor in the transaction of what it does.
create table task (
    id blob primary key,
    org_id blob not null,
    app_id blob,
    kind integer not null,
    status integer not null,
    -- 0 counting, 1 working, 2 taking back what was cancelled, 3 over.
    phase integer not null,
    -- What is to be done, as JSON, and what came of it.
    work text not null,
    result text,
    error text,
    -- The last message that has been looked at, or what it begins after.
    cursor blob not null,
    -- The node that works on it.
    owner integer,
    total integer not null default 0,
    done integer not null default 0,
    changed integer not null default 0,
    lost integer not null default 0,
    created_at integer not null,
    updated_at integer not null,
    finished_at integer
);
create index task_org on task (org_id, id);
create index task_open on task (org_id, id) where phase < 3;
