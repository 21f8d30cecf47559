//! Looks at many deliveries at once on SQLite: keys travel packed in one blob.

use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::Rows;
use crate::StoreResult;
use crate::error::wrong;
use crate::journal::RowId;
use crate::journal::owned::DeliveryKey;

const HOLD: &str = "select seq from journal where owes and seq = $1 and at = $2";
const CLOSE: &str = "update journal set owes = 0 \
    from (select value ->> 0 as seq, value ->> 1 as at from jsonb_each($1)) as i \
    where journal.owes and journal.seq = i.seq and journal.at = i.at";
const FRESH: &str = "select d.endpoint_id, d.message_id from json_each($2) as i cross join delivery d \
    where d.endpoint_id = substr($1, i.key * 32 + 1, 16) and d.message_id = substr($1, i.key * 32 + 17, 16) \
      and d.state = 0 and d.due_at is null and d.owner = $3";
const FREE: &str = "update delivery set owner = null, token = token + 1, due_at = $3 \
    where (endpoint_id, message_id) in \
        (select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16) from json_each($2)) \
      and state = 0 and due_at is null and (owner = $4 or owner is null) returning endpoint_id";
const CLAIM: &str = "update delivery set due_at = $3 \
    where (endpoint_id, message_id) in \
        (select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16) from json_each($2)) \
      and state = 0 and due_at is null returning endpoint_id, owner is null";
const FRESH_OF: &str = "select d.endpoint_id, d.message_id from json_each($2) as i cross join endpoint e cross join delivery d \
    where e.app_id = substr($1, i.key * 32 + 1, 16) and d.endpoint_id = e.id \
      and d.message_id = substr($1, i.key * 32 + 17, 16) and d.state = 0 and d.due_at is null";

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

impl Rows for SqliteConnection {
    async fn hold(&mut self, row: RowId) -> StoreResult<bool> {
        sqlx::query(HOLD)
            .bind(row.seq)
            .bind(row.at)
            .fetch_optional(self)
            .await
            .map(|found| found.is_some())
            .map_err(wrong("holding a row of the journal"))
    }

    async fn close(&mut self, rows: &[RowId]) -> StoreResult<()> {
        let rows: Vec<_> = rows.iter().map(|row| (row.seq, row.at)).collect();
        sqlx::query(CLOSE)
            .bind(json!(rows).to_string())
            .execute(self)
            .await
            .map(|_| ())
            .map_err(wrong("closing rows of the journal"))
    }

    async fn fresh(&mut self, keys: &[DeliveryKey], node: i64) -> StoreResult<Vec<(Uuid, Uuid)>> {
        let (bytes, places) = packed(ids(keys));
        sqlx::query_as(FRESH)
            .bind(bytes)
            .bind(places)
            .bind(node)
            .fetch_all(self)
            .await
            .map_err(wrong("looking at deliveries"))
    }

    async fn free(&mut self, keys: &[DeliveryKey], node: i64, due: i64) -> StoreResult<Vec<Uuid>> {
        let (bytes, places) = packed(ids(keys));
        sqlx::query_scalar(FREE)
            .bind(bytes)
            .bind(places)
            .bind(due)
            .bind(node)
            .fetch_all(self)
            .await
            .map_err(wrong("freeing deliveries"))
    }

    async fn claim(&mut self, keys: &[DeliveryKey], due: i64) -> StoreResult<Vec<(Uuid, bool)>> {
        let (bytes, places) = packed(ids(keys));
        sqlx::query_as(CLAIM)
            .bind(bytes)
            .bind(places)
            .bind(due)
            .fetch_all(self)
            .await
            .map_err(wrong("giving deliveries a due time"))
    }

    async fn fresh_of(&mut self, messages: &[(Uuid, Uuid)]) -> StoreResult<Vec<(Uuid, Uuid)>> {
        let (bytes, places) = packed(messages.iter().copied());
        sqlx::query_as(FRESH_OF)
            .bind(bytes)
            .bind(places)
            .fetch_all(self)
            .await
            .map_err(wrong("looking at deliveries"))
    }
}
