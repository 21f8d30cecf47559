//! Making, reading and cancelling tasks.

use const_format::formatcp;
use postrider_domain::{AppId, EndpointId, MessageId, OrgId, TaskId, TaskStatus, Timestamp};
use uuid::Uuid;

use super::{NewTask, Phase, Task, TaskFilter, Work};
use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::page::{Page, PageRequest};
use crate::engine::row;
use crate::engine::row::corrupt;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::{CANCELED, FAILED, OVER, RUNNING, TAKING_BACK};

/// Tasks of one organisation that may run at once.
const MOST_RUNNING: i64 = 100;
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
        let count = |column, value| u64::try_from(value).map_err(|_| corrupt(table, column, id));
        let work: Option<Work> = row::json(table, "work", id, Some(&row.work))?;
        let work = work.ok_or_else(|| corrupt(table, "work", id))?;
        let phase = [
            Phase::Counting,
            Phase::Working,
            Phase::TakingBack,
            Phase::Over,
        ]
        .into_iter()
        .find(|phase| phase.code() == row.phase)
        .ok_or_else(|| corrupt(table, "phase", id))?;
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
            sql.push(formatcp!(" and status in ({FAILED}, {CANCELED})"));
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
        .push(formatcp!(" and phase < {OVER} order by id"));
    sql
}

const IS_DISABLED: &str =
    "select disabled from endpoint where id = $1 and app_id = $2 and deleted_at is null";
const COUNT_RUNNING: &str =
    formatcp!("select count(*) from task where org_id = $1 and phase < {OVER}");
const INSERT: &str = "insert into task (id, org_id, app_id, kind, status, phase, work, cursor, \
    created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
const RESULT: &str = "select result from task where id = $1";
const CANCEL: &str = formatcp!(
    "update task set status = {CANCELED}, phase = {TAKING_BACK}, owner = null, updated_at = $3, finished_at = $3 \
    where org_id = $1 and id = $2 and status = {RUNNING}"
);
const EXPIRE: &str = formatcp!(
    "delete from task where id in (select id from task where phase = {OVER} and id < $1 limit $2)"
);

/// The statement of [`Store::task`].
pub(crate) fn one(org: OrgId, id: TaskId) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from task where org_id = ")
        .bind(org.uuid())
        .push(" and id = ")
        .bind(id.uuid());
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
        let mut tx = self.begin("making a task").await?;
        if let Some(endpoint) = endpoint {
            let disabled: Option<bool> = tx
                .optional_scalar(
                    Sql::new(IS_DISABLED)
                        .with(endpoint.uuid())
                        .with(new.app_id.map(AppId::uuid)),
                )
                .await?;
            if disabled.ok_or(StoreError::NotFound(Entity::Endpoint))? {
                return Err(StoreError::Conflict(Refusal::EndpointDisabled));
            }
        }
        let running: i64 = tx
            .scalar(Sql::new(COUNT_RUNNING).with(new.org_id.uuid()))
            .await?;
        if running >= MOST_RUNNING {
            return Err(StoreError::Conflict(Refusal::RunningTasks));
        }
        tx.run(
            Sql::new(INSERT)
                .with(id.uuid())
                .with(new.org_id.uuid())
                .with(new.app_id.map(AppId::uuid))
                .with(kind.code())
                .with(status.code())
                .with(phase.code())
                .with(&work)
                .with(cursor.uuid())
                .with(now.micros()),
        )
        .await?;
        tx.commit().await?;
        self.task_hint().notify_one();
        self.task(new.org_id, id).await
    }

    /// A task of the organisation.
    pub async fn task(&self, org: OrgId, id: TaskId) -> StoreResult<Task> {
        let row: Option<Row> = self.read("reading a task").optional(one(org, id)).await?;
        let mut task: Task = row.ok_or(StoreError::NotFound(Entity::Task))?.try_into()?;
        if task.work.result("").is_some() {
            let items: Option<String> = self
                .read("reading what a task found")
                .scalar(Sql::new(RESULT).with(id.uuid()))
                .await?;
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
        let rows: Vec<Row> = self
            .read("listing tasks")
            .all(list(org, filter, &page))
            .await?;
        page.finish(
            rows.into_iter()
                .map(Task::try_from)
                .collect::<StoreResult<_>>()?,
        )
    }

    /// The organisation's tasks that are not over, oldest first: there are few.
    pub async fn open_tasks(&self, org: OrgId) -> StoreResult<Vec<Task>> {
        let rows: Vec<Row> = self.read("listing tasks").all(open(org)).await?;
        rows.into_iter().map(Task::try_from).collect()
    }

    /// Stops a task: it does nothing more from now on. Whichever node comes first takes
    /// back what waits because of it. A task that is over stays as it is.
    pub async fn cancel_task(&self, org: OrgId, id: TaskId) -> StoreResult<Task> {
        let now = self.clock.now();
        let mut tx = self.begin("cancelling a task").await?;
        let done = tx
            .run(
                Sql::new(CANCEL)
                    .with(org.uuid())
                    .with(id.uuid())
                    .with(now.micros()),
            )
            .await?;
        if done > 0 {
            record_change(&mut tx, ChangeKind::Task, id.uuid(), now).await?;
        }
        tx.commit().await?;
        if done > 0 {
            self.announce(ChangeKind::Task, id.uuid());
            self.task_hint().notify_one();
        }
        self.task(org, id).await
    }

    /// Removes tasks that were over before then. Returns how many.
    pub(crate) async fn expire_tasks(&self, before: Timestamp) -> StoreResult<u64> {
        self.write("removing old tasks")
            .run(
                Sql::new(EXPIRE)
                    .with(TaskId::floor(before).uuid())
                    .with(OLD),
            )
            .await
    }
}

/// Of a task for which endpoint.
pub(super) fn endpoint_of(task: &Task) -> Option<EndpointId> {
    match task.work {
        Work::Replay { endpoint, .. } => Some(endpoint),
        Work::Purge { .. } | Work::Attempts { .. } | Work::EventTypes => None,
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[IS_DISABLED, COUNT_RUNNING, INSERT, RESULT, CANCEL, EXPIRE],
    ..Statements::NONE
};
