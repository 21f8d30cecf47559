//! Outcomes on SQLite, in the committer's transaction: a statement per table, ids
//! and bodies packed in one blob beside a JSON array of the small columns.

use const_format::formatcp;
use std::collections::{HashMap, HashSet};

use postrider_domain::{AttemptStatus, Health, Timestamp};
use serde::Serialize;
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::emit::emit_of_deliveries;
use super::{Applied, NewAttempt, Outcome, Step, endpoints_where, failures, lanes_due};
use crate::commit::log;
use crate::commit::messages::NewMessage;
use crate::engine::error::StoreResult;
use crate::engine::error::during;
use crate::engine::run::Connection;
use crate::engine::script::{Script, as_json};
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::transaction::{COMMIT, SqliteTransaction};
use crate::stored::codes::{PENDING, SUCCEEDED};

/// Each value is [owner, token, state, status, due_at, tried].
const MOVE: &str = formatcp!(
    "update delivery set state = i.state, attempts = attempts + i.tried, sends = sends + i.tried, \
        last_status = coalesce(i.status, last_status), due_at = i.due_at, \
        owner = case when i.state = {PENDING} then null else delivery.owner end \
    from (select substr($1, key * 32 + 1, 16) as endpoint_id, substr($1, key * 32 + 17, 16) as message_id, \
        value ->> 0 as owner, value ->> 1 as token, value ->> 2 as state, value ->> 3 as status, \
        value ->> 4 as due_at, value ->> 5 as tried from jsonb_each($2)) as i \
    where delivery.endpoint_id = i.endpoint_id and delivery.message_id = i.message_id \
      and delivery.owner = i.owner and delivery.token = i.token and delivery.state = {PENDING}"
);
/// Bound as [`MOVE`]: those that are not now as it would have left them.
const LATE: &str = "select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16) from jsonb_each($2) as i \
    where not exists (select 1 from delivery d where d.endpoint_id = substr($1, i.key * 32 + 1, 16) \
        and d.message_id = substr($1, i.key * 32 + 17, 16) and d.token = i.value ->> 1 and d.state = i.value ->> 2)";
const RECORD: &str = "insert into attempt (message_id, id, endpoint_id, endpoint_revision, status, http_status, failure, \
        failure_text, trigger, number, started_at, duration_us, signature, response_headers, next_at, next_reason, response_body) \
    select substr($1, key * 48 + 1, 16), substr($1, key * 48 + 17, 16), substr($1, key * 48 + 33, 16), \
        value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, \
        value ->> 9, value ->> 10, value ->> 11, value ->> 12, \
        case value ->> 14 when 0 then null else substr($3, value ->> 13, value ->> 14) end \
    from jsonb_each($2) where true on conflict do nothing";
const WELL: &str = "delete from endpoint_health where endpoint_id in \
    (select substr($1, key * 16 + 1, 16) from json_each($2))";
const FAILED: &str = "insert into endpoint_health (endpoint_id, first_failure_at, last_failure_at) \
    select substr($1, key * 16 + 1, 16), value, value from json_each($2) where true \
    on conflict (endpoint_id) do update set last_failure_at = max(last_failure_at, excluded.last_failure_at) \
    returning endpoint_id, first_failure_at, last_failure_at";
const REMOVE_RESEND: &str = "delete from resend where id = $1";
const TRIED: &str = "update delivery set sends = sends + 1, last_status = $3 where endpoint_id = $1 and message_id = $2";
const SETTLED: &str = formatcp!(
    "update delivery set state = {SUCCEEDED}, due_at = null, token = token + 1 \
    where endpoint_id = $1 and message_id = $2 and state <> {SUCCEEDED}"
);
const LANES: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16), value, value from json_each($2) where true \
    on conflict (endpoint_id) do update set next_due = min(lane.next_due, excluded.next_due), \
        wake_at = max(lane.parked_until, min(lane.next_due, excluded.next_due))";

/// The commit log's row. Bind now, body, node, what is owned, whether it owes, and how many
/// outcomes are to have moved their deliveries: right behind [`MOVE`], so that `changes()`
/// says how many have.
const TELL: &str = "insert into journal (at, body, node, owned, owes, whole) \
    select $1, $2, $3, $4, $5, $6 = 0 or changes() = $6";
/// Also bind the message and the id of the first attempt: once that is there, the batch has
/// been told of, since a batch is written as a whole and tried again as it was.
const TELL_ONCE: &str = "insert into journal (at, body, node, owned, owes, whole) \
    select $1, $2, $3, $4, $5, $6 = 0 or changes() = $6 \
    where not exists (select 1 from attempt where message_id = $7 and id = $8)";

/// What the commit log is to hold of a batch.
pub(crate) struct Entry {
    node: i64,
    at: Timestamp,
    body: Option<Vec<u8>>,
    owned: Option<Vec<u8>>,
    /// The first attempt, if the batch may be written for the second time.
    once: Option<(Uuid, Uuid)>,
}

impl Entry {
    /// Of messages and outcomes.
    pub(crate) fn new(
        node: i64,
        at: Timestamp,
        messages: &[&NewMessage],
        outcomes: &[Outcome],
    ) -> Self {
        Self {
            node,
            at,
            body: log::pack(messages.iter().copied(), outcomes),
            owned: log::owned::pack(messages.iter().copied()),
            once: None,
        }
    }

    /// Of outcomes alone, which may be written for the second time.
    pub(crate) fn again(node: i64, at: Timestamp, outcomes: &[Outcome]) -> Self {
        let first = outcomes
            .iter()
            .find_map(|outcome| Some((outcome.message_id, outcome.attempt.as_ref()?.id)));
        Self {
            once: first.map(|(message, attempt)| (message.uuid(), attempt.uuid())),
            ..Self::new(node, at, &[], outcomes)
        }
    }

    /// Right behind the statement that moves, and before the one that records attempts.
    fn add(self, script: &mut Script, moves: Option<&Moves>) {
        let Some(body) = self.body else {
            return;
        };
        let text = if self.once.is_some() { TELL_ONCE } else { TELL };
        let owes = self.owned.is_some();
        script
            .add(text)
            .bind(self.at.micros())
            .bind(body)
            .bind(self.node)
            .bind(self.owned)
            .bind(owes)
            .bind(moves.map_or(0, |moves| moves.count as i64));
        if let Some((message, attempt)) = self.once {
            script.bind(message).bind(attempt);
        }
    }
}

/// Ends the batch's script with what the outcomes write, runs it, and commits.
pub(crate) async fn write(
    tx: &mut SqliteTransaction,
    mut script: Script,
    outcomes: &[Outcome],
    entry: Entry,
) -> StoreResult<Vec<Applied>> {
    let moves = add_moves(&mut script, outcomes)?;
    entry.add(&mut script, moves.as_ref());
    add_records(&mut script, outcomes)?;
    add_well(&mut script, outcomes);
    let followed = outcomes.iter().any(is_followed);
    if !followed {
        script.add(COMMIT);
    }
    let changed = script.run(tx, "storing a batch").await?;
    if !followed {
        tx.committed();
    }
    let connection: &mut SqliteConnection = &mut *tx;
    // After a commit as good as before: nobody else has the connection that writes.
    let late = match &moves {
        Some(moves) if changed.get(moves.statement) != Some(&(moves.count as u64)) => {
            late(connection, moves).await?
        }
        _ => HashSet::new(),
    };
    let mut health = HashMap::new();
    if followed {
        settle_manual(connection, outcomes).await?;
        health = follow_up(connection, outcomes).await?;
        emit_of_deliveries(Connection::Sqlite(connection), outcomes, &late).await?;
        let mut end = Script::default();
        end.add(COMMIT);
        end.run(connection, "storing a batch").await?;
        tx.committed();
    }
    Ok(outcomes
        .iter()
        .map(|o| Applied {
            moved: !late.contains(&(o.endpoint_id.uuid(), o.message_id.uuid())),
            health: health
                .get(&o.endpoint_id.uuid())
                .copied()
                .unwrap_or_default(),
        })
        .collect())
}

/// Whether more follows from it than the batch's script writes.
fn is_followed(outcome: &Outcome) -> bool {
    let due = match outcome.step {
        Step::Scheduled { due_at, .. } => due_at.is_some(),
        Step::Manual { .. } => true,
    };
    due || outcome.is_failure() || outcome.event.is_some()
}

/// The deliveries that a batch means to move.
struct Moves {
    /// Which statement of the script does it.
    statement: usize,
    count: usize,
    ids: Vec<u8>,
    rows: String,
}

fn add_moves(script: &mut Script, outcomes: &[Outcome]) -> StoreResult<Option<Moves>> {
    let (mut ids, mut rows) = (
        Vec::with_capacity(outcomes.len() * 32),
        Vec::with_capacity(outcomes.len()),
    );
    for outcome in outcomes {
        if let Step::Scheduled {
            owner,
            token,
            state,
            due_at,
        } = outcome.step
        {
            ids.extend_from_slice(outcome.endpoint_id.uuid().as_bytes());
            ids.extend_from_slice(outcome.message_id.uuid().as_bytes());
            let status = outcome.tried.map(AttemptStatus::code);
            rows.push((
                owner,
                token,
                state.code(),
                status,
                due_at.map(Timestamp::micros),
                i32::from(outcome.tried.is_some()),
            ));
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let moves = Moves {
        statement: script.len(),
        count: rows.len(),
        ids,
        rows: as_json(&rows)?,
    };
    script
        .add(MOVE)
        .bind(moves.ids.clone())
        .bind(moves.rows.clone());
    Ok(Some(moves))
}

/// Which deliveries did not move. Asked only when the count says that some did not, since
/// rows on their way back cost more than the update itself.
async fn late(
    connection: &mut SqliteConnection,
    moves: &Moves,
) -> StoreResult<HashSet<(Uuid, Uuid)>> {
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(LATE)
        .bind(&moves.ids)
        .bind(&moves.rows)
        .fetch_all(connection)
        .await
        .map_err(during("looking for late outcomes"))?;
    Ok(rows.into_iter().collect())
}

fn add_records(script: &mut Script, outcomes: &[Outcome]) -> StoreResult<()> {
    // Never empty: SQLite takes an empty blob for NULL.
    let (mut ids, mut rows, mut bodies) = (Vec::new(), Vec::new(), vec![0]);
    for (outcome, attempt) in outcomes
        .iter()
        .filter_map(|o| o.attempt.as_ref().map(|a| (o, a)))
    {
        for id in [
            outcome.message_id.uuid(),
            attempt.id.uuid(),
            outcome.endpoint_id.uuid(),
        ] {
            ids.extend_from_slice(id.as_bytes());
        }
        rows.push(columns(attempt, bodies.len() + 1));
        bodies.extend_from_slice(&attempt.response_body);
    }
    if !rows.is_empty() {
        let rows = as_json(&rows)?;
        script.add(RECORD).bind(ids).bind(rows).bind(bodies);
    }
    Ok(())
}

fn add_well(script: &mut Script, outcomes: &[Outcome]) {
    let well = endpoints_where(outcomes, Outcome::is_success);
    if !well.is_empty() {
        let packed: Vec<u8> = well.iter().flat_map(|id| *id.uuid().as_bytes()).collect();
        script
            .add(WELL)
            .bind(packed)
            .bind(json!(vec![0; well.len()]).to_string());
    }
}

fn columns(attempt: &NewAttempt, body_at: usize) -> impl Serialize + '_ {
    (
        attempt.endpoint_revision,
        attempt.status.code(),
        attempt.http_status,
        attempt.failure.as_ref().map(|failure| failure.0.code()),
        attempt.failure.as_ref().map(|failure| &failure.1),
        attempt.trigger.code(),
        attempt.number,
        attempt.started_at.micros(),
        attempt.duration.as_micros() as i64,
        &attempt.signature,
        &attempt.response_headers,
        attempt.next_at.map(Timestamp::micros),
        attempt.next_reason.code(),
        body_at,
        attempt.response_body.len(),
    )
}

/// Manual attempts are few: a statement each.
async fn settle_manual(connection: &mut SqliteConnection, outcomes: &[Outcome]) -> StoreResult<()> {
    let during = during("recording a manual attempt");
    for outcome in outcomes {
        let Step::Manual { resend } = outcome.step else {
            continue;
        };
        sqlx::query(REMOVE_RESEND)
            .bind(resend)
            .execute(&mut *connection)
            .await
            .map_err(during)?;
        let Some(status) = outcome.tried else {
            continue;
        };
        sqlx::query(TRIED)
            .bind(outcome.endpoint_id.uuid())
            .bind(outcome.message_id.uuid())
            .bind(status.code())
            .execute(&mut *connection)
            .await
            .map_err(during)?;
        if outcome.is_success() {
            sqlx::query(SETTLED)
                .bind(outcome.endpoint_id.uuid())
                .bind(outcome.message_id.uuid())
                .execute(&mut *connection)
                .await
                .map_err(during)?;
        }
    }
    Ok(())
}

async fn follow_up(
    connection: &mut SqliteConnection,
    outcomes: &[Outcome],
) -> StoreResult<HashMap<Uuid, Health>> {
    let during = during("recording what follows");
    let failed = failures(outcomes);
    let mut health = HashMap::new();
    if !failed.is_empty() {
        let packed: Vec<u8> = failed.iter().flat_map(|f| *f.0.uuid().as_bytes()).collect();
        let times: Vec<i64> = failed.iter().map(|f| f.1.micros()).collect();
        let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(FAILED)
            .bind(packed)
            .bind(json!(times).to_string())
            .fetch_all(&mut *connection)
            .await
            .map_err(during)?;
        for (id, first, last) in rows {
            health.insert(
                id,
                Health {
                    first_failure_at: Some(Timestamp::from_micros(first)),
                    last_failure_at: Some(Timestamp::from_micros(last)),
                },
            );
        }
    }
    let lanes = lanes_due(outcomes);
    if !lanes.is_empty() {
        let mut packed = Vec::with_capacity(lanes.len() * 32);
        for (endpoint, app, _) in &lanes {
            packed.extend_from_slice(endpoint.uuid().as_bytes());
            packed.extend_from_slice(app.uuid().as_bytes());
        }
        let times: Vec<i64> = lanes.iter().map(|lane| lane.2.micros()).collect();
        sqlx::query(LANES)
            .bind(packed)
            .bind(json!(times).to_string())
            .execute(connection)
            .await
            .map_err(during)?;
    }
    Ok(health)
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    sqlite: &[
        MOVE,
        LATE,
        RECORD,
        WELL,
        FAILED,
        REMOVE_RESEND,
        TRIED,
        SETTLED,
        LANES,
        TELL,
        TELL_ONCE,
    ],
    ..Statements::NONE
};
