//! Storing a batch of published messages with their deliveries, all or each alone.
//!
//! The usual batch goes down one path: plain inserts, no look before. A key that is
//! taken makes the whole statement fail, which costs nothing but itself; only then
//! the batch takes the careful path, which first asks whose keys are taken. What
//! fails on its data there is halved until the culprit stands alone.

mod careful;
mod postgres;
pub(crate) mod recent_keys;
mod sqlite;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, Timestamp};

use crate::db::Db;
use crate::error::PAYLOAD_KEY;
use crate::outcome::Outcome;
use crate::{Store, StoreError, StoreResult};

pub use careful::Fate;

/// A message with its deliveries, ready to be written.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its application.
    pub app_id: AppId,
    /// The version of the application that its deliveries were planned on.
    pub app_version: i64,
    /// Its id.
    pub id: MessageId,
    /// The event type's name.
    pub event_type: Arc<str>,
    /// The publisher's own id.
    pub event_id: Option<String>,
    /// Channels as a JSON array.
    pub channels: Option<String>,
    /// Tags as a JSON array.
    pub tags: Option<String>,
    /// What its body is, unless JSON.
    pub content_type: Option<Arc<str>>,
    /// Where its payload goes: see [`crate::KeyBlock`].
    pub payload_key: i64,
    /// The body, as received.
    pub payload: Bytes,
    /// The idempotency key, if there is one.
    pub publish_key: Option<PublishKey>,
    /// For which endpoints, or all of them later by an expansion.
    pub deliveries: Deliveries,
}

/// An idempotency key as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishKey {
    /// A digest over caller, application and header.
    pub key: [u8; 16],
    /// A digest over the request's body.
    pub body_hash: [u8; 16],
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// How a message's deliveries come into being.
#[derive(Clone, Debug)]
pub enum Deliveries {
    /// With the message.
    Now(Vec<NewDelivery>),
    /// Too many for one transaction: workers unfold them in chunks.
    Expansion,
}

/// A delivery to be written with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// For which endpoint.
    pub endpoint_id: EndpointId,
    /// How it begins.
    pub start: Start,
}

/// How a delivery begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// In the hand of the node that writes it.
    Owned,
    /// Due at once, for any node.
    Due,
    /// Not at all: the endpoint is disabled.
    Skipped,
}

impl Start {
    pub(crate) fn state(self) -> DeliveryState {
        match self {
            Self::Owned | Self::Due => DeliveryState::Pending,
            Self::Skipped => DeliveryState::Skipped,
        }
    }
}

/// A batch of messages from one node.
#[derive(Clone, Copy, Debug)]
pub struct IngestBatch<'a> {
    /// The node that owns what starts in its hand.
    pub node: i64,
    /// When the batch was made: the beginning of every delivery's schedule.
    pub now: Timestamp,
    /// The messages, each id larger than the one before.
    pub messages: &'a [NewMessage],
}

/// The committers' own connections to the database.
///
/// On SQLite ingest and outcomes share each transaction; on PostgreSQL each has a
/// committer and a connection of its own.
#[derive(Debug)]
pub struct Writer {
    pub(crate) store: Store,
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
            postgres: None,
            used_at: Timestamp::from_micros(0),
        }
    }
}

impl Writer {
    /// Writes messages and outcomes, each in one transaction or both in the same.
    /// Returns the fate of each message and whether each outcome still applied.
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
            Err(StoreError::Conflict(PAYLOAD_KEY)) => {
                // Another node has the same block of keys: the database went back, and nobody
                // has noticed yet.
                self.store.database_lost();
                Err(StoreError::Conflict(PAYLOAD_KEY))
            }
            Err(error) if is_about_data(&error) => self.careful(batch, outcomes).await,
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

    async fn optimistic(
        &mut self,
        batch: IngestBatch<'_>,
        outcomes: &[Outcome],
    ) -> StoreResult<Written> {
        let store = self.store.clone();
        let (stale, outcomes) = match &*store.db {
            Db::Sqlite(db) => sqlite::write(db, batch, outcomes, self.store.clock.now()).await?,
            Db::Postgres(_) => {
                let now = self.store.clock.now();
                let connection = self.connection().await?;
                let stale = postgres::write(connection, batch).await?;
                (
                    stale,
                    crate::outcome::postgres::write(connection, batch.node, outcomes, now).await?,
                )
            }
        };
        Ok(Written {
            fates: fates(batch.messages, &stale),
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
            self.postgres = Some(connected.map_err(crate::error::wrong("connecting a committer"))?);
        }
        self.postgres
            .as_deref_mut()
            .ok_or(StoreError::NotFound("connection"))
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
    pub fates: Vec<Fate>,
    /// Of each outcome, in order.
    pub outcomes: Vec<crate::outcome::Applied>,
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

fn is_about_data(error: &StoreError) -> bool {
    error.is_about_data()
}

fn fates(messages: &[NewMessage], stale: &HashSet<MessageId>) -> Vec<Fate> {
    messages
        .iter()
        .map(|message| {
            if stale.contains(&message.id) {
                Fate::Stale
            } else {
                Fate::Stored
            }
        })
        .collect()
}
