//! v1a: Ed25519 (RFC 8032).

use ed25519_dalek::{Signature, VerifyingKey};

use crate::error::SetupError;

/// Bytes in a v1a signature.
pub(crate) const SIGNATURE_LENGTH: usize = ed25519_dalek::SIGNATURE_LENGTH;

/// A sender's public key that is a proper point of the curve.
#[derive(Clone)]
pub(crate) struct PublicKey(VerifyingKey);

impl PublicKey {
    pub(crate) fn new(bytes: &[u8; 32]) -> Result<Self, SetupError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| SetupError::InvalidPublicKey)?;
        // Under a key of small order one signature fits many messages.
        if key.is_weak() {
            return Err(SetupError::InvalidPublicKey);
        }
        Ok(Self(key))
    }

    /// The strict check: no signature can be altered into another valid one.
    pub(crate) fn accepts(&self, content: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(content, &signature).is_ok()
    }
}
