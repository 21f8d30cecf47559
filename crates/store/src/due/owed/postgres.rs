//! Looks at many deliveries at once on PostgreSQL.

use const_format::formatcp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::commit::log::RowId;
use crate::commit::log::owned::DeliveryKey;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::PENDING;

const HOLD: &str =
    "select seq from journal where owes and seq = $1 and at = $2 for update skip locked";
const CLOSE: &str = "update journal j set owes = false from unnest($1::bigint[], $2::bigint[]) as i(seq, at) \
    where j.owes and j.seq = i.seq and j.at = i.at";
const FRESH: &str = formatcp!(
    "select d.endpoint_id, d.message_id from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    join delivery d on d.endpoint_id = i.endpoint_id and d.message_id = i.message_id \
    where d.state = {PENDING} and d.due_at is null and d.owner = $3"
);
const FREE: &str = formatcp!(
    "update delivery d set owner = null, token = d.token + 1, due_at = $3 \
    from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id \
      and d.state = {PENDING} and d.due_at is null and (d.owner = $4 or d.owner is null) returning d.endpoint_id"
);
const CLAIM: &str = formatcp!(
    "update delivery d set due_at = $3 \
    from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id \
      and d.state = {PENDING} and d.due_at is null returning d.endpoint_id, d.owner is null"
);
const FRESH_OF: &str = formatcp!(
    "select d.endpoint_id, d.message_id from unnest($1::uuid[], $2::uuid[]) as m(app_id, id) \
    join endpoint e on e.app_id = m.app_id \
    join delivery d on d.endpoint_id = e.id and d.message_id = m.id \
    where d.state = {PENDING} and d.due_at is null"
);

fn columns(keys: &[DeliveryKey]) -> (Vec<Uuid>, Vec<Uuid>) {
    let endpoints = keys.iter().map(|key| key.0.uuid());
    (
        endpoints.collect(),
        keys.iter().map(|key| key.1.uuid()).collect(),
    )
}

pub(super) async fn hold(connection: &mut PgConnection, row: RowId) -> sqlx::Result<bool> {
    sqlx::query(HOLD)
        .bind(row.seq)
        .bind(row.at)
        .fetch_optional(connection)
        .await
        .map(|found| found.is_some())
}

pub(super) async fn close(connection: &mut PgConnection, rows: &[RowId]) -> sqlx::Result<()> {
    sqlx::query(CLOSE)
        .bind(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.at).collect::<Vec<_>>())
        .execute(connection)
        .await
        .map(|_| ())
}

pub(super) async fn fresh(
    connection: &mut PgConnection,
    keys: &[DeliveryKey],
    node: i64,
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let (endpoints, messages) = columns(keys);
    sqlx::query_as(FRESH)
        .bind(endpoints)
        .bind(messages)
        .bind(node)
        .fetch_all(connection)
        .await
}

pub(super) async fn free(
    connection: &mut PgConnection,
    keys: &[DeliveryKey],
    node: i64,
    due: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let (endpoints, messages) = columns(keys);
    sqlx::query_scalar(FREE)
        .bind(endpoints)
        .bind(messages)
        .bind(due)
        .bind(node)
        .fetch_all(connection)
        .await
}

pub(super) async fn claim(
    connection: &mut PgConnection,
    keys: &[DeliveryKey],
    due: i64,
) -> sqlx::Result<Vec<(Uuid, bool)>> {
    let (endpoints, messages) = columns(keys);
    sqlx::query_as(CLAIM)
        .bind(endpoints)
        .bind(messages)
        .bind(due)
        .fetch_all(connection)
        .await
}

pub(super) async fn fresh_of(
    connection: &mut PgConnection,
    messages: &[(Uuid, Uuid)],
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let (apps, ids): (Vec<Uuid>, Vec<Uuid>) = messages.iter().copied().unzip();
    sqlx::query_as(FRESH_OF)
        .bind(apps)
        .bind(ids)
        .fetch_all(connection)
        .await
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    postgres: &[HOLD, CLOSE, FRESH, FREE, CLAIM, FRESH_OF],
    ..Statements::NONE
};
