//! What is known of a message that was accepted.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::Scheme;
use crate::body;
use crate::format::{HmacFormat, Received};

/// What is known of a message that was accepted.
///
/// A sender may deliver a message more than once, always under the same `id`:
/// keep the ids that you have handled, and act on each once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The message's id; the same on every attempt to deliver it.
    pub id: String,
    /// Where the id was found, and whether the signature covers it.
    pub id_source: IdSource,
    /// When this attempt was signed, in Unix seconds. GitHub does not say.
    pub timestamp: Option<i64>,
    /// The type of the event, where a header (or, with Stripe and Slack, the
    /// body) carries it.
    pub event_type: Option<String>,
    /// The kind of signature that matched.
    pub scheme: Scheme,
    /// Which secret matched: 0 is the first that the builder was given. An old
    /// secret that no longer matches anything can be removed.
    pub key: usize,
}

/// Where a message's id was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdSource {
    /// A header that the signature covers.
    SignedHeader,
    /// A header that the signature does not cover, as GitHub's. Whoever has
    /// seen the message can send it again under another id.
    UnsignedHeader,
    /// The body, which the signature covers.
    Body,
    /// The message has no id: this one is `sha256:` and the body's digest, the
    /// same for each message with this body.
    BodyDigest,
}

impl Verified {
    pub(crate) fn from_format(
        format: &HmacFormat,
        received: &Received<'_>,
        id_is_signed: bool,
        body: &[u8],
        key: usize,
    ) -> Self {
        let in_body =
            |field: &Option<_>| field.as_deref().and_then(|field| body::string(body, field));
        let (id, id_source) = match (received.id, in_body(&format.body_id)) {
            (Some(id), _) if id_is_signed => (id.to_owned(), IdSource::SignedHeader),
            // Signed as all of the body is: a header beside it could be exchanged.
            (_, Some(id)) => (id.to_owned(), IdSource::Body),
            (Some(id), None) => (id.to_owned(), IdSource::UnsignedHeader),
            (None, None) => (digest(body), IdSource::BodyDigest),
        };
        let event_type = received
            .event_type
            .or_else(|| in_body(&format.body_event_type));
        Self {
            id,
            id_source,
            timestamp: received.timestamp,
            event_type: event_type.map(str::to_owned),
            scheme: format.scheme,
            key,
        }
    }
}

fn digest(body: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(body) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
