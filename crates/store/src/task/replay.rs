//! Making deliveries again: those that are there begin their schedule anew, those that
//! are not come into being. A delivery in a node's hand is left alone.

use const_format::formatcp;
use std::collections::HashSet;

use postrider_domain::{AppId, EndpointId, MessageId, TaskId};
use uuid::Uuid;

use super::pick::Picked;
use super::run::{TaskStep, app_of, count_changed, move_task, replayed_at};
use super::{Messages, Progress, Replayed, Task, Work};
use crate::due::lane::wake_lanes;
use crate::engine::error::{Refusal, StoreError, StoreResult};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::{Store, row};
use crate::expiry::payload_key;
use crate::stored::codes::{CANCELLED, PENDING, SKIPPED};

/// Holds the endpoint's row, so that nobody disables it meanwhile: what disabling
/// cancels, it then finds.
const HOLD: &str = "update endpoint set disabled_at = disabled_at \
    where id = $1 and not disabled and deleted_at is null";

/// A message that may be sent again.
#[derive(sqlx::FromRow)]
struct ReplayRow {
    id: Uuid,
    event_type: String,
    channels: Option<String>,
    payload_key: i64,
    kept: bool,
    last_http: Option<i16>,
}

/// What the picked messages are, and whether their payloads are there.
pub(crate) fn contents(app: AppId, endpoint: EndpointId, ids: &[Uuid], answers: bool) -> Sql {
    let mut sql = Sql::new(
        "select m.id, m.event_type, m.channels, m.payload_key, \
         (case when exists (select 1 from payload p where p.key = m.payload_key) then true else false end) as kept, ",
    );
    if answers {
        sql.push(
            "(select a.http_status from attempt a where a.message_id = m.id and a.endpoint_id = ",
        )
        .bind(endpoint.uuid())
        .push(" order by a.id desc limit 1) as last_http");
    } else {
        sql.push("cast(null as smallint) as last_http");
    }
    sql.push(" from message m where m.app_id = ")
        .bind(app.uuid())
        .and_ids("m.id", ids);
    sql
}

/// Begins the schedules of deliveries that have ended anew, whose states these are; with
/// `hasten`, what waits for its next attempt is due now, by the schedule that it has.
pub(crate) fn restart(
    endpoint: EndpointId,
    ids: &[Uuid],
    states: &str,
    hasten: bool,
    task: TaskId,
    now: i64,
) -> Sql {
    let mut sql = Sql::new(formatcp!(
        "update delivery set attempts = case when state = {PENDING} then attempts else 0 end, \
         owner = null, token = token + 1, state = {PENDING}, first_at = case when state = {PENDING} then first_at else "
    ));
    sql.bind(now)
        .push(" end, due_at = ")
        .bind(now)
        .push(formatcp!(
            ", task_id = case when state = {PENDING} then task_id else "
        ))
        .bind(task.uuid())
        .push(" end where endpoint_id = ")
        .bind(endpoint.uuid())
        .push(" and (state in (")
        .push(states)
        .push(")");
    if hasten {
        sql.push(formatcp!(
            " or (state = {PENDING} and owner is null and due_at > "
        ))
        .bind(now)
        .push(")");
    }
    sql.push(")").and_ids("message_id", ids);
    sql
}

/// Makes deliveries that are not there, or that were never tried.
pub(crate) fn fill(
    (app, endpoint): (AppId, EndpointId),
    ids: &[Uuid],
    task: TaskId,
    now: i64,
) -> Sql {
    let mut sql = Sql::new(
        "insert into delivery (endpoint_id, message_id, state, due_at, first_at, task_id) select ",
    );
    sql.bind(endpoint.uuid())
        .push(", m.id, 0, ")
        .bind(now)
        .push(", ")
        .bind(now)
        .push(", ")
        .bind(task.uuid())
        .push(" from message m where m.app_id = ")
        .bind(app.uuid())
        .and_ids("m.id", ids)
        .push(
            formatcp!(" on conflict (endpoint_id, message_id) do update set state = {PENDING}, attempts = 0, owner = null, \
             token = delivery.token + 1, due_at = excluded.due_at, first_at = excluded.first_at, \
             task_id = excluded.task_id \
             where delivery.state = {SKIPPED} or (delivery.state = {CANCELLED} and delivery.sends = 0)"),
        );
    sql
}

impl Replayed {
    /// The states of what ended, as a list in SQL.
    fn states(&self) -> &'static str {
        match self {
            Self::Failed | Self::Missing => "2, 3, 4",
            Self::Any { .. } => "1, 2, 3, 4",
        }
    }

    fn statement(&self, of: (AppId, EndpointId), ids: &[Uuid], task: TaskId, now: i64) -> Sql {
        match self {
            Self::Missing => fill(of, ids, task, now),
            Self::Failed => restart(of.1, ids, self.states(), false, task, now),
            Self::Any { .. } => restart(of.1, ids, self.states(), true, task, now),
        }
    }

    fn messages(&self) -> Option<&Messages> {
        match self {
            Self::Any { messages, .. } => Some(messages),
            Self::Failed | Self::Missing => None,
        }
    }

    fn status_class(&self) -> Option<u16> {
        match self {
            Self::Any { status_class, .. } => *status_class,
            Self::Failed | Self::Missing => None,
        }
    }

    /// Whether the message fulfils what is asked beyond where its delivery stands.
    fn admits(&self, content: &ReplayRow) -> StoreResult<bool> {
        if let Some(class) = self.status_class() {
            let last = content.last_http.unwrap_or(0);
            if u16::try_from(last).unwrap_or(0) / 100 * 100 != class {
                return Ok(false);
            }
        }
        let Some(wanted) = self.messages() else {
            return Ok(true);
        };
        let types = &wanted.event_types;
        if !types.is_empty() && !types.contains(&content.event_type) {
            return Ok(false);
        }
        let Some(channel) = &wanted.channel else {
            return Ok(true);
        };
        let id = MessageId::from_uuid(content.id);
        let channels: Option<Vec<String>> =
            row::json("message", "channels", id, content.channels.as_deref())?;
        Ok(channels.is_some_and(|channels| channels.contains(channel)))
    }
}

/// What is to become of the picked messages.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) sendable: Vec<Uuid>,
    pub(super) lost: usize,
}

impl Store {
    /// Puts the next deliveries into their lane.
    pub(super) async fn replay_chunk(&self, task: &Task, node: i64) -> StoreResult<Progress> {
        let (app, endpoint) = (app_of(task)?, replayed_at(task)?);
        let Work::Replay { window, which, .. } = &task.work else {
            return Ok(Progress::Over);
        };
        let picked = self
            .pick((app, endpoint), which, *window, task.cursor, false)
            .await?;
        let sorted = self.sort((app, endpoint), which, &picked).await?;
        let step = TaskStep::behind(&picked, sorted.lost);
        let now = self.clock.now().micros();
        let mut tx = self.begin("replaying deliveries").await?;
        if !move_task(&mut tx, task, node, step, now).await? {
            return Ok(Progress::Over);
        }
        if tx.run(Sql::new(HOLD).with(endpoint.uuid())).await? == 0 {
            return Err(StoreError::Conflict(Refusal::EndpointDisabled));
        }
        if !sorted.sendable.is_empty() {
            let statement = which.statement((app, endpoint), &sorted.sendable, task.id, now);
            let changed = tx.run(statement).await?;
            count_changed(&mut tx, task, changed).await?;
            wake_lanes(&mut tx, vec![endpoint.uuid()], now).await?;
        }
        tx.commit().await?;
        if !sorted.sendable.is_empty() {
            self.lane_hint().notify_one();
        }
        Ok(step.progress())
    }

    /// Tells apart what can be sent, what was not meant, and what is lost.
    pub(super) async fn sort(
        &self,
        (app, endpoint): (AppId, EndpointId),
        which: &Replayed,
        picked: &Picked,
    ) -> StoreResult<Sorted> {
        let now = self.clock.now();
        let mut sorted = Sorted::default();
        let mut known = HashSet::new();
        for ids in picked.messages.chunks(super::CHUNK) {
            let answers = which.status_class().is_some();
            let rows: Vec<ReplayRow> = self
                .read("reading messages")
                .all(contents(app, endpoint, ids, answers))
                .await?;
            for content in rows {
                known.insert(content.id);
                if !which.admits(&content)? {
                    continue;
                }
                if content.kept && payload_key::expires_at(content.payload_key) > now {
                    sorted.sendable.push(content.id);
                } else {
                    sorted.lost += 1;
                }
            }
        }
        // What has no message any more has expired with it.
        sorted.lost += picked
            .messages
            .iter()
            .filter(|id| !known.contains(*id))
            .count();
        sorted.sendable.sort_unstable();
        Ok(sorted)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[HOLD],
    ..Statements::NONE
};
