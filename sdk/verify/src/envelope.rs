//! The three headers of a message, read strictly: nothing is trimmed, guessed
//! or taken from the first of several.

use crate::error::VerifyError;
use crate::headers::HeaderSource;

/// The longest message id that is read, in bytes. Real ones have 31.
const MAX_ID: usize = 256;
/// The longest signature header that is read, in bytes: room for 32 signatures
/// of the longer kind twice over.
const MAX_SIGNATURES: usize = 8 * 1024;

/// Header names of one family; a message is read from one family alone, so
/// that no part of one can stand in for a part of another.
struct Family {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

/// The standard's names, and the ones that Svix used before it.
const FAMILIES: [Family; 2] = [
    Family {
        id: "webhook-id",
        timestamp: "webhook-timestamp",
        signature: "webhook-signature",
    },
    Family {
        id: "svix-id",
        timestamp: "svix-timestamp",
        signature: "svix-signature",
    },
];

/// The headers of one message, well formed but not yet trusted.
pub(crate) struct Envelope<'a> {
    pub(crate) id: &'a str,
    pub(crate) timestamp: i64,
    /// Visible ASCII and spaces.
    pub(crate) signatures: &'a [u8],
    /// The name that the signatures were found under, for errors.
    pub(crate) signature_name: &'static str,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(headers: &'a (impl HeaderSource + ?Sized)) -> Result<Self, VerifyError> {
        let family = family(headers);
        let id = single(headers, family.id)?;
        let timestamp = single(headers, family.timestamp)?;
        let signatures = single(headers, family.signature)?;
        Ok(Self {
            id: parse_id(id).ok_or(VerifyError::MalformedHeader(family.id))?,
            timestamp: parse_timestamp(timestamp)
                .ok_or(VerifyError::MalformedHeader(family.timestamp))?,
            signatures: check_signatures(signatures)
                .ok_or(VerifyError::MalformedHeader(family.signature))?,
            signature_name: family.signature,
        })
    }
}

/// The first family that the message has any header of; the standard's own
/// when it has none, so that the error names what should have been sent.
fn family(headers: &(impl HeaderSource + ?Sized)) -> &'static Family {
    let [standard, _] = &FAMILIES;
    FAMILIES
        .iter()
        .find(|family| {
            [family.id, family.timestamp, family.signature]
                .iter()
                .any(|name| headers.values(name).next().is_some())
        })
        .unwrap_or(standard)
}

fn single<'a>(
    headers: &'a (impl HeaderSource + ?Sized),
    name: &'static str,
) -> Result<&'a [u8], VerifyError> {
    let mut values = headers.values(name);
    let value = values.next().ok_or(VerifyError::MissingHeader(name))?;
    if values.next().is_some() {
        return Err(VerifyError::DuplicateHeader(name));
    }
    Ok(value)
}

/// Visible ASCII without `.`: with a dot in the id, the signature of one
/// message would also fit another, split elsewhere.
fn parse_id(value: &[u8]) -> Option<&str> {
    let fits = !value.is_empty() && value.len() <= MAX_ID;
    let allowed = |byte: &u8| byte.is_ascii_graphic() && *byte != b'.';
    if !fits || !value.iter().all(allowed) {
        return None;
    }
    std::str::from_utf8(value).ok()
}

/// Digits alone, written in the one way in which they are also signed.
fn parse_timestamp(value: &[u8]) -> Option<i64> {
    if value.is_empty() || (value.len() > 1 && value.starts_with(b"0")) {
        return None;
    }
    value.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn check_signatures(value: &[u8]) -> Option<&[u8]> {
    let allowed = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    (value.len() <= MAX_SIGNATURES && value.iter().all(allowed)).then_some(value)
}
