//! What publishers hold: a way to hand a message in and hear that it is durable.
//!
//! Next on a message's way: `crates/delivery/src/commit/messages.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::{AppId, EndpointId, MessageId};
use postrider_store::{AppConfig, Event, PublishKey};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::Deadline;
use crate::status::{PipelineStatus, StatusBoard};

/// A message to be stored and delivered.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The application, as the caller knows it; the commit checks that it is current.
    pub app: Arc<AppConfig>,
    /// What it tells.
    pub event: Arc<Event>,
    /// For how long the payload is kept, up to 90 days.
    pub retention: Duration,
    /// The one endpoint that it is for, whatever that asks for; else all that want it.
    pub only: Option<EndpointId>,
    /// The request's idempotency key, if it has one.
    pub key: Option<PublishKey>,
}

/// A message that is durable, its deliveries with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    pub id: MessageId,
    /// Whether an earlier request with the same idempotency key had stored it.
    pub replayed: bool,
}

/// Why a message was not stored. Nothing of it was kept, except where the answer was late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Too much is waiting already.
    #[error("too many messages are waiting to be stored")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The database is away or has not answered in time, or the server is stopping. A message
    /// whose answer was late may be stored all the same: the same idempotency key tells.
    #[error("messages cannot be stored at the moment")]
    Unavailable,
    /// The disk is nearly full.
    #[error("the disk is nearly full")]
    DiskLow,
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

/// What comes through the queue at once.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A message.
    One(Waiting),
    /// Messages that are to be in one commit, if they fit.
    Many(Vec<Waiting>),
}

/// How many messages of each application wait: one that floods may fill half the
/// queue and no more, so that the others still get in.
#[derive(Debug)]
pub(crate) struct Backlog {
    waiting: Mutex<Counts>,
    share: usize,
    /// Of all applications together.
    limit: usize,
}

#[derive(Debug, Default)]
struct Counts {
    apps: HashMap<AppId, usize>,
    all: usize,
}

impl Backlog {
    pub(crate) fn new(queue: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            share: (queue / 2).max(1),
            limit: queue,
        }
    }

    /// Lets in as many of `wanted` messages as there is room for.
    fn enter(&self, app: AppId, wanted: usize) -> usize {
        let mut waiting = self.waiting.lock();
        let room = self.limit.saturating_sub(waiting.all);
        let held = waiting.apps.get(&app).copied().unwrap_or(0);
        let entered = wanted.min(room).min(self.share.saturating_sub(held));
        if entered > 0 {
            *waiting.apps.entry(app).or_insert(0) += entered;
            waiting.all += entered;
        }
        entered
    }

    /// A message of this application waits no longer.
    pub(crate) fn leave(&self, app: AppId) {
        let mut waiting = self.waiting.lock();
        if let Some(count) = waiting.apps.get_mut(&app) {
            *count -= 1;
            if *count == 0 {
                waiting.apps.remove(&app);
            }
            waiting.all -= 1;
        }
    }
}

const OVERLOADED: PublishError = PublishError::Overloaded {
    retry_after: Duration::from_secs(1),
};

fn not_sent(error: &mpsc::error::TrySendError<Arrival>) -> PublishError {
    match error {
        mpsc::error::TrySendError::Full(_) => OVERLOADED,
        mpsc::error::TrySendError::Closed(_) => PublishError::Unavailable,
    }
}

/// Hands messages to the committer. Clones share its queue.
#[derive(Clone, Debug)]
pub struct Ingest {
    pub(crate) queue: mpsc::Sender<Arrival>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) board: Arc<StatusBoard>,
}

impl Ingest {
    /// Stores the message and its deliveries; returns once both are durable, or at the
    /// deadline: then the message is dropped if its turn comes later, and settled if it is being
    /// written.
    pub async fn publish(
        &self,
        publish: Publish,
        deadline: Deadline,
    ) -> Result<Published, PublishError> {
        if self.board.disk_low() {
            return Err(PublishError::DiskLow);
        }
        let app = publish.app.id;
        if self.backlog.enter(app, 1) == 0 {
            return Err(OVERLOADED);
        }
        let (answer, outcome) = oneshot::channel();
        let arrival = Arrival::One(Waiting { publish, answer });
        if let Err(error) = self.queue.try_send(arrival) {
            self.backlog.leave(app);
            return Err(not_sent(&error));
        }
        match deadline.keep(outcome).await {
            Some(answered) => answered.unwrap_or(Err(PublishError::Unavailable)),
            None => Err(self.given_up()),
        }
    }

    /// A publisher has waited for long enough.
    fn given_up(&self) -> PublishError {
        self.board.set_accepting(false);
        PublishError::Unavailable
    }

    /// Stores messages of one application, in order and in one commit if its bounds
    /// allow. As many as there is room for are taken, from the first on; each has its
    /// outcome.
    pub async fn publish_all(
        &self,
        messages: Vec<Publish>,
        deadline: Deadline,
    ) -> Vec<Result<Published, PublishError>> {
        let wanted = messages.len();
        let Some(app) = messages.first().map(|message| message.app.id) else {
            return Vec::new();
        };
        if self.board.disk_low() {
            return vec![Err(PublishError::DiskLow); wanted];
        }
        let entered = self.backlog.enter(app, wanted);
        if entered == 0 {
            return vec![Err(OVERLOADED); wanted];
        }
        let (mut all, mut outcomes) = (Vec::with_capacity(entered), Vec::with_capacity(entered));
        for publish in messages.into_iter().take(entered) {
            let (answer, outcome) = oneshot::channel();
            all.push(Waiting { publish, answer });
            outcomes.push(outcome);
        }
        if let Err(error) = self.queue.try_send(Arrival::Many(all)) {
            (0..entered).for_each(|_| self.backlog.leave(app));
            return vec![Err(not_sent(&error)); wanted];
        }
        let mut results = Vec::with_capacity(wanted);
        for outcome in outcomes {
            // What is answered by then counts, whichever message is asked for first.
            results.push(match deadline.keep(outcome).await {
                Some(answered) => answered.unwrap_or(Err(PublishError::Unavailable)),
                None => Err(self.given_up()),
            });
        }
        results.resize(wanted, Err(OVERLOADED));
        results
    }

    /// How the pipeline behind this handle is doing.
    pub fn status(&self) -> PipelineStatus {
        self.board.status()
    }
}
