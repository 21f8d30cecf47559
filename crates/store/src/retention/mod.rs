//! What expires: payloads on their day, rows after their time, keys after theirs.
//!
//! On PostgreSQL whole partitions go (see `expiry/partition.rs`); what has no partition, and
//! everything on SQLite, goes in bounded chunks, so that no one waits long behind a
//! clean-up. What is still to be delivered stays.

mod keys;

use const_format::formatcp;
use std::time::Duration;

use postrider_domain::{MessageId, Timestamp};
use uuid::Uuid;

use crate::engine::Db;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::expiry::payload_key;
use crate::stored::codes::PENDING;

/// Rows that one statement removes at most.
const CHUNK: i64 = 500;

/// How far the rounds have come that go over idempotency keys and event ids in their order;
/// each begins anew at the end.
#[derive(Debug, Default)]
pub struct CleanUp {
    publish_keys: Vec<u8>,
    event_ids: (Uuid, String),
}

const EXPIRE_DELIVERIES: &str = formatcp!(
    "delete from delivery where (endpoint_id, message_id) in \
    (select d.endpoint_id, d.message_id from endpoint e cross join delivery d \
    where d.endpoint_id = e.id and d.message_id < $1 and d.state <> {PENDING} limit $2)"
);
const EXPIRE_PAYLOADS: &str = "delete from payload where key in (select key from payload where key < $1 and key not in \
    (select m.payload_key from delivery d join endpoint e on e.id = d.endpoint_id \
    join message m on m.app_id = e.app_id and m.id = d.message_id where d.due_at is not null) limit $2)";
const EXPIRE_ATTEMPTS: &str = "delete from attempt where (message_id, id) in \
    (select message_id, id from attempt where message_id < $1 and message_id not in \
    (select message_id from delivery where due_at is not null) limit $2)";
const EXPIRE_MESSAGES: &str = "delete from message where (app_id, id) in \
    (select m.app_id, m.id from app a cross join message m where m.app_id = a.id and m.id < $1 and m.id not in \
    (select message_id from delivery where due_at is not null) limit $2)";

impl Store {
    /// One round of cleaning up, each step by itself: the first error is told when the others
    /// have found nothing more. Returns whether anything is left to remove at once.
    pub async fn clean_up(&self, rounds: &mut CleanUp, keep_rows: Duration) -> StoreResult<bool> {
        let now = self.clock.now();
        let rows_before = now.minus(keep_rows);
        let mut steps = vec![
            self.expire_publish_keys(rounds, now).await,
            self.expire_answer_keys(now).await,
            self.expire_tokens(now, CHUNK).await,
            self.expire_event_ids(rounds, rows_before).await,
            self.expire_deliveries(rows_before).await,
            self.expire_tasks(rows_before).await,
            self.expire_told(rows_before, CHUNK).await,
            self.expire_sessions(now, CHUNK).await,
            self.expire_inboxes(now).await,
            self.expire_stats(now).await,
        ];
        match &*self.db {
            Db::Postgres(_) => {
                steps.push(self.drop_partitions(rows_before, now).await.map(|_| 0));
            }
            Db::Sqlite(_) => {
                steps.push(self.expire_payloads(now).await);
                steps.push(self.expire_rows(rows_before).await);
            }
        }
        steps.push(self.trim_changes().await.map(|()| 0));
        let removed: u64 = steps.iter().flatten().sum();
        let failed = steps.into_iter().find_map(Result::err);
        match failed {
            Some(error) if removed == 0 => Err(error),
            _ => Ok(removed > 0),
        }
    }

    async fn expire_deliveries(&self, before: Timestamp) -> StoreResult<u64> {
        self.write("removing old deliveries")
            .run(
                Sql::new(EXPIRE_DELIVERIES)
                    .with(MessageId::floor(before).uuid())
                    .with(CHUNK),
            )
            .await
    }

    async fn expire_payloads(&self, now: Timestamp) -> StoreResult<u64> {
        let today = now.seconds().div_euclid(86_400);
        self.write("removing payloads")
            .run(
                Sql::new(EXPIRE_PAYLOADS)
                    .with(payload_key::first_of_day(today))
                    .with(CHUNK),
            )
            .await
    }

    async fn expire_rows(&self, before: Timestamp) -> StoreResult<u64> {
        let floor = MessageId::floor(before).uuid();
        let attempts = self
            .write("removing old attempts")
            .run(Sql::new(EXPIRE_ATTEMPTS).with(floor).with(CHUNK))
            .await?;
        let messages = self
            .write("removing old messages")
            .run(Sql::new(EXPIRE_MESSAGES).with(floor).with(CHUNK))
            .await?;
        Ok(attempts + messages)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        EXPIRE_DELIVERIES,
        EXPIRE_PAYLOADS,
        EXPIRE_ATTEMPTS,
        EXPIRE_MESSAGES,
    ],
    ..Statements::NONE
};

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] =
    &[&[STATEMENTS, keys::STATEMENTS]];
