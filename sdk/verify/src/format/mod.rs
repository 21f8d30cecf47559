//! Signatures that are one HMAC and some headers: GitHub's, Stripe's, Slack's,
//! and whatever else a sender made up along these lines.

mod encoding;
mod plan;
mod received;
mod template;

use std::borrow::Cow;

pub(crate) use plan::Plan;
pub(crate) use received::Received;
#[cfg(feature = "sign")]
pub(crate) use template::Values;

use crate::Scheme;
use crate::error::SetupError;
use crate::parse::Name;

/// The hash inside the HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hash {
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// How a signature is written in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal, lower case.
    Hex,
    /// Hexadecimal, upper case.
    HexUpper,
    /// Standard base64 with its padding.
    Base64,
}

/// Where in the header signatures stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layout {
    /// The header is a prefix and one signature.
    Single { prefix: Name },
    /// The header is `t=timestamp,v1=signature`, with any number of `v1`, as
    /// Stripe has it; entries of other names are passed over.
    List,
}

/// How a sender signs with one HMAC, and in which headers it says so.
///
/// Begin with a preset and change what differs, or with [`HmacFormat::new`]:
///
/// ```
/// use postrider_verify::{Encoding, HmacFormat};
///
/// // GitHub's way under names of one's own.
/// let ours = HmacFormat::github()
///     .signature_header("X-Acme-Signature-256")
///     .event_type_header("X-Acme-Event")
///     .id_header("X-Acme-Delivery");
///
/// // base64 of HMAC-SHA256 over `timestamp:body`.
/// let theirs = HmacFormat::new("X-Other-Signature")
///     .encoding(Encoding::Base64)
///     .timestamp_header("X-Other-Timestamp")
///     .signed_content("{timestamp}:{body}");
/// assert!(ours.check().is_ok() && theirs.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HmacFormat {
    pub(crate) scheme: Scheme,
    pub(crate) layout: Layout,
    pub(crate) hash: Hash,
    pub(crate) encoding: Encoding,
    pub(crate) content: Name,
    pub(crate) signature: Name,
    pub(crate) timestamp: Option<Name>,
    pub(crate) id: Option<Name>,
    pub(crate) event_type: Option<Name>,
    pub(crate) retry: Option<Name>,
    pub(crate) body_id: Option<Name>,
    pub(crate) body_event_type: Option<Name>,
}

impl HmacFormat {
    /// Lower-case hexadecimal HMAC-SHA256 of the body in the header of this
    /// name, and nothing else. A signature without a timestamp can be replayed
    /// for ever: where the sender has one, say so.
    pub fn new(signature_header: &str) -> Self {
        Self {
            signature: lower(signature_header),
            ..Self::bare(Scheme::Hmac)
        }
    }

    /// GitHub's: `X-Hub-Signature-256: sha256=<hex>` over the body, with the
    /// event in `X-GitHub-Event` and the id in `X-GitHub-Delivery`.
    ///
    /// Neither of the two is signed, and there is no timestamp: who has seen
    /// one request can send it again under another id.
    /// (GitHub, "Validating webhook deliveries".)
    pub fn github() -> Self {
        Self {
            layout: Layout::Single {
                prefix: Cow::Borrowed("sha256="),
            },
            signature: Cow::Borrowed("x-hub-signature-256"),
            id: Some(Cow::Borrowed("x-github-delivery")),
            event_type: Some(Cow::Borrowed("x-github-event")),
            ..Self::bare(Scheme::GitHub)
        }
    }

    /// Stripe's: `Stripe-Signature: t=<seconds>,v1=<hex>` over
    /// `timestamp.body`, several `v1` while a secret is rotated. Id and event
    /// type are the body's `id` and `type`.
    /// (Stripe, "Verify webhook signatures manually".)
    pub fn stripe() -> Self {
        Self {
            layout: Layout::List,
            signature: Cow::Borrowed("stripe-signature"),
            content: Cow::Borrowed("{timestamp}.{body}"),
            body_id: Some(Cow::Borrowed("id")),
            body_event_type: Some(Cow::Borrowed("type")),
            ..Self::bare(Scheme::Stripe)
        }
    }

    /// Slack's: `X-Slack-Signature: v0=<hex>` over `v0:timestamp:body`, the
    /// timestamp in `X-Slack-Request-Timestamp`, the retry's number in
    /// `X-Slack-Retry-Num`. Id and event type are the body's `event_id` and
    /// `type` where it is JSON. (Slack, "Verifying requests from Slack".)
    pub fn slack() -> Self {
        Self {
            layout: Layout::Single {
                prefix: Cow::Borrowed("v0="),
            },
            signature: Cow::Borrowed("x-slack-signature"),
            content: Cow::Borrowed("v0:{timestamp}:{body}"),
            timestamp: Some(Cow::Borrowed("x-slack-request-timestamp")),
            retry: Some(Cow::Borrowed("x-slack-retry-num")),
            body_id: Some(Cow::Borrowed("event_id")),
            body_event_type: Some(Cow::Borrowed("type")),
            ..Self::bare(Scheme::Slack)
        }
    }

    fn bare(scheme: Scheme) -> Self {
        Self {
            scheme,
            layout: Layout::Single {
                prefix: Cow::Borrowed(""),
            },
            hash: Hash::Sha256,
            encoding: Encoding::Hex,
            content: Cow::Borrowed("{body}"),
            signature: Cow::Borrowed(""),
            timestamp: None,
            id: None,
            event_type: None,
            retry: None,
            body_id: None,
            body_event_type: None,
        }
    }

    /// The header that holds the signature.
    #[must_use]
    pub fn signature_header(mut self, name: &str) -> Self {
        self.signature = lower(name);
        self
    }

    /// What stands before the signature in its header, such as `sha256=`.
    /// Without effect on Stripe's format, whose header is a list.
    #[must_use]
    pub fn prefix(mut self, text: &str) -> Self {
        if let Layout::Single { prefix } = &mut self.layout {
            *prefix = Cow::Owned(text.to_owned());
        }
        self
    }

    /// How the signature is written. Lower-case hexadecimal unless set.
    #[must_use]
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// The hash. SHA-256 unless set.
    #[must_use]
    pub const fn hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    /// What is signed: `{body}`, `{timestamp}.{body}`, `{id}.{timestamp}.{body}`
    /// or the like. Each place stands once at most, `{body}` always, and no two
    /// of them touch, since one could then be cut short in favour of the other.
    #[must_use]
    pub fn signed_content(mut self, template: &str) -> Self {
        self.content = Cow::Owned(template.to_owned());
        self
    }

    /// The header that holds the time of signing in Unix seconds; `{timestamp}`
    /// must then be signed. Stripe's format has it in the signature's header.
    #[must_use]
    pub fn timestamp_header(mut self, name: &str) -> Self {
        self.timestamp = Some(lower(name));
        self
    }

    /// The header that holds the message's id.
    #[must_use]
    pub fn id_header(mut self, name: &str) -> Self {
        self.id = Some(lower(name));
        self
    }

    /// The header that holds the type of the event.
    #[must_use]
    pub fn event_type_header(mut self, name: &str) -> Self {
        self.event_type = Some(lower(name));
        self
    }

    /// The header that tells the number of a retry, 1 for the first. It is
    /// written when signing and never read.
    #[must_use]
    pub fn retry_header(mut self, name: &str) -> Self {
        self.retry = Some(lower(name));
        self
    }

    /// The string of a JSON body's outermost object that holds the message's
    /// id, for want of a header that is signed. Never written when signing.
    #[must_use]
    pub fn id_in_body(mut self, key: &str) -> Self {
        self.body_id = Some(Cow::Owned(key.to_owned()));
        self
    }

    /// The string of a JSON body's outermost object that holds the type of the
    /// event, for want of a header. Never written when signing.
    #[must_use]
    pub fn event_type_in_body(mut self, key: &str) -> Self {
        self.body_event_type = Some(Cow::Owned(key.to_owned()));
        self
    }

    /// The scheme that this is, or began as.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether one header can hold the signatures of several keys.
    pub const fn holds_several(&self) -> bool {
        matches!(self.layout, Layout::List)
    }

    /// The names of all headers that signing in this format writes.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        [&self.timestamp, &self.id, &self.event_type, &self.retry]
            .into_iter()
            .flatten()
            .chain([&self.signature])
            .map(AsRef::as_ref)
    }

    /// Whether signing and verifying in this format is possible.
    ///
    /// # Errors
    /// [`SetupError::HeaderName`], [`SetupError::RepeatedHeader`],
    /// [`SetupError::Prefix`] or [`SetupError::SignedContent`].
    pub fn check(&self) -> Result<(), SetupError> {
        Plan::new(self.clone()).map(|_| ())
    }
}

/// Header names are looked up in lower case.
fn lower(name: &str) -> Name {
    Cow::Owned(name.to_ascii_lowercase())
}
