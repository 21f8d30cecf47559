//! Looks at many deliveries at once on PostgreSQL.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Rows;
use crate::StoreResult;
use crate::error::wrong;
use crate::journal::RowId;
use crate::journal::owned::DeliveryKey;

const HOLD: &str =
    "select seq from journal where owes and seq = $1 and at = $2 for update skip locked";
const CLOSE: &str = "update journal j set owes = false from unnest($1::bigint[], $2::bigint[]) as i(seq, at) \
    where j.owes and j.seq = i.seq and j.at = i.at";
const FRESH: &str = "select d.endpoint_id, d.message_id from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    join delivery d on d.endpoint_id = i.endpoint_id and d.message_id = i.message_id \
    where d.state = 0 and d.due_at is null and d.owner = $3";
const FREE: &str = "update delivery d set owner = null, token = d.token + 1, due_at = $3 \
    from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id \
      and d.state = 0 and d.due_at is null and (d.owner = $4 or d.owner is null) returning d.endpoint_id";
const CLAIM: &str = "update delivery d set due_at = $3 \
    from unnest($1::uuid[], $2::uuid[]) as i(endpoint_id, message_id) \
    where d.endpoint_id = i.endpoint_id and d.message_id = i.message_id \
      and d.state = 0 and d.due_at is null returning d.endpoint_id, d.owner is null";
const FRESH_OF: &str = "select d.endpoint_id, d.message_id from unnest($1::uuid[], $2::uuid[]) as m(app_id, id) \
    join endpoint e on e.app_id = m.app_id \
    join delivery d on d.endpoint_id = e.id and d.message_id = m.id \
    where d.state = 0 and d.due_at is null";

fn columns(keys: &[DeliveryKey]) -> (Vec<Uuid>, Vec<Uuid>) {
    let endpoints = keys.iter().map(|key| key.0.uuid());
    (
        endpoints.collect(),
        keys.iter().map(|key| key.1.uuid()).collect(),
    )
}

impl Rows for PgConnection {
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
        sqlx::query(CLOSE)
            .bind(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.at).collect::<Vec<_>>())
            .execute(self)
            .await
            .map(|_| ())
            .map_err(wrong("closing rows of the journal"))
    }

    async fn fresh(&mut self, keys: &[DeliveryKey], node: i64) -> StoreResult<Vec<(Uuid, Uuid)>> {
        let (endpoints, messages) = columns(keys);
        sqlx::query_as(FRESH)
            .bind(endpoints)
            .bind(messages)
            .bind(node)
            .fetch_all(self)
            .await
            .map_err(wrong("looking at deliveries"))
    }

    async fn free(&mut self, keys: &[DeliveryKey], node: i64, due: i64) -> StoreResult<Vec<Uuid>> {
        let (endpoints, messages) = columns(keys);
        sqlx::query_scalar(FREE)
            .bind(endpoints)
            .bind(messages)
            .bind(due)
            .bind(node)
            .fetch_all(self)
            .await
            .map_err(wrong("freeing deliveries"))
    }

    async fn claim(&mut self, keys: &[DeliveryKey], due: i64) -> StoreResult<Vec<(Uuid, bool)>> {
        let (endpoints, messages) = columns(keys);
        sqlx::query_as(CLAIM)
            .bind(endpoints)
            .bind(messages)
            .bind(due)
            .fetch_all(self)
            .await
            .map_err(wrong("giving deliveries a due time"))
    }

    async fn fresh_of(&mut self, messages: &[(Uuid, Uuid)]) -> StoreResult<Vec<(Uuid, Uuid)>> {
        let (apps, ids): (Vec<Uuid>, Vec<Uuid>) = messages.iter().copied().unzip();
        sqlx::query_as(FRESH_OF)
            .bind(apps)
            .bind(ids)
            .fetch_all(self)
            .await
            .map_err(wrong("looking at deliveries"))
    }
}
