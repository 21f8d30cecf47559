//! What follows a cancellation: deliveries that wait because of the task end again.

use const_format::formatcp;
use postrider_domain::{EndpointId, TaskId, TaskStatus};

use super::rows::endpoint_of;
use super::run::{TaskStep, move_task};
use super::{CHUNK, Phase, Progress, Task};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::{CANCELLED, PENDING, SKIPPED, SUCCEEDED, SUCCESS};

/// Whether anything of the task still waits: bind endpoint, task, and when the task began.
const LEFT: &str = "select exists (select 1 from delivery \
    where endpoint_id = $1 and due_at >= $3 and task_id = $2)";

/// Ends what waits because of a task that began then. Each stands again as it did, as far as
/// its row tells: it had succeeded before, was never tried, or failed.
pub(crate) fn take_back(endpoint: EndpointId, task: TaskId, began: i64) -> Sql {
    let mut sql = Sql::new(formatcp!(
        "update delivery set token = token + 1, due_at = null, \
         state = case when last_status = {SUCCESS} then {SUCCEEDED} when sends = 0 then {SKIPPED} else {CANCELLED} end where endpoint_id = "
    ));
    sql.bind(endpoint.uuid())
        .push(formatcp!(
            " and state = {PENDING} and owner is null and message_id in \
             (select message_id from delivery where endpoint_id = "
        ))
        .bind(endpoint.uuid())
        .push(" and due_at >= ")
        .bind(began)
        .push(" and owner is null and task_id = ")
        .bind(task.uuid())
        .push(" limit ")
        .bind(CHUNK as i64)
        .push(")");
    sql
}

impl Store {
    /// Takes back what waits because of a cancelled task, until nothing does: what is in a
    /// node's hand is not sent again, should it fail.
    pub(super) async fn take_back_chunk(&self, task: &Task, node: i64) -> StoreResult<Progress> {
        let now = self.clock.now().micros();
        let began = task.created_at.micros();
        let endpoint = endpoint_of(task);
        let stay = TaskStep {
            cursor: task.cursor,
            phase: Phase::TakingBack,
            status: TaskStatus::Canceled,
            counted: 0,
            done: 0,
            lost: 0,
        };
        let mut tx = self.begin("taking deliveries back").await?;
        // Held, so that no chunk of the task's is still on its way.
        if !move_task(&mut tx, task, node, stay, now).await? {
            return Ok(Progress::Over);
        }
        let progress = match endpoint {
            Some(endpoint) => take_back_some(&mut tx, endpoint, task.id, began).await?,
            None => Progress::Over,
        };
        if matches!(progress, Progress::Over) {
            let over = TaskStep {
                phase: Phase::Over,
                ..stay
            };
            move_task(&mut tx, task, node, over, now).await?;
        }
        tx.commit().await?;
        Ok(progress)
    }
}

/// Takes the next deliveries back. Says whether there are more, or some in a node's hand.
async fn take_back_some(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    task: TaskId,
    began: i64,
) -> StoreResult<Progress> {
    let taken = tx.run(take_back(endpoint, task, began)).await?;
    if taken == CHUNK as u64 {
        return Ok(Progress::Moved);
    }
    let left = Sql::new(LEFT)
        .with(endpoint.uuid())
        .with(task.uuid())
        .with(began);
    let left: bool = tx.scalar(left).await?;
    Ok(if left { Progress::Full } else { Progress::Over })
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[LEFT],
    ..Statements::NONE
};
