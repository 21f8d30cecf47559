//! Found messages on the wire.

use postrider_domain::{MessageId, Timestamp};
use postrider_store::FoundMessage;
use serde::Serialize;
use utoipa::ToSchema;

/// How many of a message's deliveries stand how.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationsOut {
    /// A 2xx answered.
    pub succeeded: u64,
    /// Not tried yet, or on their way.
    pub pending: u64,
    /// Tried in vain, and due again.
    pub failing: u64,
    /// Tried in vain, and given up.
    pub exhausted: u64,
    /// Ended by a person or by a change of the endpoint, or never begun.
    pub canceled: u64,
}

/// A message without its payload, and how its deliveries stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FoundMessageOut {
    /// Its id: the `webhook-id` of its deliveries.
    #[schema(value_type = String, example = "msg_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: MessageId,
    /// What kind of event it tells of.
    #[schema(example = "invoice.paid")]
    pub event_type: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Your own id for it.
    #[schema(required = true)]
    pub event_id: Option<String>,
    /// Its channels.
    #[schema(required = true)]
    pub channels: Option<Vec<String>>,
    /// Words to find it by.
    #[schema(required = true)]
    pub tags: Option<Vec<String>>,
    /// How its deliveries stand; with `endpointId`, that one's alone.
    pub destinations: DestinationsOut,
}

impl From<FoundMessage> for FoundMessageOut {
    fn from(found: FoundMessage) -> Self {
        let (message, standing) = (found.message, found.standing);
        Self {
            id: message.id,
            event_type: message.event_type,
            timestamp: message.id.minted_at(),
            event_id: message.event_id,
            channels: message.channels,
            tags: message.tags,
            destinations: DestinationsOut {
                succeeded: standing.succeeded,
                pending: standing.pending,
                failing: standing.failing,
                exhausted: standing.exhausted,
                canceled: standing.canceled,
            },
        }
    }
}
