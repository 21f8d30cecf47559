//! A key of Standard Webhooks that a receiver checks with.

use std::fmt;

use super::content::Prefix;
#[cfg(feature = "ed25519")]
use super::ed25519::PublicKey;
use super::secret;
use super::signatures::Signatures;
use crate::Scheme;
use crate::error::SetupError;
use crate::format::Hash;
use crate::hmac_key::HmacKey;

#[derive(Clone)]
pub(crate) enum Key {
    Hmac(HmacKey),
    // Boxed: a decompressed point is several times an HMAC state.
    #[cfg(feature = "ed25519")]
    Ed25519(Box<PublicKey>),
}

impl Key {
    pub(crate) fn parse(text: &str) -> Result<Self, SetupError> {
        if text.starts_with(secret::PRIVATE_PREFIX) {
            return Err(SetupError::PrivateKeyForVerifying);
        }
        if let Some(encoded) = text.strip_prefix(secret::PUBLIC_PREFIX) {
            return Self::parse_public(encoded);
        }
        let encoded = match text.strip_prefix(secret::HMAC_PREFIX) {
            Some(encoded) => encoded,
            // `_` is not in the alphabet: this is a prefix of something else.
            None if text.contains('_') => return Err(SetupError::UnknownPrefix),
            None => text,
        };
        let bytes = secret::decode(encoded, secret::HMAC_MIN_VERIFYING, secret::HMAC_MAX)?;
        Ok(Self::Hmac(HmacKey::new(Hash::Sha256, &bytes)))
    }

    /// An HMAC key from its own bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, SetupError> {
        secret::check_length(bytes.len(), secret::HMAC_MIN_VERIFYING, secret::HMAC_MAX)?;
        Ok(Self::Hmac(HmacKey::new(Hash::Sha256, bytes)))
    }

    #[cfg(feature = "ed25519")]
    fn parse_public(encoded: &str) -> Result<Self, SetupError> {
        let bytes = secret::decode_exact(encoded)?;
        PublicKey::new(&bytes).map(Box::new).map(Self::Ed25519)
    }

    #[cfg(not(feature = "ed25519"))]
    fn parse_public(_encoded: &str) -> Result<Self, SetupError> {
        Err(SetupError::Ed25519Disabled)
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        match self {
            Self::Hmac(_) => Scheme::V1,
            #[cfg(feature = "ed25519")]
            Self::Ed25519(_) => Scheme::V1a,
        }
    }

    pub(crate) fn made_any(
        &self,
        signatures: &Signatures,
        prefix: Prefix<'_>,
        body: &[u8],
    ) -> bool {
        if !signatures.has(self.scheme()) {
            return false;
        }
        match self {
            Self::Hmac(key) => {
                let expected = key.tag(prefix, body, "");
                signatures.v1.iter().any(|found| expected.is(found))
            }
            #[cfg(feature = "ed25519")]
            Self::Ed25519(key) => {
                let content = super::content::joined(prefix, body);
                signatures
                    .v1a
                    .iter()
                    .any(|found| key.accepts(&content, found))
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[redacted]", self.scheme())
    }
}
