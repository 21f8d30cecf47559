//! A delivery in a node's hand: what its publish or a claim put there, on its way through a
//! lane to the sender.

use std::sync::Arc;

use bytes::Bytes;
use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, TaskId, Timestamp};
use uuid::Uuid;

/// A delivery in hand, with all that sending it needs but the endpoint's settings.
#[derive(Clone, Debug)]
pub struct Job {
    pub app_id: AppId,
    /// The application's version when the delivery was planned or claimed: what the send
    /// reads must not be older.
    pub app_version: i64,
    pub endpoint_id: EndpointId,
    pub message_id: MessageId,
    pub event_type: Arc<str>,
    /// What its body is, unless JSON.
    pub content_type: Option<Arc<str>>,
    /// Its body; `None` if it has expired or was expunged, so that nothing can be sent.
    pub payload: Option<Bytes>,
    /// Attempts made so far, manual ones included.
    pub sends: i32,
    /// The number under which this node owned the delivery when it came into its hand.
    pub owner: i64,
    /// What it is in hand for.
    pub purpose: Purpose,
}

/// What a delivery is in hand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An attempt of its own schedule.
    Scheduled {
        /// The token that an outcome must name.
        token: i32,
        /// Scheduled attempts made so far.
        attempts: i32,
        /// When its schedule began.
        first_at: Timestamp,
        /// When this attempt was due.
        due_at: Timestamp,
        /// The background task that had its schedule begin anew, if one did.
        restart: Option<Restart>,
    },
    /// A manual attempt.
    Manual {
        /// The request.
        resend: Uuid,
    },
}

/// How a schedule came to begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The background task that did it.
    pub task: TaskId,
    /// How the delivery stands again if the task is cancelled, as far as its row tells: it
    /// had succeeded before, was never tried, or failed.
    pub before: DeliveryState,
}

impl Job {
    /// What it costs in memory, roughly.
    pub fn weight(&self) -> usize {
        Self::weight_of(self.payload.as_ref().map_or(0, Bytes::len))
    }

    /// What one with a body of `bytes` costs in memory, roughly.
    pub fn weight_of(bytes: usize) -> usize {
        256 + bytes
    }
}
