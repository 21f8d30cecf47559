//! Outcomes on PostgreSQL: one statement for a batch of successes, a short
//! transaction for a batch with failures or manual attempts in it.

use const_format::formatcp;
use std::collections::{HashMap, HashSet};

use postrider_domain::{AttemptStatus, Health, Timestamp};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{Connection as _, PgConnection, Postgres};
use uuid::Uuid;

use super::emit::emit_of_deliveries;
use super::{Applied, NewAttempt, Outcome, Step, endpoints_where, failures, lanes_due};
use crate::commit::log;
use crate::engine::error::StoreResult;
use crate::engine::error::during;
use crate::engine::run::Connection;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::{PENDING, SUCCEEDED};

/// A batch that is written again because its first answer was lost records no attempt, and
/// is not told of again. `owner` stays as it is when the delivery ends: a row that leaves no index is
/// updated in place (heap-only).
const WRITE: &str = formatcp!("
with moved as (
    update delivery d set state = i.state, attempts = d.attempts + i.tried, sends = d.sends + i.tried,
        last_status = coalesce(i.status, d.last_status), due_at = i.due_at,
        owner = case when i.state = {PENDING} then null else d.owner end
    from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::integer[], $5::smallint[], $6::smallint[], $7::bigint[], $8::integer[])
      as i(endpoint_id, message_id, owner, token, state, status, due_at, tried)
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id
      and d.owner = i.owner and d.token = i.token and d.state = {PENDING}
    returning d.endpoint_id, d.message_id
), recorded as (
    insert into attempt (message_id, id, endpoint_id, endpoint_revision, status, http_status, failure, failure_text,
        trigger, number, started_at, duration_us, signature, response_headers, response_body, next_at, next_reason)
    select * from unnest($9::uuid[], $10::uuid[], $11::uuid[], $12::bigint[], $13::smallint[], $14::smallint[],
        $15::smallint[], $16::text[], $17::smallint[], $18::integer[], $19::bigint[], $20::bigint[], $21::text[],
        $22::text[], $23::bytea[], $24::bigint[], $25::smallint[])
    on conflict do nothing
    returning 1
), well as (
    delete from endpoint_health where endpoint_id = any($26::uuid[])
), told as (
    insert into journal (at, body, node, owes, whole)
    select $27, $28::bytea, $29, false, (select count(*) from moved) = cardinality($1::uuid[])
    where $28 is not null and exists (select 1 from recorded)
)
select endpoint_id, message_id from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id)
where (endpoint_id, message_id) not in (select endpoint_id, message_id from moved)");

const REMOVE_RESENDS: &str = "delete from resend where id = any($1::uuid[])";

const LANES: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select endpoint_id, app_id, due, due from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as i(endpoint_id, app_id, due) \
    on conflict (endpoint_id) do update set next_due = least(lane.next_due, excluded.next_due), \
        wake_at = greatest(lane.parked_until, least(lane.next_due, excluded.next_due))";

const FAILED: &str = "insert into endpoint_health (endpoint_id, first_failure_at, last_failure_at) \
    select endpoint_id, at, at from unnest($1::uuid[], $2::bigint[]) as i(endpoint_id, at) \
    on conflict (endpoint_id) do update set last_failure_at = greatest(endpoint_health.last_failure_at, excluded.last_failure_at) \
    returning endpoint_id, first_failure_at, last_failure_at";

const SETTLED: &str = formatcp!(
    "update delivery d set state = {SUCCEEDED}, due_at = null, token = d.token + 1 \
    from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id and d.state <> {SUCCEEDED}"
);

const TRIED: &str = "update delivery d set sends = d.sends + 1, last_status = i.status \
    from unnest($1::uuid[], $2::uuid[], $3::smallint[]) as i(endpoint_id, message_id, status) \
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id";

pub(crate) async fn write(
    connection: &mut PgConnection,
    node: i64,
    outcomes: &[Outcome],
    now: Timestamp,
) -> StoreResult<Vec<Applied>> {
    if outcomes.is_empty() {
        return Ok(Vec::new());
    }
    let plain = outcomes.iter().all(|o| {
        !o.is_failure()
            && o.event.is_none()
            && matches!(o.step, Step::Scheduled { due_at: None, .. })
    });
    if plain {
        let late = record(connection, node, outcomes, now).await?;
        return Ok(applied(outcomes, &late, &HashMap::new()));
    }
    let during = during("recording outcomes");
    let mut tx = connection.begin().await.map_err(during)?;
    let late = record(&mut tx, node, outcomes, now).await?;
    let health = follow_up(&mut tx, outcomes).await?;
    emit_of_deliveries(Connection::Postgres(&mut tx), outcomes, &late).await?;
    tx.commit().await.map_err(during)?;
    Ok(applied(outcomes, &late, &health))
}

fn applied(
    outcomes: &[Outcome],
    late: &HashSet<(Uuid, Uuid)>,
    health: &HashMap<Uuid, Health>,
) -> Vec<Applied> {
    outcomes
        .iter()
        .map(|o| Applied {
            moved: !late.contains(&(o.endpoint_id.uuid(), o.message_id.uuid())),
            health: health
                .get(&o.endpoint_id.uuid())
                .copied()
                .unwrap_or_default(),
        })
        .collect()
}

type Record<'q> = QueryAs<'q, Postgres, (Uuid, Uuid), PgArguments>;

/// Returns the deliveries that did not move: rows on their way back cost, and these are few.
async fn record(
    connection: &mut PgConnection,
    node: i64,
    outcomes: &[Outcome],
    now: Timestamp,
) -> StoreResult<HashSet<(Uuid, Uuid)>> {
    let well = endpoints_where(outcomes, Outcome::is_success);
    let query = bind_moves(sqlx::query_as(WRITE), outcomes);
    let query = bind_attempts(query, outcomes);
    let rows = query
        .bind(well.iter().map(|e| e.uuid()).collect::<Vec<_>>())
        .bind(now.micros())
        .bind(log::pack([], outcomes))
        .bind(node)
        .fetch_all(connection)
        .await
        .map_err(during("recording outcomes"))?;
    Ok(rows.into_iter().collect())
}

/// The first eight parameters: what moves.
fn bind_moves<'q>(query: Record<'q>, outcomes: &[Outcome]) -> Record<'q> {
    let count = outcomes.len();
    let (mut endpoints, mut messages) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut owners, mut tokens) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut states, mut statuses) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut dues, mut tried) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for outcome in outcomes {
        let Step::Scheduled {
            owner,
            token,
            state,
            due_at,
        } = outcome.step
        else {
            continue;
        };
        endpoints.push(outcome.endpoint_id.uuid());
        messages.push(outcome.message_id.uuid());
        owners.push(owner);
        tokens.push(token);
        states.push(state.code());
        statuses.push(outcome.tried.map(AttemptStatus::code));
        dues.push(due_at.map(Timestamp::micros));
        tried.push(i32::from(outcome.tried.is_some()));
    }
    query
        .bind(endpoints)
        .bind(messages)
        .bind(owners)
        .bind(tokens)
        .bind(states)
        .bind(statuses)
        .bind(dues)
        .bind(tried)
}

/// The next seventeen: the attempts, column by column.
fn bind_attempts<'q>(query: Record<'q>, outcomes: &'q [Outcome]) -> Record<'q> {
    let tried: Vec<(&Outcome, &NewAttempt)> = outcomes
        .iter()
        .filter_map(|o| o.attempt.as_ref().map(|a| (o, a)))
        .collect();
    query
        .bind(column(&tried, |o, _| o.message_id.uuid()))
        .bind(column(&tried, |_, a| a.id.uuid()))
        .bind(column(&tried, |o, _| o.endpoint_id.uuid()))
        .bind(column(&tried, |_, a| a.endpoint_revision))
        .bind(column(&tried, |_, a| a.status.code()))
        .bind(column(&tried, |_, a| a.http_status as i16))
        .bind(column(&tried, |_, a| {
            a.failure.as_ref().map(|f| f.0.code())
        }))
        .bind(column(&tried, |_, a| {
            a.failure.as_ref().map(|f| f.1.as_str())
        }))
        .bind(column(&tried, |_, a| a.trigger.code()))
        .bind(column(&tried, |_, a| a.number))
        .bind(column(&tried, |_, a| a.started_at.micros()))
        .bind(column(&tried, |_, a| a.duration.as_micros() as i64))
        .bind(column(&tried, |_, a| a.signature.as_str()))
        .bind(column(&tried, |_, a| a.response_headers.as_deref()))
        .bind(column(&tried, |_, a| {
            (!a.response_body.is_empty()).then(|| &a.response_body[..])
        }))
        .bind(column(&tried, |_, a| a.next_at.map(Timestamp::micros)))
        .bind(column(&tried, |_, a| a.next_reason.code()))
}

fn column<'q, T>(
    tried: &[(&'q Outcome, &'q NewAttempt)],
    read: impl Fn(&'q Outcome, &'q NewAttempt) -> T,
) -> Vec<T> {
    tried
        .iter()
        .map(|(outcome, attempt)| read(outcome, attempt))
        .collect()
}

/// Lanes, health and manual attempts.
async fn follow_up(
    connection: &mut PgConnection,
    outcomes: &[Outcome],
) -> StoreResult<HashMap<Uuid, Health>> {
    settle_manual(connection, outcomes).await?;
    let failed = failures(outcomes);
    let mut health = HashMap::new();
    if !failed.is_empty() {
        let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(FAILED)
            .bind(failed.iter().map(|f| f.0.uuid()).collect::<Vec<_>>())
            .bind(failed.iter().map(|f| f.1.micros()).collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await
            .map_err(during("recording failures"))?;
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
        sqlx::query(LANES)
            .bind(lanes.iter().map(|l| l.0.uuid()).collect::<Vec<_>>())
            .bind(lanes.iter().map(|l| l.1.uuid()).collect::<Vec<_>>())
            .bind(lanes.iter().map(|l| l.2.micros()).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await
            .map_err(during("waking lanes"))?;
    }
    Ok(health)
}

async fn settle_manual(connection: &mut PgConnection, outcomes: &[Outcome]) -> StoreResult<()> {
    let manual: Vec<(&Outcome, Uuid)> = outcomes
        .iter()
        .filter_map(|o| match o.step {
            Step::Manual { resend } => Some((o, resend)),
            Step::Scheduled { .. } => None,
        })
        .collect();
    if manual.is_empty() {
        return Ok(());
    }
    let during = during("recording manual attempts");
    sqlx::query(REMOVE_RESENDS)
        .bind(manual.iter().map(|m| m.1).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await
        .map_err(during)?;
    let tried: Vec<_> = manual
        .iter()
        .filter_map(|(o, _)| o.tried.map(|status| (o, status)))
        .collect();
    sqlx::query(TRIED)
        .bind(
            tried
                .iter()
                .map(|(o, _)| o.endpoint_id.uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            tried
                .iter()
                .map(|(o, _)| o.message_id.uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            tried
                .iter()
                .map(|(_, status)| status.code())
                .collect::<Vec<_>>(),
        )
        .execute(&mut *connection)
        .await
        .map_err(during)?;
    let won: Vec<_> = manual.iter().filter(|(o, _)| o.is_success()).collect();
    sqlx::query(SETTLED)
        .bind(
            won.iter()
                .map(|(o, _)| o.endpoint_id.uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            won.iter()
                .map(|(o, _)| o.message_id.uuid())
                .collect::<Vec<_>>(),
        )
        .execute(&mut *connection)
        .await
        .map(|_| ())
        .map_err(during)
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    postgres: &[WRITE, REMOVE_RESENDS, LANES, FAILED, SETTLED, TRIED],
    ..Statements::NONE
};
