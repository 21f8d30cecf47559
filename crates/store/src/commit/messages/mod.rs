//! Storing a batch of published messages with their deliveries, all or each alone.
//!
//! The usual batch goes down one path: plain inserts, no look before. A key that is
//! taken makes the whole statement fail, which costs nothing but itself; only then
//! the batch takes the careful path, which first asks whose keys are taken. What
//! fails on its data there is halved until the culprit stands alone.

pub(super) mod postgres;
pub(crate) mod recent_keys;
pub(super) mod sqlite;
pub(crate) mod taken;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, Timestamp};

/// What a publisher says: shared, never copied, from the request to the commit.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// The event type's name.
    pub event_type: Arc<str>,
    /// The body, kept and sent byte for byte.
    pub payload: Bytes,
    /// What the body is, unless JSON: fit for a header.
    pub content_type: Option<Arc<str>>,
    /// The publisher's own id, unique within the application.
    pub event_id: Option<String>,
    /// Channels, if the publisher named any.
    pub channels: Option<Vec<String>>,
    /// Words that the publisher finds it by.
    pub tags: Option<Vec<String>>,
}

impl Event {
    fn channels_column(&self) -> Option<String> {
        names_column(self.channels.as_ref())
    }

    fn tags_column(&self) -> Option<String> {
        names_column(self.tags.as_ref())
    }
}

/// A JSON array, as which names are kept.
fn names_column(names: Option<&Vec<String>>) -> Option<String> {
    serde_json::to_string(names?).ok()
}

/// A message with its deliveries, ready to be written.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub app_id: AppId,
    /// The version of the application that its deliveries were planned on.
    pub app_version: i64,
    pub id: MessageId,
    /// What it tells.
    pub event: Arc<Event>,
    /// Where its payload goes: see [`crate::expiry::payload_key::KeyBlock`].
    pub payload_key: i64,
    /// The idempotency key, if there is one.
    pub publish_key: Option<PublishKey>,
    /// For which endpoints, or all of them later by an expansion.
    pub deliveries: Deliveries,
}

/// A publisher's promise that a second request with this key is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishKey {
    /// A digest over caller, application and the header's value.
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

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestResult {
    /// It is durable.
    Stored,
    /// Its idempotency key had stored this one before.
    Replayed(MessageId),
    /// Its idempotency key had stored another body.
    Mismatch,
    /// Its event id is another message's.
    EventIdTaken,
    /// Its application has changed, or others were in its way again and again: plan it again.
    Stale,
    /// The database refuses its data.
    Refused,
}

/// What becomes of messages of which these were planned on an old version.
pub(super) fn results(messages: &[NewMessage], stale: &HashSet<MessageId>) -> Vec<IngestResult> {
    messages
        .iter()
        .map(|message| {
            if stale.contains(&message.id) {
                IngestResult::Stale
            } else {
                IngestResult::Stored
            }
        })
        .collect()
}

/// The statements of the folder.
#[cfg(test)]
pub(crate) const REGISTRY: &[crate::engine::sql::Statements] =
    &[postgres::STATEMENTS, sqlite::STATEMENTS, taken::STATEMENTS];
