//! What the headers of every scheme have in common, read strictly: nothing is
//! trimmed, guessed or taken from the first of several.

use std::borrow::Cow;

use crate::error::VerifyError;
use crate::headers::HeaderSource;

/// The longest message id and event type that are read, in bytes. Real ones
/// have some 30.
pub(crate) const MAX_ID: usize = 256;

/// A header's name: one of ours, or one that a general scheme was given.
pub(crate) type Name = Cow<'static, str>;

/// The one value of a header that must be there.
pub(crate) fn single<'a>(
    headers: &'a (impl HeaderSource + ?Sized),
    name: &'a Name,
) -> Result<&'a [u8], VerifyError> {
    optional(headers, name)?.ok_or_else(|| VerifyError::MissingHeader(name.clone()))
}

/// The one value of a header that may be there.
pub(crate) fn optional<'a>(
    headers: &'a (impl HeaderSource + ?Sized),
    name: &'a Name,
) -> Result<Option<&'a [u8]>, VerifyError> {
    let mut values = headers.values(name);
    let value = values.next();
    if values.next().is_some() {
        return Err(VerifyError::DuplicateHeader(name.clone()));
    }
    Ok(value)
}

/// Visible ASCII, and none of the characters that part an id from what is
/// signed behind it: with one of these in the id, the signature of one message
/// would also fit another, split elsewhere.
pub(crate) fn parse_id<'a>(value: &'a [u8], separators: &[u8]) -> Option<&'a str> {
    let fits = !value.is_empty() && value.len() <= MAX_ID;
    let allowed = |byte: &u8| byte.is_ascii_graphic() && !separators.contains(byte);
    if !fits || !value.iter().all(allowed) {
        return None;
    }
    std::str::from_utf8(value).ok()
}

/// Digits alone, written in the one way in which they are also signed.
pub(crate) fn parse_timestamp(value: &[u8]) -> Option<i64> {
    if value.is_empty() || (value.len() > 1 && value.starts_with(b"0")) {
        return None;
    }
    value.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
