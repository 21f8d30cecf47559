//! Messages and attempts as a month of traffic leaves them: some applications have most
//! of it, most attempts succeed, a few deliveries fail for good and a few wait.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{
    AttemptId, AttemptStatus, DeliveryState, EndpointId, FailureKind, MessageId, NextReason,
    Timestamp, Trigger,
};
use postrider_store::{
    Deliveries, Event, KeyBlock, NewAttempt, NewDelivery, NewMessage, Outcome, Start, Step,
};
use uuid::Uuid;

use super::{BATCH, FAN_OUT, Seeded};

pub(super) const EVENT_TYPES: [&str; 8] = [
    "invoice.paid",
    "invoice.created",
    "invoice.payment_failed",
    "customer.created",
    "customer.updated",
    "order.created",
    "order.shipped",
    "subscription.renewed",
];
const SIGNATURE: &str = "v1,MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq=";

/// Makes batches.
pub(super) struct Traffic {
    node: i64,
    end: Timestamp,
    /// The same every time, so that two databases hold the same.
    state: u64,
    event_types: Vec<Arc<str>>,
}

impl Traffic {
    pub(super) fn new(node: i64, end: Timestamp) -> Self {
        Self {
            node,
            end,
            state: 0x5EED,
            event_types: EVENT_TYPES.iter().map(|name| Arc::from(*name)).collect(),
        }
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A UUIDv7 (RFC 9562, section 5.7).
    fn uuid(&mut self, at: Timestamp) -> Uuid {
        let millis = u128::from(at.micros().div_euclid(1_000).unsigned_abs());
        let random = u128::from(self.random()) << 64 | u128::from(self.random());
        let low = random & ((1 << 62) - 1);
        Uuid::from_u128(millis << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64 | 0b10 << 62 | low)
    }

    /// One transaction's messages, published when `at` says, and what came of them.
    pub(super) fn batch(
        &mut self,
        apps: &[Seeded],
        at: impl Fn(u32) -> Timestamp,
        keys: &mut KeyBlock,
    ) -> (Vec<NewMessage>, Vec<Outcome>) {
        let (mut messages, mut outcomes) = (Vec::new(), Vec::new());
        for number in 0..BATCH {
            let at = at(number);
            // Squared: the first applications have most of the traffic.
            let app = &apps[(self.share().powi(2) * apps.len() as f64) as usize % apps.len()];
            let kind = self.random() as usize % self.event_types.len();
            let message = self.message(app, at, kind, keys);
            if let Deliveries::Now(deliveries) = &message.deliveries {
                for delivery in deliveries {
                    outcomes.push(self.outcome(&message, delivery.endpoint_id, at));
                }
            }
            messages.push(message);
        }
        messages.sort_by_key(|message| message.id);
        (messages, outcomes)
    }

    fn message(
        &mut self,
        app: &Seeded,
        at: Timestamp,
        kind: usize,
        keys: &mut KeyBlock,
    ) -> NewMessage {
        let count = app.endpoints.len();
        let first = self.random() as usize;
        let chosen = (0..FAN_OUT as usize).take(count).map(|next| NewDelivery {
            endpoint_id: app.endpoints[(first.wrapping_add(next)) % count],
            start: Start::Owned,
        });
        let amount = self.random() % 100_000;
        NewMessage {
            app_id: app.id,
            app_version: app.version,
            id: MessageId::from_uuid(self.uuid(at)),
            payload_key: keys
                .take(self.end.plus(Duration::from_hours(24 * 30)))
                .unwrap_or_default(),
            event: Arc::new(Event {
                event_type: Arc::clone(&self.event_types[kind]),
                tags: (kind == 0).then(|| vec!["billing".to_owned()]),
                payload: Bytes::from(format!(
                    "{{\"amount\":{amount},\"currency\":\"EUR\",\"note\":\"A payload as long as most of them are, so that pages hold as many as they would.\"}}"
                )),
                ..Event::default()
            }),
            publish_key: None,
            deliveries: Deliveries::Now(chosen.collect()),
        }
    }

    fn outcome(&mut self, message: &NewMessage, endpoint: EndpointId, at: Timestamp) -> Outcome {
        let luck = self.share();
        let recent = self.end.since(at) < Duration::from_hours(24);
        let (status, state, due_at) = if luck < 0.95 {
            (AttemptStatus::Success, DeliveryState::Succeeded, None)
        } else if luck < 0.96 && recent {
            let wait = Duration::from_secs(3_600 + self.random() % 18_000);
            (
                AttemptStatus::Fail,
                DeliveryState::Pending,
                Some(self.end.plus(wait)),
            )
        } else {
            (AttemptStatus::Fail, DeliveryState::Exhausted, None)
        };
        let success = status == AttemptStatus::Success;
        // Most take some tens of milliseconds, a few seconds.
        let millis = 8.0 + 60.0 * self.share() / (1.02 - self.share());
        Outcome {
            app_id: message.app_id,
            endpoint_id: endpoint,
            message_id: message.id,
            event_type: Arc::clone(&message.event.event_type),
            step: Step::Scheduled {
                owner: self.node,
                token: 0,
                state,
                due_at,
            },
            tried: Some(status),
            attempt: Some(NewAttempt {
                id: AttemptId::from_uuid(self.uuid(at)),
                endpoint_revision: 1,
                status,
                http_status: if success { 200 } else { 503 },
                failure: (!success)
                    .then(|| (FailureKind::Http, "the receiver answered 503".to_owned())),
                trigger: Trigger::Scheduled,
                number: 1,
                started_at: at,
                duration: Duration::from_secs_f64(millis / 1_000.0),
                signature: SIGNATURE.to_owned(),
                response_headers: Some("[[\"content-type\",\"text/plain\"]]".to_owned()),
                response_body: Bytes::from_static(b"thank you"),
                next_at: due_at,
                next_reason: match state {
                    DeliveryState::Succeeded => NextReason::Succeeded,
                    DeliveryState::Pending => NextReason::Policy,
                    _ => NextReason::Exhausted,
                },
            }),
            finished_at: at,
            event: None,
        }
    }
}
