//! Signatures as text.

#[cfg(feature = "sign")]
use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Encoding, Hash};
use crate::hmac_key::{MAX_TAG, SHA256_LENGTH};

/// A signature as it was found: so many bytes as the hash has.
pub(crate) struct Found {
    bytes: [u8; MAX_TAG + 2],
    length: usize,
}

impl Found {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Hash {
    /// Bytes in a tag.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Sha256 => SHA256_LENGTH,
            Self::Sha512 => MAX_TAG,
        }
    }
}

impl Encoding {
    /// Reads a signature of exactly the hash's length, written in the one way
    /// that there is.
    pub(crate) fn decode(self, hash: Hash, text: &[u8]) -> Option<Found> {
        let length = hash.length();
        // Two more than the longest tag: the decoder wants whole groups of three.
        let mut bytes = [0; MAX_TAG + 2];
        let found = match self {
            Self::Hex => hex(text, b'a', bytes.get_mut(..length)?)?,
            Self::HexUpper => hex(text, b'A', bytes.get_mut(..length)?)?,
            Self::Base64 if text.len() == length.div_ceil(3) * 4 => {
                STANDARD.decode_slice(text, &mut bytes).ok()?
            }
            Self::Base64 => return None,
        };
        (found == length).then_some(Found { bytes, length })
    }

    #[cfg(feature = "sign")]
    pub(crate) fn encode_onto(self, bytes: &[u8], text: &mut String) {
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = match self {
                Self::Hex => write!(text, "{byte:02x}"),
                Self::HexUpper => write!(text, "{byte:02X}"),
                Self::Base64 => break,
            };
        }
        if self == Self::Base64 {
            STANDARD.encode_string(bytes, text);
        }
    }
}

/// Fills `bytes` from twice as many digits, of which those above nine begin at `ten`.
fn hex(text: &[u8], ten: u8, bytes: &mut [u8]) -> Option<usize> {
    if text.len() != bytes.len() * 2 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        _ if (ten..ten + 6).contains(&byte) => Some(byte - ten + 10),
        _ => None,
    };
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes.len())
}
