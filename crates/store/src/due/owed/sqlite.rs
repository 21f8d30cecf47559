//! Looks at many deliveries at once on SQLite: keys travel packed in one blob.

use const_format::formatcp;
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::commit::log::RowId;
use crate::commit::log::owned::DeliveryKey;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::PENDING;

const HOLD: &str = "select seq from journal where owes and seq = $1 and at = $2";
const CLOSE: &str = "update journal set owes = 0 \
    from (select value ->> 0 as seq, value ->> 1 as at from jsonb_each($1)) as i \
    where journal.owes and journal.seq = i.seq and journal.at = i.at";
const FRESH: &str = formatcp!(
    "select d.endpoint_id, d.message_id from json_each($2) as i cross join delivery d \
    where d.endpoint_id = substr($1, i.key * 32 + 1, 16) and d.message_id = substr($1, i.key * 32 + 17, 16) \
      and d.state = {PENDING} and d.due_at is null and d.owner = $3"
);
const FREE: &str = formatcp!(
    "update delivery set owner = null, token = token + 1, due_at = $3 \
    where (endpoint_id, message_id) in \
        (select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16) from json_each($2)) \
      and state = {PENDING} and due_at is null and (owner = $4 or owner is null) returning endpoint_id"
);
const CLAIM: &str = formatcp!(
    "update delivery set due_at = $3 \
    where (endpoint_id, message_id) in \
        (select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16) from json_each($2)) \
      and state = {PENDING} and due_at is null returning endpoint_id, owner is null"
);
const FRESH_OF: &str = formatcp!(
    "select d.endpoint_id, d.message_id from json_each($2) as i cross join endpoint e cross join delivery d \
    where e.app_id = substr($1, i.key * 32 + 1, 16) and d.endpoint_id = e.id \
      and d.message_id = substr($1, i.key * 32 + 17, 16) and d.state = {PENDING} and d.due_at is null"
);

/// Pairs of ids in one blob, and a list as long.
fn packed(pairs: impl ExactSizeIterator<Item = (Uuid, Uuid)>) -> (Vec<u8>, String) {
    let places = json!(vec![0; pairs.len()]).to_string();
    let mut bytes = Vec::with_capacity(pairs.len() * 32);
    for (left, right) in pairs {
        bytes.extend_from_slice(left.as_bytes());
        bytes.extend_from_slice(right.as_bytes());
    }
    (bytes, places)
}

fn ids(keys: &[DeliveryKey]) -> impl ExactSizeIterator<Item = (Uuid, Uuid)> {
    keys.iter().map(|key| (key.0.uuid(), key.1.uuid()))
}

pub(super) async fn hold(connection: &mut SqliteConnection, row: RowId) -> sqlx::Result<bool> {
    sqlx::query(HOLD)
        .bind(row.seq)
        .bind(row.at)
        .fetch_optional(connection)
        .await
        .map(|found| found.is_some())
}

pub(super) async fn close(connection: &mut SqliteConnection, rows: &[RowId]) -> sqlx::Result<()> {
    let rows: Vec<_> = rows.iter().map(|row| (row.seq, row.at)).collect();
    sqlx::query(CLOSE)
        .bind(json!(rows).to_string())
        .execute(connection)
        .await
        .map(|_| ())
}

pub(super) async fn fresh(
    connection: &mut SqliteConnection,
    keys: &[DeliveryKey],
    node: i64,
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let (bytes, places) = packed(ids(keys));
    sqlx::query_as(FRESH)
        .bind(bytes)
        .bind(places)
        .bind(node)
        .fetch_all(connection)
        .await
}

pub(super) async fn free(
    connection: &mut SqliteConnection,
    keys: &[DeliveryKey],
    node: i64,
    due: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let (bytes, places) = packed(ids(keys));
    sqlx::query_scalar(FREE)
        .bind(bytes)
        .bind(places)
        .bind(due)
        .bind(node)
        .fetch_all(connection)
        .await
}

pub(super) async fn claim(
    connection: &mut SqliteConnection,
    keys: &[DeliveryKey],
    due: i64,
) -> sqlx::Result<Vec<(Uuid, bool)>> {
    let (bytes, places) = packed(ids(keys));
    sqlx::query_as(CLAIM)
        .bind(bytes)
        .bind(places)
        .bind(due)
        .fetch_all(connection)
        .await
}

pub(super) async fn fresh_of(
    connection: &mut SqliteConnection,
    messages: &[(Uuid, Uuid)],
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let (bytes, places) = packed(messages.iter().copied());
    sqlx::query_as(FRESH_OF)
        .bind(bytes)
        .bind(places)
        .fetch_all(connection)
        .await
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    sqlite: &[HOLD, CLOSE, FRESH, FREE, CLAIM, FRESH_OF],
    ..Statements::NONE
};
