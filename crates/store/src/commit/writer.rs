//! The committers' writer: messages and outcomes to the database, together where that is
//! cheaper, and whatever goes wrong on the way.
//!
//! Next on a message's way: `crates/store/src/commit/messages/postgres.rs`.

use std::time::Duration;

use postrider_domain::Timestamp;

use super::messages::recent_keys::RecentKeys;
use super::messages::{self, IngestBatch, IngestResult, results};
use super::outcomes::{self, Applied, Outcome};
use super::sqlite;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::{Db, Store};

/// The committers' own connections to the database.
///
/// On SQLite ingest and outcomes share each transaction; on PostgreSQL each has a
/// committer and a connection of its own.
#[derive(Debug)]
pub struct Writer {
    pub(crate) store: Store,
    /// SQLite's youngest idempotency keys.
    pub(super) recent_keys: RecentKeys,
    pub(crate) postgres: Option<sqlx::pool::PoolConnection<sqlx::Postgres>>,
    /// When the connection was last known to be good.
    pub(crate) used_at: Timestamp,
}

/// A connection that has rested longer is tried before it is trusted with a batch: it may have
/// died meanwhile, and the first publisher after an outage is not to be the one to find out.
/// Under load none rests so long.
const IDLE: Duration = Duration::from_millis(100);
/// How long that may take: nothing has been written yet, so another connection may be taken
/// while its publishers still wait.
const TRY: Duration = Duration::from_secs(2);

impl Store {
    /// A committer's writer, which connects when it is first used.
    pub fn writer(&self) -> Writer {
        Writer {
            store: self.clone(),
            recent_keys: RecentKeys::default(),
            postgres: None,
            used_at: Timestamp::from_micros(0),
        }
    }
}

impl Writer {
    /// Writes messages and outcomes, each in one transaction or both in the same.
    /// Returns the result of each message and whether each outcome still applied.
    ///
    /// An error means that nothing is known of either: a commit whose answer was
    /// lost may have gone through.
    pub async fn write(
        &mut self,
        batch: IngestBatch<'_>,
        outcomes: &[Outcome],
    ) -> StoreResult<Written> {
        let has = (!batch.messages.is_empty(), !outcomes.is_empty());
        pass_before(has);
        let written = match self.optimistic(batch, outcomes).await {
            Err(StoreError::Conflict(Refusal::PayloadKey)) => {
                // Another node has the same block of keys: the database went back, and nobody
                // has noticed yet.
                self.store.database_lost();
                Err(StoreError::Conflict(Refusal::PayloadKey))
            }
            Err(error) if error.is_about_data() => self.careful(batch, outcomes).await,
            // Two nodes' batches in each other's way: this one was rolled back.
            Err(error) if error.is_rolled_back() => self.optimistic(batch, outcomes).await,
            other => other,
        };
        pass_after(has);
        if let Err(error) = &written
            && !error.is_the_servers_answer()
        {
            // Whatever is wrong with the connection, the next batch takes another.
            self.disconnect();
        }
        written
    }

    pub(super) async fn optimistic(
        &mut self,
        batch: IngestBatch<'_>,
        outcomes: &[Outcome],
    ) -> StoreResult<Written> {
        let store = self.store.clone();
        let (stale, outcomes) = match &*store.db {
            Db::Sqlite(db) => {
                sqlite::write(
                    (db, &self.recent_keys),
                    batch,
                    outcomes,
                    self.store.clock.now(),
                )
                .await?
            }
            Db::Postgres(_) => {
                let now = self.store.clock.now();
                let connection = self.connection().await?;
                let stale = messages::postgres::write(connection, batch).await?;
                (
                    stale,
                    outcomes::postgres::write(connection, batch.node, outcomes, now).await?,
                )
            }
        };
        Ok(Written {
            results: results(batch.messages, &stale),
            outcomes,
        })
    }

    pub(crate) async fn connection(&mut self) -> StoreResult<&mut sqlx::PgConnection> {
        let now = self.store.clock.now();
        if now.since(self.used_at) > IDLE
            && let Some(connection) = &mut self.postgres
            && !answers(connection).await
        {
            // The database was away: a batch must not be the one to find out.
            self.disconnect();
        }
        self.used_at = now;
        let Db::Postgres(db) = &*self.store.db else {
            unreachable!("only PostgreSQL's committers hold a connection")
        };
        if self.postgres.is_none() {
            let connected = db.commit.acquire().await;
            self.postgres =
                Some(connected.map_err(crate::engine::error::during("connecting a committer"))?);
        }
        self.postgres
            .as_deref_mut()
            .ok_or(StoreError::NotFound(Entity::Connection))
    }

    /// Gives the connection up, whatever it is in the middle of.
    pub fn disconnect(&mut self) {
        if let Some(connection) = self.postgres.take() {
            // Not back to the pool: it may be in the middle of a transaction.
            drop(connection.detach());
        }
    }
}

/// What became of a batch.
#[derive(Debug)]
pub struct Written {
    /// Of each message, in order.
    pub results: Vec<IngestResult>,
    /// Of each outcome, in order.
    pub outcomes: Vec<Applied>,
}

/// Whether the database is at the other end, and hears.
async fn answers(connection: &mut sqlx::PgConnection) -> bool {
    let ping = sqlx::Connection::ping(connection);
    matches!(tokio::time::timeout(TRY, ping).await, Ok(Ok(())))
}

/// Of messages and outcomes, what is about to be written.
fn pass_before((messages, outcomes): (bool, bool)) {
    if messages {
        crate::fail_point!("store::messages::before");
    }
    if outcomes {
        crate::fail_point!("store::outcomes::before");
    }
}

fn pass_after((messages, outcomes): (bool, bool)) {
    if messages {
        crate::fail_point!("store::messages::after");
    }
    if outcomes {
        crate::fail_point!("store::outcomes::after");
    }
}
