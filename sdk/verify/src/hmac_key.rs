//! HMAC (RFC 2104) over SHA-256 and SHA-512 (FIPS 180-4).

use std::fmt;

use hmac::digest::common::{Key, KeySizeUser};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::format::Hash;

/// Bytes in a tag of HMAC-SHA256.
pub(crate) const SHA256_LENGTH: usize = 32;
/// Bytes in a tag of HMAC-SHA512, the longest there is here.
pub(crate) const MAX_TAG: usize = 64;

/// A secret already run through HMAC's two key blocks, so that each message
/// costs only its own hashing. The state is wiped when dropped.
#[derive(Clone)]
pub(crate) enum HmacKey {
    Sha256(Hmac<Sha256>),
    // Boxed: its state is several times the other's, and it is the rare one.
    Sha512(Box<Hmac<Sha512>>),
}

/// What a key makes of a message.
pub(crate) struct Tag {
    bytes: [u8; MAX_TAG],
    length: usize,
}

impl HmacKey {
    pub(crate) fn new(hash: Hash, secret: &[u8]) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(keyed::<Hmac<Sha256>, Sha256>(secret)),
            Hash::Sha512 => Self::Sha512(Box::new(keyed::<Hmac<Sha512>, Sha512>(secret))),
        }
    }

    /// The tag of what `content` writes, and then `body`, and then `end`.
    pub(crate) fn tag(
        &self,
        content: impl fmt::Display,
        body: &[u8],
        end: impl fmt::Display,
    ) -> Tag {
        match self {
            Self::Sha256(state) => run(state.clone(), content, body, end),
            Self::Sha512(state) => run(state.as_ref().clone(), content, body, end),
        }
    }
}

impl Tag {
    fn new(bytes: &[u8]) -> Self {
        let mut tag = Self {
            bytes: [0; MAX_TAG],
            length: bytes.len().min(MAX_TAG),
        };
        fill(&mut tag.bytes, bytes);
        tag
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Compares in time that does not depend on where the two differ. One of
    /// another length never fits; how long a tag is, is no secret.
    pub(crate) fn is(&self, found: &[u8]) -> bool {
        self.as_slice().ct_eq(found).into()
    }
}

/// Fills the key block as RFC 2104 section 2 does: a key longer than a block is
/// hashed, a shorter one padded with zeros. A whole block is what the library
/// takes without a failure to handle.
fn keyed<M: KeyInit + KeySizeUser, D: Digest>(secret: &[u8]) -> M {
    let mut block = Key::<M>::default();
    if secret.len() > block.len() {
        let mut digest = D::digest(secret);
        let digest = Zeroizing::new(digest.as_mut_slice().to_vec());
        fill(&mut block, &digest);
    } else {
        fill(&mut block, secret);
    }
    let state = M::new(&block);
    block.zeroize();
    state
}

/// Copies what fits, which the callers made all of it.
fn fill(block: &mut [u8], bytes: &[u8]) {
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = *from;
    }
}

fn run<M: Mac>(state: M, content: impl fmt::Display, body: &[u8], end: impl fmt::Display) -> Tag {
    let mut feed = Feed(state);
    // Hashing cannot fail, and so neither can writing to the hash.
    let _ = fmt::Write::write_fmt(&mut feed, format_args!("{content}"));
    feed.0.update(body);
    let _ = fmt::Write::write_fmt(&mut feed, format_args!("{end}"));
    Tag::new(feed.0.finalize().into_bytes().as_slice())
}

/// Feeds formatted text to the hash without a buffer between.
struct Feed<M>(M);

impl<M: Mac> fmt::Write for Feed<M> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
