//! Secrets as text: a prefix that tells the kind, then base64.

use base64::{DecodeSliceError, Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::error::SetupError;

/// An HMAC secret, held by both sides.
pub(crate) const HMAC_PREFIX: &str = "whsec_";
/// An Ed25519 private key, held by the sender.
pub(crate) const PRIVATE_PREFIX: &str = "whsk_";
/// An Ed25519 public key, held by the receiver.
pub(crate) const PUBLIC_PREFIX: &str = "whpk_";

/// The shortest HMAC secret that a receiver may use: 128 bits. Senders mint at
/// least 24 bytes, but a receiver cannot choose what its sender minted.
pub(crate) const HMAC_MIN_VERIFYING: usize = 16;
/// The longest HMAC secret in use: Svix takes up to 75 bytes, the text says 64.
pub(crate) const HMAC_MAX: usize = 75;

/// Decodes strict base64 (standard alphabet, padded, canonical) of a secret
/// whose length lies in `min..=max` bytes. The bytes are wiped when dropped.
pub(crate) fn decode(text: &str, min: usize, max: usize) -> Result<Zeroizing<Vec<u8>>, SetupError> {
    if text.is_empty() {
        return Err(SetupError::Empty);
    }
    let wrong_length = |found| SetupError::WrongLength { found, min, max };
    // The decoder wants room for whole groups of three.
    let mut bytes = Zeroizing::new(vec![0; max.next_multiple_of(3)]);
    let length = STANDARD
        .decode_slice(text, &mut bytes)
        .map_err(|error| match error {
            DecodeSliceError::DecodeError(_) => SetupError::NotBase64,
            DecodeSliceError::OutputSliceTooSmall => wrong_length(text.len() / 4 * 3),
        })?;
    check_length(length, min, max)?;
    bytes.truncate(length);
    Ok(bytes)
}

pub(crate) fn check_length(found: usize, min: usize, max: usize) -> Result<(), SetupError> {
    match found {
        0 => Err(SetupError::Empty),
        _ if found < min || found > max => Err(SetupError::WrongLength { found, min, max }),
        _ => Ok(()),
    }
}

/// As [`decode`], for a key of exactly `N` bytes.
#[cfg(feature = "ed25519")]
pub(crate) fn decode_exact<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, SetupError> {
    let bytes = decode(text, N, N)?;
    let mut key = Zeroizing::new([0; N]);
    key.copy_from_slice(&bytes);
    Ok(key)
}
