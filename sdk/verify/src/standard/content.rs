//! What is signed: `id.timestamp.body` (Standard Webhooks 1.0.0, "Signature scheme").

use std::fmt;

/// The part of the signed content that comes before the body.
///
/// Neither part can hold a `.` (an id is checked, a timestamp is a number), so
/// one content cannot be read as two different messages.
#[derive(Clone, Copy)]
pub(crate) struct Prefix<'a> {
    pub(crate) id: &'a str,
    pub(crate) timestamp: i64,
}

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.", self.id, self.timestamp)
    }
}

/// The whole content in one buffer, for schemes that read it twice.
#[cfg(feature = "ed25519")]
pub(crate) fn joined(prefix: Prefix<'_>, body: &[u8]) -> Vec<u8> {
    // 20 digits and a sign fit an i64, and two dots.
    let mut head = String::with_capacity(prefix.id.len() + 22 + body.len());
    // Writing to a String cannot fail.
    let _ = fmt::Write::write_fmt(&mut head, format_args!("{prefix}"));
    let mut content = head.into_bytes();
    content.extend_from_slice(body);
    content
}
