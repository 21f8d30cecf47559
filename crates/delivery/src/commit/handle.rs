//! What publishers hold: a way to hand a message in and hear that it is durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use postrider_domain::{AppId, EndpointId, MessageId};
use postrider_store::AppConfig;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::status::{PipelineStatus, StatusBoard};

/// A message to be stored and delivered.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The application, as the caller knows it; the commit checks that it is current.
    pub app: Arc<AppConfig>,
    /// The event type's name.
    pub event_type: String,
    /// The body, kept and sent byte for byte.
    pub payload: Bytes,
    /// The publisher's own id, unique within the application.
    pub event_id: Option<String>,
    /// Channels, if the publisher named any.
    pub channels: Option<Vec<String>>,
    /// For how many days the payload is kept, 5 to 90.
    pub retention_days: u16,
    /// The one endpoint that it is for, whatever that asks for; else all that want it.
    pub only: Option<EndpointId>,
    /// The request's idempotency key, if it has one.
    pub idempotency: Option<IdempotencyKey>,
}

/// A publisher's promise that a second request with this key is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// A digest over caller, application and the header's value.
    pub key: [u8; 16],
    /// A digest over the request's body.
    pub body_hash: [u8; 16],
    /// For how long the key is remembered.
    pub keep: Duration,
}

/// A message that is durable, its deliveries with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its id.
    pub id: MessageId,
    /// Whether an earlier request with the same idempotency key had stored it.
    pub replayed: bool,
}

/// Why a message was not stored; nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Too much is waiting already.
    #[error("too many messages are waiting to be stored")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The database is away, or the server is stopping.
    #[error("messages cannot be stored at the moment")]
    Unavailable,
    /// Another message of the application has this event id.
    #[error("another message has this event id")]
    EventIdTaken,
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// The application changed: look it up again and repeat.
    #[error("the application has changed")]
    Stale,
    /// The database refused this message's data.
    #[error("the database refused the message")]
    Refused,
}

/// A message on its way to the committer, and who waits for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) publish: Publish,
    pub(crate) answer: oneshot::Sender<Result<Published, PublishError>>,
}

/// How many messages of each application wait: one that floods may fill half the
/// queue and no more, so that the others still get in.
#[derive(Debug)]
pub(crate) struct Backlog {
    waiting: Mutex<HashMap<AppId, usize>>,
    share: usize,
}

impl Backlog {
    pub(crate) fn new(queue: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            share: (queue / 2).max(1),
        }
    }

    fn enter(&self, app: AppId) -> bool {
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(app).or_insert(0);
        let entered = *count < self.share;
        *count += usize::from(entered);
        entered
    }

    /// A message of this application waits no longer.
    pub(crate) fn leave(&self, app: AppId) {
        let mut waiting = self.waiting.lock();
        if let Some(count) = waiting.get_mut(&app) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&app);
            }
        }
    }
}

/// Hands messages to the committer. Clones share its queue.
#[derive(Clone, Debug)]
pub struct Ingest {
    pub(crate) queue: mpsc::Sender<Waiting>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) board: Arc<StatusBoard>,
}

impl Ingest {
    /// Stores the message and its deliveries; returns once both are durable.
    pub async fn publish(&self, publish: Publish) -> Result<Published, PublishError> {
        let overloaded = PublishError::Overloaded {
            retry_after: Duration::from_secs(1),
        };
        let app = publish.app.id;
        if !self.backlog.enter(app) {
            return Err(overloaded);
        }
        let (answer, outcome) = oneshot::channel();
        if let Err(error) = self.queue.try_send(Waiting { publish, answer }) {
            self.backlog.leave(app);
            return Err(match error {
                mpsc::error::TrySendError::Full(_) => overloaded,
                mpsc::error::TrySendError::Closed(_) => PublishError::Unavailable,
            });
        }
        outcome.await.unwrap_or(Err(PublishError::Unavailable))
    }

    /// How the pipeline behind this handle is doing.
    pub fn status(&self) -> PipelineStatus {
        self.board.status()
    }
}
