//! What has been taken for a time: idempotency keys and event ids.
//!
//! No index says which of them have expired: it would cost each publish that has one. A round
//! goes over the next few of each table in the order of their keys, and on at once while that
//! is worth it. So a round that has nothing to do reads as much as the last one, however many
//! there are.

use postrider_domain::{MessageId, Timestamp};
use uuid::Uuid;

use super::{CHUNK, CleanUp};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Keys that a round goes over before it is asked whether that was worth it.
const PAGE: i64 = 2_000;
/// It was if one of so many had expired.
const WORTH: u64 = 20;

/// What of it is told: whoever hears of any goes on at once.
fn worthwhile(removed: u64) -> u64 {
    if removed * WORTH < PAGE as u64 {
        0
    } else {
        removed
    }
}

const LAST_PUBLISH_KEY: &str =
    "select key from publish_key where key > $1 order by key limit 1 offset $2";
const EXPIRE_PUBLISH_KEYS: &str =
    "delete from publish_key where key > $1 and key <= $2 and expires_at <= $3";
const EXPIRE_LAST_PUBLISH_KEYS: &str =
    "delete from publish_key where key > $1 and expires_at <= $2";
const LAST_EVENT_ID: &str = "select app_id, event_id from event_key where (app_id, event_id) > ($1, $2) \
    order by app_id, event_id limit 1 offset $3";
const EXPIRE_EVENT_IDS: &str = "delete from event_key where (app_id, event_id) > ($1, $2) and (app_id, event_id) <= ($3, $4) \
    and message_id < $5";
const EXPIRE_LAST_EVENT_IDS: &str =
    "delete from event_key where (app_id, event_id) > ($1, $2) and message_id < $3";
const EXPIRE_ANSWERS: &str = "delete from answer_key where key in (select key from answer_key where expires_at <= $1 limit $2)";

impl Store {
    pub(super) async fn expire_publish_keys(
        &self,
        rounds: &mut CleanUp,
        now: Timestamp,
    ) -> StoreResult<u64> {
        let from = rounds.publish_keys.clone();
        let to: Option<Vec<u8>> = self
            .read("reading idempotency keys")
            .optional_scalar(
                Sql::new(LAST_PUBLISH_KEY)
                    .with(from.as_slice())
                    .with(PAGE - 1),
            )
            .await?;
        let removed = match &to {
            Some(to) => {
                self.write("forgetting idempotency keys")
                    .run(
                        Sql::new(EXPIRE_PUBLISH_KEYS)
                            .with(from.as_slice())
                            .with(to.as_slice())
                            .with(now.micros()),
                    )
                    .await?
            }
            None => {
                self.write("forgetting idempotency keys")
                    .run(
                        Sql::new(EXPIRE_LAST_PUBLISH_KEYS)
                            .with(from.as_slice())
                            .with(now.micros()),
                    )
                    .await?
            }
        };
        rounds.publish_keys = to.unwrap_or_default();
        Ok(worthwhile(removed))
    }

    /// An event id is taken for as long as its message is kept.
    pub(super) async fn expire_event_ids(
        &self,
        rounds: &mut CleanUp,
        before: Timestamp,
    ) -> StoreResult<u64> {
        let (app, event) = rounds.event_ids.clone();
        let floor = MessageId::floor(before).uuid();
        let to: Option<(Uuid, String)> = self
            .read("reading event ids")
            .optional(
                Sql::new(LAST_EVENT_ID)
                    .with(app)
                    .with(event.as_str())
                    .with(PAGE - 1),
            )
            .await?;
        let removed = match &to {
            Some((last, end)) => {
                self.write("forgetting event ids")
                    .run(
                        Sql::new(EXPIRE_EVENT_IDS)
                            .with(app)
                            .with(event.as_str())
                            .with(*last)
                            .with(end.as_str())
                            .with(floor),
                    )
                    .await?
            }
            None => {
                self.write("forgetting event ids")
                    .run(
                        Sql::new(EXPIRE_LAST_EVENT_IDS)
                            .with(app)
                            .with(event.as_str())
                            .with(floor),
                    )
                    .await?
            }
        };
        rounds.event_ids = to.unwrap_or_default();
        Ok(worthwhile(removed))
    }

    /// The kept answers of other requests, which are few and have an index.
    pub(super) async fn expire_answer_keys(&self, now: Timestamp) -> StoreResult<u64> {
        self.write("forgetting idempotency keys")
            .run(Sql::new(EXPIRE_ANSWERS).with(now.micros()).with(CHUNK))
            .await
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        LAST_PUBLISH_KEY,
        EXPIRE_PUBLISH_KEYS,
        EXPIRE_LAST_PUBLISH_KEYS,
        LAST_EVENT_ID,
        EXPIRE_EVENT_IDS,
        EXPIRE_LAST_EVENT_IDS,
        EXPIRE_ANSWERS,
    ],
    ..Statements::NONE
};
