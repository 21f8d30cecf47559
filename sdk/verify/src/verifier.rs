//! The verifier: secrets, a tolerance, and the order of the checks.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Scheme;
use crate::content::Prefix;
#[cfg(feature = "ed25519")]
use crate::ed25519::PublicKey;
use crate::envelope::Envelope;
use crate::error::{SecretError, VerifyError};
use crate::headers::HeaderSource;
use crate::hmac_key::HmacKey;
use crate::secret;
use crate::signatures::Signatures;

/// How far a timestamp may lie from the receiver's clock, both ways, unless
/// set otherwise: five minutes.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_mins(5);

/// Checks messages against one or more secrets. Build it once and share it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use postrider_verify::Verifier;
///
/// // Two secrets, while the sender rotates from one to the other.
/// let verifier = Verifier::builder()
///     .secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?
///     .secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?
///     .build()?;
/// # let _ = verifier; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Key>,
    tolerance_seconds: u64,
}

/// Collects what a [`Verifier`] is made of.
#[derive(Clone)]
#[must_use]
pub struct VerifierBuilder {
    keys: Vec<Key>,
    tolerance: Duration,
}

/// What is known of a message that was accepted.
///
/// A sender may deliver a message more than once, always under the same `id`:
/// keep the ids seen (for the tolerance at least) and act on each once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The message's id; the same on every attempt to deliver it.
    pub id: String,
    /// When this attempt was signed, in Unix seconds.
    pub timestamp: i64,
    /// The kind of signature that matched.
    pub scheme: Scheme,
    /// Which secret matched: 0 is the first that the builder was given. An old
    /// secret that no longer matches anything can be removed.
    pub key: usize,
}

#[derive(Clone)]
enum Key {
    Hmac(HmacKey),
    // Boxed: a decompressed point is several times an HMAC state.
    #[cfg(feature = "ed25519")]
    Ed25519(Box<PublicKey>),
}

impl Key {
    fn parse(text: &str) -> Result<Self, SecretError> {
        if text.starts_with(secret::PRIVATE_PREFIX) {
            return Err(SecretError::PrivateKeyForVerifying);
        }
        if let Some(encoded) = text.strip_prefix(secret::PUBLIC_PREFIX) {
            return Self::parse_public(encoded);
        }
        let encoded = match text.strip_prefix(secret::HMAC_PREFIX) {
            Some(encoded) => encoded,
            // `_` is not in the alphabet: this is a prefix of something else.
            None if text.contains('_') => return Err(SecretError::UnknownPrefix),
            None => text,
        };
        let bytes = secret::decode(encoded, secret::HMAC_MIN_VERIFYING, secret::HMAC_MAX)?;
        Ok(Self::Hmac(HmacKey::new(&bytes)))
    }

    #[cfg(feature = "ed25519")]
    fn parse_public(encoded: &str) -> Result<Self, SecretError> {
        let bytes = secret::decode_exact(encoded)?;
        PublicKey::new(&bytes).map(Box::new).map(Self::Ed25519)
    }

    #[cfg(not(feature = "ed25519"))]
    fn parse_public(_encoded: &str) -> Result<Self, SecretError> {
        Err(SecretError::Ed25519Disabled)
    }

    const fn scheme(&self) -> Scheme {
        match self {
            Self::Hmac(_) => Scheme::V1,
            #[cfg(feature = "ed25519")]
            Self::Ed25519(_) => Scheme::V1a,
        }
    }

    fn made_any(&self, signatures: &Signatures, prefix: Prefix<'_>, body: &[u8]) -> bool {
        if !signatures.has(self.scheme()) {
            return false;
        }
        match self {
            Self::Hmac(key) => {
                let expected = key.tag(prefix, body);
                signatures
                    .v1
                    .iter()
                    .any(|found| HmacKey::is_tag(&expected, found))
            }
            #[cfg(feature = "ed25519")]
            Self::Ed25519(key) => {
                let content = crate::content::joined(prefix, body);
                signatures
                    .v1a
                    .iter()
                    .any(|found| key.accepts(&content, found))
            }
        }
    }
}

impl Verifier {
    /// A verifier with one secret and the default tolerance.
    ///
    /// # Errors
    /// As [`VerifierBuilder::secret`].
    pub fn new(secret: &str) -> Result<Self, SecretError> {
        Self::builder().secret(secret)?.build()
    }

    /// A builder without secrets and with the default tolerance.
    pub const fn builder() -> VerifierBuilder {
        VerifierBuilder {
            keys: Vec::new(),
            tolerance: DEFAULT_TOLERANCE,
        }
    }

    /// Checks a message received at `now` (Unix seconds).
    ///
    /// `body` is what came over the wire, byte for byte: JSON that was parsed
    /// and printed again does not verify. Headers are those of the standard
    /// (`webhook-id`, `-timestamp`, `-signature`) or, when none of them is
    /// there, the older `svix-` ones. The message is accepted if any of its
    /// signatures fits any of the secrets.
    ///
    /// # Errors
    /// [`VerifyError`]; the message must then not be acted upon. Headers are
    /// checked first, then the timestamp, then the signatures.
    pub fn verify(
        &self,
        headers: &(impl HeaderSource + ?Sized),
        body: &[u8],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        let envelope = Envelope::read(headers)?;
        let signatures = Signatures::parse(envelope.signatures, envelope.signature_name)?;
        self.check_age(envelope.timestamp, now)?;
        if !self.keys.iter().any(|key| signatures.has(key.scheme())) {
            return Err(VerifyError::UnsupportedScheme);
        }
        let prefix = Prefix {
            id: envelope.id,
            timestamp: envelope.timestamp,
        };
        let matching = |key: &Key| key.made_any(&signatures, prefix, body);
        let index = self.keys.iter().position(matching);
        let (index, key) = index
            .and_then(|index| Some((index, self.keys.get(index)?)))
            .ok_or(VerifyError::NoMatchingSignature)?;
        Ok(Verified {
            id: envelope.id.to_owned(),
            timestamp: envelope.timestamp,
            scheme: key.scheme(),
            key: index,
        })
    }

    /// As [`Verifier::verify`], at the system clock's time.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn verify_now(
        &self,
        headers: &(impl HeaderSource + ?Sized),
        body: &[u8],
    ) -> Result<Verified, VerifyError> {
        self.verify(headers, body, system_now())
    }

    fn check_age(&self, timestamp: i64, now: i64) -> Result<(), VerifyError> {
        // The distance of two i64 always fits a u64; their difference would
        // overflow for timestamps that anyone can send.
        if now.abs_diff(timestamp) <= self.tolerance_seconds {
            Ok(())
        } else if timestamp < now {
            Err(VerifyError::TimestampTooOld)
        } else {
            Err(VerifyError::TimestampTooNew)
        }
    }
}

impl VerifierBuilder {
    /// Adds a secret: `whsec_` and base64 of 16 to 75 bytes (the prefix may be
    /// absent), or with the feature `ed25519` `whpk_` and base64 of a 32-byte
    /// public key. Messages signed with any one of the secrets are accepted.
    ///
    /// The standard asks senders for 24 to 64 bytes; a receiver takes shorter
    /// ones, down to 128 bits, because it did not choose them.
    ///
    /// # Errors
    /// [`SecretError`], which says what is wrong without showing the secret.
    pub fn secret(mut self, secret: &str) -> Result<Self, SecretError> {
        self.keys.push(Key::parse(secret)?);
        Ok(self)
    }

    /// How far a timestamp may lie from the clock, both ways, in whole
    /// seconds. The wider it is, the longer a captured message can be replayed
    /// and the longer ids must be kept to notice it.
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Makes the verifier.
    ///
    /// # Errors
    /// [`SecretError::NoSecret`] when no secret was added.
    pub fn build(self) -> Result<Verifier, SecretError> {
        if self.keys.is_empty() {
            return Err(SecretError::NoSecret);
        }
        Ok(Verifier {
            keys: self.keys,
            tolerance_seconds: self.tolerance.as_secs(),
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys)
            .field("tolerance_seconds", &self.tolerance_seconds)
            .finish()
    }
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("keys", &self.keys)
            .field("tolerance", &self.tolerance)
            .finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[redacted]", self.scheme())
    }
}

/// The one place that reads a clock. A clock set before 1970 gives a negative
/// time, under which every message is too new.
#[allow(
    clippy::disallowed_methods,
    reason = "`verify_now` is asked for the real time"
)]
fn system_now() -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => seconds(after),
        Err(before) => -seconds(before.duration()),
    }
}
