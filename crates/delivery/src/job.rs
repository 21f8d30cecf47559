//! A delivery in this node's hand, on its way through a lane to the sender.

use std::sync::Arc;

use bytes::Bytes;
use postrider_domain::{AppId, EndpointId, MessageId, Timestamp};
use postrider_store::Restart;
use uuid::Uuid;

/// A delivery in hand.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) app_id: AppId,
    pub(crate) endpoint_id: EndpointId,
    pub(crate) message_id: MessageId,
    pub(crate) event_type: Arc<str>,
    /// What the payload is, unless JSON.
    pub(crate) content_type: Option<Arc<str>>,
    /// `None`: expired or expunged, so that nothing can be sent.
    pub(crate) payload: Option<Bytes>,
    /// The application's version when the delivery was planned or claimed: what the
    /// send reads must not be older.
    pub(crate) app_version: i64,
    /// Attempts made so far, manual ones included.
    pub(crate) sends: i32,
    pub(crate) purpose: Purpose,
}

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An attempt of the delivery's own schedule.
    Scheduled {
        /// The number under which this node owned it when it came into its hand.
        owner: i64,
        token: i32,
        attempts: i32,
        first_at: Timestamp,
        due_at: Timestamp,
        /// The background task that had the schedule begin anew, if one did.
        restart: Option<Restart>,
    },
    /// A manual attempt.
    Manual { owner: i64, resend: Uuid },
}

impl Job {
    /// The number under which this node owns the delivery.
    pub(crate) fn owner(&self) -> i64 {
        match self.purpose {
            Purpose::Scheduled { owner, .. } | Purpose::Manual { owner, .. } => owner,
        }
    }

    /// What the job costs in memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        weight(self.payload.as_ref().map_or(0, Bytes::len))
    }
}

/// What a job with a body of `bytes` costs in memory, roughly.
pub(crate) fn weight(bytes: usize) -> usize {
    256 + bytes
}
