//! The three headers of a message.

use std::borrow::Cow;

use crate::error::VerifyError;
use crate::headers::HeaderSource;
use crate::parse::{Name, parse_id, parse_timestamp, single};

/// The longest signature header that is read, in bytes: room for 32 signatures
/// of the longer kind twice over.
const MAX_SIGNATURES: usize = 8 * 1024;

/// Header names of one family; a message is read from one family alone, so
/// that no part of one can stand in for a part of another.
pub(crate) struct Family {
    pub(crate) id: Name,
    pub(crate) timestamp: Name,
    pub(crate) signature: Name,
}

/// The standard's own names.
pub(crate) static STANDARD: Family = Family {
    id: Cow::Borrowed("webhook-id"),
    timestamp: Cow::Borrowed("webhook-timestamp"),
    signature: Cow::Borrowed("webhook-signature"),
};

/// The names that Svix used before it.
pub(crate) static SVIX: Family = Family {
    id: Cow::Borrowed("svix-id"),
    timestamp: Cow::Borrowed("svix-timestamp"),
    signature: Cow::Borrowed("svix-signature"),
};

/// The headers of one message, well formed but not yet trusted.
pub(crate) struct Envelope<'a> {
    pub(crate) id: &'a str,
    pub(crate) timestamp: i64,
    /// Visible ASCII and spaces.
    pub(crate) signatures: &'a [u8],
    /// The name that the signatures were found under, for errors.
    pub(crate) signature_name: &'static Name,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(headers: &'a (impl HeaderSource + ?Sized)) -> Result<Self, VerifyError> {
        let family = family(headers);
        let id = single(headers, &family.id)?;
        let timestamp = single(headers, &family.timestamp)?;
        let signatures = single(headers, &family.signature)?;
        let malformed = |name: &Name| VerifyError::MalformedHeader(name.clone());
        Ok(Self {
            id: parse_id(id, b".").ok_or_else(|| malformed(&family.id))?,
            timestamp: parse_timestamp(timestamp).ok_or_else(|| malformed(&family.timestamp))?,
            signatures: check_signatures(signatures).ok_or_else(|| malformed(&family.signature))?,
            signature_name: &family.signature,
        })
    }
}

/// The first family that the message has any header of; the standard's own
/// when it has none, so that the error names what should have been sent.
fn family(headers: &(impl HeaderSource + ?Sized)) -> &'static Family {
    [&STANDARD, &SVIX]
        .into_iter()
        .find(|family| {
            [&family.id, &family.timestamp, &family.signature]
                .into_iter()
                .any(|name| headers.values(name).next().is_some())
        })
        .unwrap_or(&STANDARD)
}

fn check_signatures(value: &[u8]) -> Option<&[u8]> {
    let allowed = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    (value.len() <= MAX_SIGNATURES && value.iter().all(allowed)).then_some(value)
}
