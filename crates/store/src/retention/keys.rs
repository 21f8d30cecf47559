//! What has been taken for a time: idempotency keys and event ids.
//!
//! No index says which of them have expired: it would cost each publish that has one. A round
//! goes over the next few of each table in the order of their keys, and on at once while that
//! is worth it. So a round that has nothing to do reads as much as the last one, however many
//! there are.

use parking_lot::Mutex;
use postrider_domain::{MessageId, Timestamp};
use uuid::Uuid;

use super::CHUNK;
use crate::{Store, StoreResult};

/// Keys that a round goes over before it is asked whether that was worth it.
const PAGE: i64 = 2_000;
/// It was if one of so many had expired.
const WORTH: u64 = 20;

/// How far the rounds have come, in the order of keys; each begins anew at the end.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    publish_keys: Mutex<Vec<u8>>,
    event_ids: Mutex<(Uuid, String)>,
}

/// What of it is told: whoever hears of any goes on at once.
fn worthwhile(removed: u64) -> u64 {
    if removed * WORTH < PAGE as u64 {
        0
    } else {
        removed
    }
}

impl Store {
    pub(super) async fn expire_publish_keys(&self, now: Timestamp) -> StoreResult<u64> {
        let from = self.expiry.publish_keys.lock().clone();
        let to: Option<Vec<u8>> = read!(self, "reading idempotency keys", pool => sqlx::query_scalar(
            "select key from publish_key where key > $1 order by key limit 1 offset $2",
        ).bind(from.as_slice()).bind(PAGE - 1).fetch_optional(pool).await)?;
        let removed = match &to {
            Some(to) => write!(self, "forgetting idempotency keys", pool => sqlx::query(
                "delete from publish_key where key > $1 and key <= $2 and expires_at <= $3",
            ).bind(from.as_slice()).bind(to.as_slice()).bind(now.micros())
            .execute(pool).await.map(|done| done.rows_affected()))?,
            None => write!(self, "forgetting idempotency keys", pool => sqlx::query(
                "delete from publish_key where key > $1 and expires_at <= $2",
            ).bind(from.as_slice()).bind(now.micros())
            .execute(pool).await.map(|done| done.rows_affected()))?,
        };
        *self.expiry.publish_keys.lock() = to.unwrap_or_default();
        Ok(worthwhile(removed))
    }

    /// An event id is taken for as long as its message is kept.
    pub(super) async fn expire_event_ids(&self, before: Timestamp) -> StoreResult<u64> {
        let (app, event) = self.expiry.event_ids.lock().clone();
        let floor = MessageId::floor(before).uuid();
        let to: Option<(Uuid, String)> = read!(self, "reading event ids", pool => sqlx::query_as(
            "select app_id, event_id from event_key where (app_id, event_id) > ($1, $2) \
             order by app_id, event_id limit 1 offset $3",
        ).bind(app).bind(event.as_str()).bind(PAGE - 1).fetch_optional(pool).await)?;
        let removed = match &to {
            Some((last, end)) => write!(self, "forgetting event ids", pool => sqlx::query(
                "delete from event_key where (app_id, event_id) > ($1, $2) and (app_id, event_id) <= ($3, $4) \
                 and message_id < $5",
            ).bind(app).bind(event.as_str()).bind(*last).bind(end.as_str()).bind(floor)
            .execute(pool).await.map(|done| done.rows_affected()))?,
            None => write!(self, "forgetting event ids", pool => sqlx::query(
                "delete from event_key where (app_id, event_id) > ($1, $2) and message_id < $3",
            ).bind(app).bind(event.as_str()).bind(floor)
            .execute(pool).await.map(|done| done.rows_affected()))?,
        };
        *self.expiry.event_ids.lock() = to.unwrap_or_default();
        Ok(worthwhile(removed))
    }

    /// The kept answers of other requests, which are few and have an index.
    pub(super) async fn expire_answer_keys(&self, now: Timestamp) -> StoreResult<u64> {
        write!(self, "forgetting idempotency keys", pool => sqlx::query(
            "delete from answer_key where key in (select key from answer_key where expires_at <= $1 limit $2)",
        ).bind(now.micros()).bind(CHUNK).execute(pool).await.map(|done| done.rows_affected()))
    }
}
