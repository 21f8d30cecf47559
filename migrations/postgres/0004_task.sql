-- Which background task restarted a delivery; null for what runs by its own schedule, which
-- costs no byte.
alter table delivery add column task_id uuid;

-- Long work, done in chunks; each moves the cursor in the transaction of what it does.
create table task (
    id uuid primary key,
    org_id uuid not null,
    app_id uuid,
    kind smallint not null,
    status smallint not null,
    -- 0 counting, 1 working, 2 taking back what was cancelled, 3 over.
    phase smallint not null,
    -- What is to be done, as JSON, and what came of it.
    work text not null,
    result text,
    error text,
    -- The last message that has been looked at, or what it begins after.
    cursor uuid not null,
    -- The node that works on it.
    owner bigint,
    total bigint not null default 0,
    done bigint not null default 0,
    changed bigint not null default 0,
    lost bigint not null default 0,
    created_at bigint not null,
    updated_at bigint not null,
    finished_at bigint
);
create index task_org on task (org_id, id);
create index task_open on task (org_id, id) where phase < 3;
