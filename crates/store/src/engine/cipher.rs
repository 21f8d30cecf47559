//! Encryption at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) under a key
//! derived from the main secret, each value bound to its row.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use crate::engine::entropy::{entropy, hex};

const NONCE: usize = 24;
const FORMAT: u8 = 1;
const FINGERPRINT: usize = 8;

/// A value that the main secret in force does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CipherError {
    /// Made under another main secret, moved to another row, or damaged.
    #[error(
        "a stored secret cannot be opened: is POSTRIDER_MAIN_SECRET the one it was stored under?"
    )]
    CannotOpen,
    /// The cipher refused to seal, which it does only for values of many gigabytes.
    #[error("a secret cannot be sealed")]
    CannotSeal,
}

/// Seals and opens values at rest. Clones share the key, which is never shown.
#[derive(Clone)]
pub struct Cipher(Arc<XChaCha20Poly1305>, [u8; FINGERPRINT]);

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

impl Cipher {
    /// A cipher under `main_secret`, which should hold at least 32 random characters.
    pub fn new(main_secret: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"postrider at rest v1\0");
        hash.update(main_secret.as_bytes());
        let key = hash.finalize();
        let mut hash = Sha256::new();
        hash.update(b"postrider fingerprint v1\0");
        hash.update(key);
        let mut fingerprint = [0; FINGERPRINT];
        fingerprint.copy_from_slice(&hash.finalize()[..FINGERPRINT]);
        Self(Arc::new(XChaCha20Poly1305::new(&key)), fingerprint)
    }

    /// Tells main secrets apart, and nothing else of them: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        hex(&self.1)
    }

    /// Encrypts `value` for the row `id` of `place` (table and column).
    pub fn seal(&self, place: &str, id: Uuid, value: &[u8]) -> Result<Vec<u8>, CipherError> {
        let nonce = entropy::<NONCE>();
        let aad = bound_to(place, id);
        let sealed = self
            .0
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: value,
                    aad: &aad,
                },
            )
            .map_err(|_| CipherError::CannotSeal)?;
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(FORMAT);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Decrypts what [`Cipher::seal`] made for the same place and id.
    pub fn open(&self, place: &str, id: Uuid, sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        let (&FORMAT, rest) = sealed.split_first().ok_or(CipherError::CannotOpen)? else {
            return Err(CipherError::CannotOpen);
        };
        let (nonce, text) = rest
            .split_first_chunk::<NONCE>()
            .ok_or(CipherError::CannotOpen)?;
        self.0
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: text,
                    aad: &bound_to(place, id),
                },
            )
            .map_err(|_| CipherError::CannotOpen)
    }
}

fn bound_to(place: &str, id: Uuid) -> Vec<u8> {
    [place.as_bytes(), b"\0", id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_one_secret() {
        let fingerprint = |secret| Cipher::new(secret).fingerprint();
        let secret = "a main secret of at least 32 characters";
        assert_eq!(fingerprint(secret), fingerprint(secret));
        assert_ne!(fingerprint(secret), fingerprint("another"));
        assert_eq!(fingerprint(secret).len(), 16);
    }

    #[test]
    fn what_is_sealed_opens_only_in_its_place_under_its_secret() {
        let cipher = Cipher::new("a main secret of at least 32 characters");
        let id = Uuid::from_u128(7);
        let sealed = cipher.seal("endpoint_secret", id, b"whsec").unwrap();
        assert_eq!(
            cipher.open("endpoint_secret", id, &sealed).unwrap(),
            b"whsec"
        );
        assert!(
            cipher
                .open("endpoint_secret", Uuid::from_u128(8), &sealed)
                .is_err()
        );
        assert!(cipher.open("endpoint.headers", id, &sealed).is_err());
        assert!(
            Cipher::new("another")
                .open("endpoint_secret", id, &sealed)
                .is_err()
        );
        for cut in 0..sealed.len() {
            assert!(cipher.open("endpoint_secret", id, &sealed[..cut]).is_err());
        }
    }
}
