//! Keys of Standard Webhooks, for senders.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::Scheme;
use crate::error::SetupError;
use crate::format::Hash;
use crate::hmac_key::HmacKey;
use crate::standard::content::Prefix;
use crate::standard::secret;

/// The shortest HMAC secret to sign with (Standard Webhooks 1.0.0).
const HMAC_MIN_SIGNING: usize = 24;
/// Characters of the longest signature: `v1a,` and base64 of 64 bytes.
const MAX_SIGNATURE_CHARS: usize = 4 + 88;

/// A sender's key, parsed once and used for many messages. Wiped when dropped;
/// `Debug` shows its kind alone.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use postrider_verify::{SigningKey, Verifier};
///
/// let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let signature = key.sign("msg_1", 1_700_000_000, b"{}");
///
/// let verifier = Verifier::new(&key.verifying_string())?;
/// let headers = [
///     ("webhook-id", "msg_1"),
///     ("webhook-timestamp", "1700000000"),
///     ("webhook-signature", &signature),
/// ];
/// assert_eq!(verifier.verify(&headers, b"{}", 1_700_000_030)?.id, "msg_1");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SigningKey(Kind);

#[derive(Clone)]
enum Kind {
    Hmac {
        secret: Zeroizing<Vec<u8>>,
        key: HmacKey,
    },
    // Wipes its seed itself; boxed because it is several times an HMAC state.
    #[cfg(feature = "ed25519")]
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl SigningKey {
    /// Reads `whsec_` and base64 of 24 to 75 bytes, or with the feature
    /// `ed25519` `whsk_` and base64 of 64 bytes: the seed and the public key
    /// that belongs to it. The prefix is required.
    ///
    /// # Errors
    /// [`SetupError`], which says what is wrong without showing the secret.
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        if let Some(encoded) = text.strip_prefix(secret::HMAC_PREFIX) {
            let bytes = secret::decode(encoded, HMAC_MIN_SIGNING, secret::HMAC_MAX)?;
            return Ok(Self::from_hmac_secret(bytes));
        }
        if let Some(encoded) = text.strip_prefix(secret::PRIVATE_PREFIX) {
            return Self::parse_private(encoded);
        }
        Err(if text.is_empty() {
            SetupError::Empty
        } else if text.starts_with(secret::PUBLIC_PREFIX) {
            SetupError::PublicKeyForSigning
        } else {
            SetupError::UnknownPrefix
        })
    }

    /// A new HMAC key from 32 bytes of a cryptographic random generator.
    pub fn generate_hmac(random: [u8; 32]) -> Self {
        let random = Zeroizing::new(random);
        Self::from_hmac_secret(Zeroizing::new(random.to_vec()))
    }

    /// A new Ed25519 key from 32 bytes of a cryptographic random generator.
    #[cfg(feature = "ed25519")]
    pub fn generate_ed25519(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        Self(Kind::Ed25519(Box::new(key)))
    }

    /// The kind of signature that this key makes.
    pub const fn scheme(&self) -> Scheme {
        match self.0 {
            Kind::Hmac { .. } => Scheme::V1,
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(_) => Scheme::V1a,
        }
    }

    /// The key itself, for safe keeping: [`SigningKey::parse`] reads it back.
    pub fn to_secret_string(&self) -> String {
        match &self.0 {
            Kind::Hmac { secret, .. } => prefixed(secret::HMAC_PREFIX, secret),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(key) => {
                let pair = Zeroizing::new(key.to_keypair_bytes());
                prefixed(secret::PRIVATE_PREFIX, pair.as_slice())
            }
        }
    }

    /// What the receiver verifies with: the same `whsec_` secret for HMAC
    /// (still a secret), the `whpk_` public key for Ed25519.
    pub fn verifying_string(&self) -> String {
        match &self.0 {
            Kind::Hmac { .. } => self.to_secret_string(),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(key) => prefixed(secret::PUBLIC_PREFIX, key.verifying_key().as_bytes()),
        }
    }

    /// Signs one attempt to deliver a message: `v1,` or `v1a,` and base64, a
    /// value for the `webhook-signature` header.
    ///
    /// `id` is 1 to 256 visible ASCII characters without `.`, `timestamp` is
    /// the attempt's time in Unix seconds and not negative, both exactly as
    /// sent in the headers, and `body` is what is sent, byte for byte. Neither
    /// is checked here; a [`Verifier`](crate::Verifier) refuses other ones.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut header = String::with_capacity(MAX_SIGNATURE_CHARS);
        self.sign_onto(&mut header, Prefix { id, timestamp }, body);
        header
    }

    fn from_hmac_secret(secret: Zeroizing<Vec<u8>>) -> Self {
        let key = HmacKey::new(Hash::Sha256, &secret);
        Self(Kind::Hmac { secret, key })
    }

    #[cfg(feature = "ed25519")]
    fn parse_private(encoded: &str) -> Result<Self, SetupError> {
        let pair = secret::decode_exact(encoded)?;
        let key = ed25519_dalek::SigningKey::from_keypair_bytes(&pair)
            .map_err(|_| SetupError::KeyPairMismatch)?;
        Ok(Self(Kind::Ed25519(Box::new(key))))
    }

    #[cfg(not(feature = "ed25519"))]
    fn parse_private(_encoded: &str) -> Result<Self, SetupError> {
        Err(SetupError::Ed25519Disabled)
    }

    fn sign_onto(&self, header: &mut String, prefix: Prefix<'_>, body: &[u8]) {
        header.push_str(self.scheme().as_str());
        header.push(',');
        match &self.0 {
            Kind::Hmac { key, .. } => {
                STANDARD.encode_string(key.tag(prefix, body, "").as_slice(), header);
            }
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(key) => {
                use ed25519_dalek::Signer;
                let signature = key.sign(&crate::standard::content::joined(prefix, body));
                STANDARD.encode_string(signature.to_bytes(), header);
            }
        }
    }
}

/// Signs with several keys, as during a rotation: the whole value of the
/// `webhook-signature` header, in the order of the keys. Empty without keys.
///
/// The arguments are those of [`SigningKey::sign`].
pub fn sign_all(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut header = String::with_capacity(keys.len() * (MAX_SIGNATURE_CHARS + 1));
    for key in keys {
        if !header.is_empty() {
            header.push(' ');
        }
        key.sign_onto(&mut header, Prefix { id, timestamp }, body);
    }
    header
}

fn prefixed(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(prefix);
    STANDARD.encode_string(bytes, &mut text);
    text
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}:[redacted])", self.scheme())
    }
}
