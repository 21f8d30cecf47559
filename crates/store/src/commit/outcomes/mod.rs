//! Recording how attempts ended: the attempt itself, the delivery's new state, and
//! what follows for its lane and for the endpoint's health.
//!
//! An outcome moves its delivery only while the row still names the owner and token
//! that the attempt was started under; a late one is kept as an attempt and changes
//! nothing else.

mod emit;
mod lessened;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{
    AppId, AttemptId, AttemptStatus, DeliveryState, EndpointId, FailureKind, Health, MessageId,
    NextReason, Timestamp, Trigger,
};
use uuid::Uuid;

use crate::outbox::DeliveryEvent;

/// How one attempt ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub app_id: AppId,
    pub endpoint_id: EndpointId,
    pub message_id: MessageId,
    /// What kind of event the message tells of.
    pub event_type: Arc<str>,
    /// What it means for the delivery.
    pub step: Step,
    /// How the attempt ended; `None` if nothing was sent. This counts, whatever becomes of
    /// the record.
    pub tried: Option<AttemptStatus>,
    /// The record of the attempt, if there is one.
    pub attempt: Option<NewAttempt>,
    /// The end of the attempt.
    pub finished_at: Timestamp,
    /// What the organisation is to hear of it.
    pub event: Option<DeliveryEvent>,
}

/// What an outcome means for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A scheduled attempt under this owner and token.
    Scheduled {
        /// The node that the row must still name.
        owner: i64,
        /// The token that the row must still hold.
        token: i32,
        /// Where the delivery stands now.
        state: DeliveryState,
        /// When it is due again, if it is.
        due_at: Option<Timestamp>,
    },
    /// A manual attempt: the row of the request goes, and a success settles the delivery.
    Manual {
        /// The request.
        resend: Uuid,
    },
}

/// The record of an attempt.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    pub id: AttemptId,
    /// The revision of the endpoint that it was made with.
    pub endpoint_revision: i64,
    /// How it ended.
    pub status: AttemptStatus,
    /// The answer's status code; 0 without one.
    pub http_status: u16,
    /// Why it failed.
    pub failure: Option<(FailureKind, String)>,
    /// What made it happen.
    pub trigger: Trigger,
    /// The how manieth attempt of the delivery it was, from 1.
    pub number: i32,
    /// When it began: the signed timestamp is this in whole seconds.
    pub started_at: Timestamp,
    /// From name lookup to the last byte read.
    pub duration: Duration,
    /// The signature header's value.
    pub signature: String,
    /// The answer's headers as JSON, if there was one.
    pub response_headers: Option<String>,
    /// What was kept of the answer's body.
    pub response_body: Bytes,
    /// When the next attempt is due.
    pub next_at: Option<Timestamp>,
    /// Why then, or why not.
    pub next_reason: NextReason,
}

impl Outcome {
    fn is_success(&self) -> bool {
        self.tried == Some(AttemptStatus::Success)
    }

    fn is_failure(&self) -> bool {
        self.tried == Some(AttemptStatus::Fail)
    }
}

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether the delivery moved: false if it had been taken over or had ended.
    pub moved: bool,
    /// The endpoint's unbroken run of failures, if this was one.
    pub health: Health,
}

impl Applied {
    pub(crate) fn refused() -> Self {
        Self {
            moved: false,
            health: Health::default(),
        }
    }
}

/// Distinct endpoints of the outcomes that pass the test, in id order, so that two
/// committers lock rows in the same order.
pub(crate) fn endpoints_where(
    outcomes: &[Outcome],
    test: impl Fn(&Outcome) -> bool,
) -> Vec<EndpointId> {
    let mut ids: Vec<_> = outcomes
        .iter()
        .filter(|o| test(o))
        .map(|o| o.endpoint_id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The earliest due time of each lane that has one, in id order.
pub(crate) fn lanes_due(outcomes: &[Outcome]) -> Vec<(EndpointId, AppId, Timestamp)> {
    let mut lanes = std::collections::BTreeMap::new();
    for outcome in outcomes {
        if let Step::Scheduled {
            due_at: Some(due), ..
        } = outcome.step
        {
            let entry = lanes
                .entry(outcome.endpoint_id)
                .or_insert((outcome.app_id, due));
            entry.1 = entry.1.min(due);
        }
    }
    lanes
        .into_iter()
        .map(|(endpoint, (app, due))| (endpoint, app, due))
        .collect()
}

/// Endpoints that failed and did not succeed in this batch, with the last failure.
pub(crate) fn failures(outcomes: &[Outcome]) -> Vec<(EndpointId, Timestamp)> {
    let mut failures = std::collections::BTreeMap::new();
    for outcome in outcomes {
        if outcome.is_failure() {
            failures.insert(outcome.endpoint_id, outcome.finished_at);
        } else if outcome.is_success() {
            failures.remove(&outcome.endpoint_id);
        }
    }
    failures.into_iter().collect()
}

/// The statements of the folder.
#[cfg(test)]
pub(crate) const REGISTRY: &[crate::engine::sql::Statements] =
    &[emit::STATEMENTS, postgres::STATEMENTS, sqlite::STATEMENTS];
