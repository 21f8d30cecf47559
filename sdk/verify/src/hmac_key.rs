//! v1: HMAC-SHA256 (RFC 2104, FIPS 180-4).

use std::fmt;

use hmac::digest::common::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::content::Prefix;

/// Bytes in a v1 signature.
pub(crate) const TAG_LENGTH: usize = 32;

/// A secret already run through HMAC's two key blocks, so that each message
/// costs only its own hashing. The state is wiped when dropped.
#[derive(Clone)]
pub(crate) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Fills the key block as RFC 2104 section 2 does: a key longer than a
    /// block is hashed, a shorter one padded with zeros. A whole block is what
    /// the library takes without a failure to handle.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let mut block = Key::<Hmac<Sha256>>::default();
        if secret.len() > block.len() {
            let digest = Zeroizing::new(<[u8; TAG_LENGTH]>::from(Sha256::digest(secret)));
            fill(&mut block, digest.as_slice());
        } else {
            fill(&mut block, secret);
        }
        let state = Hmac::new(&block);
        block.zeroize();
        Self(state)
    }

    pub(crate) fn tag(&self, prefix: Prefix<'_>, body: &[u8]) -> [u8; TAG_LENGTH] {
        let mut mac = MacWriter(self.0.clone());
        // Hashing cannot fail, and so neither can writing to the hash.
        let _ = fmt::Write::write_fmt(&mut mac, format_args!("{prefix}"));
        mac.0.update(body);
        mac.0.finalize().into_bytes().into()
    }

    /// Compares in time that does not depend on where the two differ.
    pub(crate) fn is_tag(expected: &[u8; TAG_LENGTH], found: &[u8; TAG_LENGTH]) -> bool {
        expected.ct_eq(found).into()
    }
}

/// Copies what fits, which `HmacKey::new` made all of it.
fn fill(block: &mut [u8], key: &[u8]) {
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
}

/// Feeds formatted text to the hash without a buffer between.
struct MacWriter(Hmac<Sha256>);

impl fmt::Write for MacWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
