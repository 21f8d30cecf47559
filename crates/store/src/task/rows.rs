//! Making, reading and cancelling tasks.

use postrider_domain::{AppId, EndpointId, MessageId, OrgId, TaskId, TaskStatus, Timestamp};
use uuid::Uuid;

use super::{NewTask, Phase, Task, TaskFilter, Work};
use crate::error::wrong;
use crate::page::{Page, PageRequest};
use crate::row::{self, bad};
use crate::sql::Sql;
use crate::take_over::GivenUp;
use crate::{ChangeKind, Store, StoreError, StoreResult};

/// Tasks of one organisation that may run at once.
const RUNNING: i64 = 100;
/// Rows that one clean-up removes at most.
const OLD: i64 = 500;

pub(super) const COLUMNS: &str = "id, org_id, app_id, kind, status, phase, work, error, cursor, owner, \
    total, done, changed, lost, created_at, updated_at";

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    org_id: Uuid,
    app_id: Option<Uuid>,
    kind: i16,
    status: i16,
    phase: i16,
    work: String,
    error: Option<String>,
    cursor: Uuid,
    pub(super) owner: Option<i64>,
    total: i64,
    done: i64,
    changed: i64,
    lost: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Task {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let (table, id) = ("task", TaskId::from_uuid(row.id));
        let count = |column, value| u64::try_from(value).map_err(|_| bad(table, column, id));
        let work: Option<Work> = row::json(table, "work", id, Some(&row.work))?;
        let work = work.ok_or_else(|| bad(table, "work", id))?;
        let phase = [
            Phase::Counting,
            Phase::Working,
            Phase::TakingBack,
            Phase::Over,
        ]
        .into_iter()
        .find(|phase| phase.code() == row.phase)
        .ok_or_else(|| bad(table, "phase", id))?;
        let done = count("done", row.done)?;
        let total = count("total", row.total)?.max(done);
        Ok(Self {
            id,
            org_id: OrgId::from_uuid(row.org_id),
            app_id: row.app_id.map(AppId::from_uuid),
            kind: row::code(table, "kind", id, row.kind)?,
            status: row::code(table, "status", id, row.status)?,
            work,
            total: (phase != Phase::Counting).then_some(total),
            done,
            changed: count("changed", row.changed)?,
            lost: count("lost", row.lost)?,
            result: None,
            error: row.error,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            phase,
            cursor: MessageId::from_uuid(row.cursor),
        })
    }
}

/// The statement of [`Store::tasks`].
pub(crate) fn list(org: OrgId, filter: TaskFilter, page: &PageRequest<TaskId>) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from task where org_id = ")
        .bind(org.uuid());
    if let Some(app) = filter.app {
        sql.push(" and app_id = ").bind(app.uuid());
    }
    match filter.status {
        Some(TaskStatus::Failed) => {
            sql.push(" and status in (2, 3)");
        }
        Some(status) => {
            sql.push(" and status = ").bind(i64::from(status.code()));
        }
        None => {}
    }
    if let Some(kind) = filter.kind {
        sql.push(" and kind = ").bind(i64::from(kind.code()));
    }
    sql.page("id", page, |id: TaskId| id.uuid().into());
    sql
}

/// The statement of [`Store::open_tasks`].
pub(crate) fn open(org: OrgId) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from task where org_id = ")
        .bind(org.uuid())
        .push(" and phase < 3 order by id");
    sql
}

impl Store {
    /// Makes a task. A disabled endpoint is a conflict on `endpoint_disabled`; an
    /// organisation that has too many running, one on `running_tasks`.
    pub async fn create_task(&self, new: NewTask) -> StoreResult<Task> {
        let now = self.clock.now();
        let id = TaskId::mint(now);
        let cursor = new
            .work
            .window()
            .map_or(MessageId::from_uuid(Uuid::nil()), super::Window::first);
        super::usage::check_named(&new.work)?;
        let (status, phase) = (TaskStatus::Running, Phase::Counting);
        let kind = new.work.kind();
        let work = row::to_json("task", "work", id, &new.work)?;
        let endpoint = match &new.work {
            Work::Replay { endpoint, .. } => Some(*endpoint),
            Work::Purge { .. } | Work::Attempts { .. } | Work::EventTypes => None,
        };
        transaction!(self, "making a task", conn => {
            let wrong = wrong("making a task");
            if let Some(endpoint) = endpoint {
                let disabled: Option<bool> = sqlx::query_scalar(
                    "select disabled from endpoint where id = $1 and app_id = $2 and deleted_at is null",
                ).bind(endpoint.uuid()).bind(new.app_id.map(AppId::uuid))
                .fetch_optional(&mut *conn).await.map_err(wrong)?;
                if disabled.ok_or(StoreError::NotFound("endpoint"))? {
                    return Err(StoreError::Conflict("endpoint_disabled"));
                }
            }
            let running: i64 = sqlx::query_scalar(
                "select count(*) from task where org_id = $1 and phase < 3",
            ).bind(new.org_id.uuid()).fetch_one(&mut *conn).await.map_err(wrong)?;
            if running >= RUNNING {
                return Err(StoreError::Conflict("running_tasks"));
            }
            sqlx::query(
                "insert into task (id, org_id, app_id, kind, status, phase, work, cursor, \
                 created_at, updated_at) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
            ).bind(id.uuid()).bind(new.org_id.uuid()).bind(new.app_id.map(AppId::uuid)).bind(kind.code())
            .bind(status.code()).bind(phase.code()).bind(&work).bind(cursor.uuid())
            .bind(now.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })?;
        self.task_hint().notify_one();
        self.task(new.org_id, id).await
    }

    /// A task of the organisation.
    pub async fn task(&self, org: OrgId, id: TaskId) -> StoreResult<Task> {
        let mut sql = Sql::new("select ");
        sql.push(COLUMNS)
            .push(" from task where org_id = ")
            .bind(org.uuid())
            .push(" and id = ")
            .bind(id.uuid());
        let rows: Vec<Row> = sql.fetch(self, "reading a task").await?;
        let row = rows.into_iter().next();
        let mut task: Task = row.ok_or(StoreError::NotFound("task"))?.try_into()?;
        if task.work.result("").is_some() {
            let items: Option<String> = read!(self, "reading what a task found", pool => sqlx::query_scalar(
                "select result from task where id = $1",
            ).bind(id.uuid()).fetch_one(pool).await)?;
            task.result = task.work.result(items.as_deref().unwrap_or_default());
        }
        Ok(task)
    }

    /// A page of the organisation's tasks, by id, which is by time.
    pub async fn tasks(
        &self,
        org: OrgId,
        filter: TaskFilter,
        page: PageRequest<TaskId>,
    ) -> StoreResult<Page<Task>> {
        let rows: Vec<Row> = list(org, filter, &page)
            .fetch(self, "listing tasks")
            .await?;
        page.finish(
            rows.into_iter()
                .map(Task::try_from)
                .collect::<StoreResult<_>>()?,
        )
    }

    /// The organisation's tasks that are not over, oldest first: there are few.
    pub async fn open_tasks(&self, org: OrgId) -> StoreResult<Vec<Task>> {
        let rows: Vec<Row> = open(org).fetch(self, "listing tasks").await?;
        rows.into_iter().map(Task::try_from).collect()
    }

    /// Stops a task: it does nothing more from now on. Whichever node comes first takes
    /// back what waits because of it. A task that is over stays as it is.
    pub async fn cancel_task(&self, org: OrgId, id: TaskId) -> StoreResult<Task> {
        let now = self.clock.now();
        let stopped = transaction!(self, "cancelling a task", conn => {
            let wrong = wrong("cancelling a task");
            let done = sqlx::query(
                "update task set status = 3, phase = 2, owner = null, updated_at = $3, finished_at = $3 \
                 where org_id = $1 and id = $2 and status = 0",
            ).bind(org.uuid()).bind(id.uuid()).bind(now.micros()).execute(&mut *conn).await.map_err(wrong)?;
            if done.rows_affected() > 0 {
                tell!(conn, wrong, ChangeKind::Task, id.uuid(), now);
            }
            Ok(done.rows_affected() > 0)
        })?;
        if stopped {
            self.announce(ChangeKind::Task, id.uuid());
            self.task_hint().notify_one();
        }
        self.task(org, id).await
    }

    /// Frees the tasks of a node that is gone; `false`: it is not.
    pub(crate) async fn free_tasks(&self, node: i64) -> StoreResult<bool> {
        transaction!(self, "freeing tasks", conn => {
            let gone = conn.given_up(node).await?;
            if gone {
                sqlx::query("update task set owner = null where owner = $1 and phase < 3")
                    .bind(node).execute(&mut *conn).await.map_err(wrong("freeing tasks"))?;
            }
            Ok(gone)
        })
    }

    /// Removes tasks that were over before then. Returns how many.
    pub(crate) async fn expire_tasks(&self, before: Timestamp) -> StoreResult<u64> {
        write!(self, "removing old tasks", pool => sqlx::query(
            "delete from task where id in (select id from task where phase = 3 and id < $1 limit $2)",
        ).bind(TaskId::floor(before).uuid()).bind(OLD).execute(pool).await.map(|done| done.rows_affected()))
    }
}

/// Of a task for which endpoint.
pub(super) fn endpoint_of(task: &Task) -> Option<EndpointId> {
    match task.work {
        Work::Replay { endpoint, .. } => Some(endpoint),
        Work::Purge { .. } | Work::Attempts { .. } | Work::EventTypes => None,
    }
}
