//! What follows a cancellation: deliveries that wait because of the task end again.

use postrider_domain::{EndpointId, TaskId, TaskStatus};

use super::rows::endpoint_of;
use super::run::{Step, move_task};
use super::{CHUNK, Phase, Progress, Task};
use crate::sql::{Sql, change};
use crate::{Store, StoreResult};

/// Whether anything of the task still waits: bind endpoint, task, and when the task began.
const LEFT: &str = "select exists (select 1 from delivery \
    where endpoint_id = $1 and due_at >= $3 and task_id = $2)";

/// Ends what waits because of a task that began then. Each stands again as it did, as far as
/// its row tells: it had succeeded before, was never tried, or failed.
pub(crate) fn take_back(endpoint: EndpointId, task: TaskId, began: i64) -> Sql {
    let mut sql = Sql::new(
        "update delivery set token = token + 1, due_at = null, \
         state = case when last_status = 0 then 1 when sends = 0 then 4 else 3 end where endpoint_id = ",
    );
    sql.bind(endpoint.uuid())
        .push(
            " and state = 0 and owner is null and message_id in \
             (select message_id from delivery where endpoint_id = ",
        )
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
        let stay = Step {
            cursor: task.cursor,
            phase: Phase::TakingBack,
            status: TaskStatus::Canceled,
            counted: 0,
            done: 0,
            lost: 0,
        };
        transaction!(self, "taking deliveries back", conn => {
            let wrong = crate::error::wrong("taking deliveries back");
            // Held, so that no chunk of the task's is still on its way.
            move_task!(conn, wrong, task, node, stay, now);
            let mut over = true;
            if let Some(endpoint) = endpoint {
                let taken = change!(conn, wrong, take_back(endpoint, task.id, began));
                if taken == CHUNK as u64 {
                    return Ok(Progress::Moved);
                }
                let left: bool = sqlx::query_scalar(LEFT).bind(endpoint.uuid()).bind(task.id.uuid()).bind(began)
                    .fetch_one(&mut *conn).await.map_err(wrong)?;
                over = !left;
            }
            if !over {
                return Ok(Progress::Full);
            }
            move_task!(conn, wrong, task, node, Step { phase: Phase::Over, ..stay }, now);
            Ok(Progress::Over)
        })
    }
}
