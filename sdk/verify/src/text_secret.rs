//! Secrets whose own bytes are the key, as GitHub, Stripe and Slack have them.

use crate::error::SetupError;
use crate::format::Hash;
use crate::hmac_key::HmacKey;
use crate::standard::secret::check_length;

/// The shortest secret, 128 bits at best.
const MIN: usize = 16;
/// The longest secret.
const MAX: usize = 512;

/// Refuses text with a space or line end around it, which a careless copy adds.
pub(crate) fn check_spaces(text: &str) -> Result<(), SetupError> {
    if text.trim().len() == text.len() {
        Ok(())
    } else {
        Err(SetupError::Spaces)
    }
}

/// Refuses what is too short to be a secret, or too long to be meant as one.
pub(crate) fn check(bytes: &[u8]) -> Result<(), SetupError> {
    check_length(bytes.len(), MIN, MAX)
}

pub(crate) fn key(hash: Hash, bytes: &[u8]) -> Result<HmacKey, SetupError> {
    check(bytes)?;
    Ok(HmacKey::new(hash, bytes))
}
