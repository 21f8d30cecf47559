//! One node's work on tasks: what it has in hand, one step at a time.

use const_format::formatcp;
use postrider_domain::{AppId, EndpointId, MessageId, TaskStatus};
use uuid::Uuid;

use super::pick::Picked;
use super::rows::{COLUMNS, Row, endpoint_of};
use super::{Phase, Progress, Task, Window, Work};
use crate::engine::Store;
use crate::engine::error::{Refusal, StoreError, StoreResult};
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::{FAILED, FINISHED, GIVEN_UP, OVER, RUNNING};

/// Tasks that are looked at, the oldest first.
const OPEN: i64 = 500;
/// Due deliveries of an endpoint beyond which a task waits: so that what is published
/// meanwhile does not stand behind all that it replays, and cancelling it means something.
const BACKLOG: i64 = 1_000;

/// What the wire says of a task that we cannot go on with.
const BROKEN: &str = "something failed on our side: the server's log says what";

/// Moves a task on, if it is where its reader thought: bind task, node, phase, cursor.
/// What follows counts from `$5`: the new cursor, phase, status and end.
pub(super) const MOVE: &str = formatcp!(
    "update task set cursor = $5, phase = $6, status = $7, updated_at = $8, \
        finished_at = case when cast($7 as smallint) = {FINISHED} then $8 else finished_at end, \
        total = case when cast($7 as smallint) = {FINISHED} then done + $10 else total + $9 end, \
        done = done + $10, lost = lost + $11 \
    where id = $1 and owner = $2 and phase = $3 and cursor = $4"
);

/// The due delivery that makes [`BACKLOG`] of them, if there are so many.
pub(crate) fn due(endpoint: EndpointId, now: i64) -> Sql {
    let mut sql = Sql::new("select due_at from delivery where endpoint_id = ");
    sql.bind(endpoint.uuid())
        .push(" and due_at <= ")
        .bind(now)
        .push(" order by due_at limit 1 offset ")
        .bind(BACKLOG - 1);
    sql
}

/// How a step moves a task, but for what it changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskStep {
    pub(super) cursor: MessageId,
    pub(super) phase: Phase,
    pub(super) status: TaskStatus,
    pub(super) counted: usize,
    pub(super) done: usize,
    pub(super) lost: usize,
}

impl TaskStep {
    /// What follows when `picked` is dealt with.
    pub(super) fn behind(picked: &Picked, lost: usize) -> Self {
        Self::working(picked.upto, picked.last, picked.messages.len(), lost)
    }

    /// What follows when `done` more are dealt with, up to there.
    pub(super) fn working(upto: MessageId, ended: bool, done: usize, lost: usize) -> Self {
        Self {
            cursor: upto,
            phase: if ended { Phase::Over } else { Phase::Working },
            status: if ended {
                TaskStatus::Finished
            } else {
                TaskStatus::Running
            },
            counted: 0,
            done,
            lost,
        }
    }

    /// What the task says after it.
    pub(super) fn progress(self) -> Progress {
        if self.phase == Phase::Over {
            Progress::Over
        } else {
            Progress::Moved
        }
    }
}

/// Counts what a chunk has changed, in its transaction.
pub(super) async fn count_changed(tx: &mut Tx<'_>, task: &Task, changed: u64) -> StoreResult<()> {
    let counted = Sql::new(COUNT_CHANGED)
        .with(task.id.uuid())
        .with(changed as i64);
    tx.run(counted).await.map(|_| ())
}

/// Moves a task in a transaction, first of all; says whether it is still there, as it was.
pub(super) async fn move_task(
    tx: &mut Tx<'_>,
    task: &Task,
    node: i64,
    step: TaskStep,
    now: i64,
) -> StoreResult<bool> {
    let moved = Sql::new(MOVE)
        .with(task.id.uuid())
        .with(node)
        .with(task.phase.code())
        .with(task.cursor.uuid())
        .with(step.cursor.uuid())
        .with(step.phase.code())
        .with(step.status.code())
        .with(now)
        .with(step.counted as i64)
        .with(step.done as i64)
        .with(step.lost as i64);
    Ok(tx.run(moved).await? > 0)
}

const COUNT_CHANGED: &str = "update task set changed = changed + $2 where id = $1";
const TAKE: &str = formatcp!(
    "update task set owner = $2 where id = $1 and owner is null and phase < {OVER} \
    and exists (select 1 from node where number = $2 and lease_until > {GIVEN_UP})"
);
const END: &str = formatcp!(
    "update task set phase = {OVER}, updated_at = $2, finished_at = $2, error = $3, \
    status = case when status = {RUNNING} then {FAILED} else status end where id = $1 and phase < {OVER}"
);

/// The statement of [`Store::tasks_in_hand`].
pub(crate) fn in_hand(node: i64) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(formatcp!(
            " from task where phase < {OVER} and (owner is null or owner = "
        ))
        .bind(node)
        .push(") order by id limit ")
        .bind(OPEN);
    sql
}

impl Store {
    /// The tasks that `node` works on: those that it has, and those that nobody has, which
    /// it takes; of each organisation `each` at most.
    pub async fn tasks_in_hand(&self, node: i64, each: usize) -> StoreResult<Vec<Task>> {
        let rows: Vec<Row> = self.read("looking for tasks").all(in_hand(node)).await?;
        let mut tasks = Vec::new();
        let mut of = std::collections::HashMap::new();
        for row in rows {
            let (id, ours) = (row.id, row.owner == Some(node));
            let task = match Task::try_from(row) {
                Ok(task) => task,
                Err(error) => {
                    // It stays alone: the others go on.
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a background task cannot be read"
                    );
                    self.end_task(id, BROKEN).await?;
                    continue;
                }
            };
            let taken: &mut usize = of.entry(task.org_id).or_default();
            if *taken < each && (ours || self.take_task(&task, node).await?) {
                *taken += 1;
                tasks.push(task);
            }
        }
        Ok(tasks)
    }

    async fn take_task(&self, task: &Task, node: i64) -> StoreResult<bool> {
        let taken = self
            .write("taking a task")
            .run(Sql::new(TAKE).with(task.id.uuid()).with(node))
            .await?;
        Ok(taken > 0)
    }

    /// Does the next chunk of a task that `node` has in hand.
    pub async fn advance_task(&self, task: &Task, node: i64) -> StoreResult<Progress> {
        let done = match (task.phase, &task.work) {
            (Phase::Over, _) => Ok(Progress::Over),
            (Phase::TakingBack, _) => self.take_back_chunk(task, node).await,
            (Phase::Counting, _) => self.count_chunk(task, node).await,
            (Phase::Working, Work::Attempts { .. } | Work::EventTypes) => {
                self.usage_chunk(task, node).await
            }
            (Phase::Working, Work::Purge { window }) => self.purge_chunk(task, node, *window).await,
            (Phase::Working, Work::Replay { endpoint, .. }) => {
                if self.is_full(*endpoint).await? {
                    return Ok(Progress::Full);
                }
                self.replay_chunk(task, node).await
            }
        };
        match done {
            Err(StoreError::Conflict(Refusal::EndpointDisabled)) => {
                let text = "the endpoint was disabled or deleted: enable it and start again";
                self.fail_task(task, text).await.map(|()| Progress::Over)
            }
            Err(StoreError::NotFound(_)) => {
                let text = "the application or endpoint was deleted";
                self.fail_task(task, text).await.map(|()| Progress::Over)
            }
            other => other,
        }
    }

    /// Ends a task that cannot go on for a reason that concerns nobody but us.
    pub async fn break_task(&self, task: &Task) -> StoreResult<()> {
        self.fail_task(task, BROKEN).await
    }

    async fn fail_task(&self, task: &Task, error: &str) -> StoreResult<()> {
        self.end_task(task.id.uuid(), error).await
    }

    async fn end_task(&self, id: Uuid, error: &str) -> StoreResult<()> {
        let now = self.clock.now().micros();
        self.write("ending a task")
            .run(Sql::new(END).with(id).with(now).with(error))
            .await
            .map(|_| ())
    }

    async fn is_full(&self, endpoint: EndpointId) -> StoreResult<bool> {
        let now = self.clock.now().micros();
        let rows: Vec<(i64,)> = self
            .read("counting due deliveries")
            .all(due(endpoint, now))
            .await?;
        Ok(!rows.is_empty())
    }

    async fn count_chunk(&self, task: &Task, node: i64) -> StoreResult<Progress> {
        let picked = match &task.work {
            Work::Replay {
                endpoint,
                window,
                which,
            } => {
                let of = (app_of(task)?, *endpoint);
                self.pick(of, which, *window, task.cursor, true).await?
            }
            Work::Purge { window } => {
                self.pick_payloads(app_of(task)?, *window, task.cursor, true)
                    .await?
            }
            Work::Attempts { apps, .. } => {
                return self.count_apps(task, node, apps.as_deref()).await;
            }
            Work::EventTypes => return self.count_apps(task, node, None).await,
        };
        let first = task.work.window().map_or(task.cursor, Window::first);
        let step = TaskStep {
            cursor: if picked.last { first } else { picked.upto },
            phase: if picked.last {
                Phase::Working
            } else {
                Phase::Counting
            },
            status: TaskStatus::Running,
            counted: picked.messages.len(),
            done: 0,
            lost: 0,
        };
        self.move_on(task, node, step).await
    }

    /// Moves a task that changes nothing by it.
    pub(super) async fn move_on(
        &self,
        task: &Task,
        node: i64,
        step: TaskStep,
    ) -> StoreResult<Progress> {
        let now = self.clock.now().micros();
        let mut tx = self.begin("counting for a task").await?;
        if !move_task(&mut tx, task, node, step, now).await? {
            return Ok(Progress::Over);
        }
        tx.commit().await?;
        Ok(Progress::Moved)
    }
}

/// The application of a task that has one.
pub(super) fn app_of(task: &Task) -> StoreResult<AppId> {
    task.app_id
        .ok_or_else(|| crate::engine::row::corrupt("task", "app_id", task.id))
}

/// The endpoint of a task that has one.
pub(super) fn replayed_at(task: &Task) -> StoreResult<EndpointId> {
    endpoint_of(task).ok_or_else(|| crate::engine::row::corrupt("task", "work", task.id))
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[MOVE, COUNT_CHANGED, TAKE, END],
    ..Statements::NONE
};
