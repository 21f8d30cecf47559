//! Signing secrets: sealed in their rows, wiped from memory when they are dropped.

use std::fmt;

use postrider_domain::SecretId;
use zeroize::Zeroizing;

use crate::engine::cipher::Cipher;
use crate::engine::error::StoreResult;
use crate::engine::row::corrupt;

/// What secrets are sealed for.
const PLACE: &str = "endpoint_secret";
/// A text that is wiped from memory when dropped and never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Encrypts a secret for its row.
pub(crate) fn seal(cipher: &Cipher, id: SecretId, text: &str) -> StoreResult<Vec<u8>> {
    Ok(cipher.seal(PLACE, id.uuid(), text.as_bytes())?)
}

/// Decrypts a secret of its row.
pub(crate) fn open(cipher: &Cipher, id: SecretId, sealed: &[u8]) -> StoreResult<Secret> {
    let bytes = cipher.open(PLACE, id.uuid(), sealed)?;
    String::from_utf8(bytes)
        .map(Secret::new)
        .map_err(|_| corrupt("endpoint_secret", "secret", id))
}
