//! The verifier: secrets, a tolerance, and the order of the checks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::VerifierBuilder;
use crate::clock::Clock;
use crate::error::{SetupError, VerifyError};
use crate::format::{HmacFormat, Plan};
use crate::headers::HeaderSource;
use crate::hmac_key::HmacKey;
use crate::standard::content::Prefix;
use crate::standard::envelope::Envelope;
use crate::standard::key::Key;
use crate::standard::signatures::Signatures;
use crate::verified::{IdSource, Verified};

/// How far a timestamp may lie from the receiver's clock, both ways, unless
/// set otherwise: five minutes.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// Checks messages of one scheme against one or more secrets. Build it once and
/// share it; a clone is cheap.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use postrider_verify::Verifier;
///
/// // Standard Webhooks with two secrets, while the sender rotates from one to the other.
/// let verifier = Verifier::builder()
///     .secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?
///     .secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?
///     .build()?;
///
/// let github = Verifier::github().secret("It's a Secret to Everybody")?.build()?;
/// # let _ = (verifier, github); Ok(()) }
/// ```
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<Keys>,
    tolerance_seconds: u64,
    clock: Clock,
}

/// Secrets, by how they are used.
pub(crate) enum Keys {
    Standard(Vec<Key>),
    Hmac(Box<Plan>, Vec<HmacKey>),
}

impl Verifier {
    /// A verifier of Standard Webhooks with one secret and the default tolerance.
    ///
    /// # Errors
    /// As [`VerifierBuilder::secret`].
    pub fn new(secret: &str) -> Result<Self, SetupError> {
        Self::builder().secret(secret)?.build()
    }

    /// Standard Webhooks, v1 and with the feature `ed25519` v1a, under
    /// `webhook-` or the older `svix-` headers.
    pub const fn builder() -> VerifierBuilder {
        VerifierBuilder::standard()
    }

    /// GitHub's signatures, as [`HmacFormat::github`].
    pub fn github() -> VerifierBuilder {
        Self::hmac(HmacFormat::github())
    }

    /// Stripe's signatures, as [`HmacFormat::stripe`].
    pub fn stripe() -> VerifierBuilder {
        Self::hmac(HmacFormat::stripe())
    }

    /// Slack's signatures, as [`HmacFormat::slack`].
    pub fn slack() -> VerifierBuilder {
        Self::hmac(HmacFormat::slack())
    }

    /// Signatures of another sender that uses one HMAC.
    pub fn hmac(format: HmacFormat) -> VerifierBuilder {
        VerifierBuilder::hmac(format)
    }

    pub(crate) fn from_parts(keys: Keys, tolerance: Duration, clock: Clock) -> Self {
        Self {
            keys: Arc::new(keys),
            tolerance_seconds: tolerance.as_secs(),
            clock,
        }
    }

    /// Checks a message received at `now` (Unix seconds).
    ///
    /// `body` is what came over the wire, byte for byte: JSON that was parsed
    /// and printed again does not verify. The message is accepted if any of
    /// its signatures fits any of the secrets.
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
        match self.keys.as_ref() {
            Keys::Standard(keys) => self.verify_standard(keys, headers, body, now),
            Keys::Hmac(plan, keys) => self.verify_hmac(plan, keys, headers, body, now),
        }
    }

    /// As [`Verifier::verify`], at the time of the builder's clock, which is the
    /// system's unless set.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn verify_now(
        &self,
        headers: &(impl HeaderSource + ?Sized),
        body: &[u8],
    ) -> Result<Verified, VerifyError> {
        self.verify(headers, body, self.clock.now())
    }

    fn verify_standard(
        &self,
        keys: &[Key],
        headers: &(impl HeaderSource + ?Sized),
        body: &[u8],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        let envelope = Envelope::read(headers)?;
        let signatures = Signatures::parse(envelope.signatures, envelope.signature_name)?;
        self.check_age(envelope.timestamp, now)?;
        if !keys.iter().any(|key| signatures.has(key.scheme())) {
            return Err(VerifyError::UnsupportedScheme);
        }
        let prefix = Prefix {
            id: envelope.id,
            timestamp: envelope.timestamp,
        };
        let mut numbered = keys.iter().enumerate();
        let (index, key) = numbered
            .find(|(_, key)| key.made_any(&signatures, prefix, body))
            .ok_or(VerifyError::NoMatchingSignature)?;
        Ok(Verified {
            id: envelope.id.to_owned(),
            id_source: IdSource::SignedHeader,
            timestamp: Some(envelope.timestamp),
            event_type: None,
            scheme: key.scheme(),
            key: index,
        })
    }

    fn verify_hmac(
        &self,
        plan: &Plan,
        keys: &[HmacKey],
        headers: &(impl HeaderSource + ?Sized),
        body: &[u8],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        let received = plan.read(headers)?;
        if let Some(timestamp) = received.timestamp {
            self.check_age(timestamp, now)?;
        }
        let made_by = |key: &HmacKey| {
            let expected = plan.tag(key, received.values(), body);
            let mut signatures = received.signatures.iter();
            signatures.any(|found| expected.is(found.as_slice()))
        };
        let key = keys
            .iter()
            .position(made_by)
            .ok_or(VerifyError::NoMatchingSignature)?;
        let id_is_signed = plan.template.has_id();
        let format = &plan.format;
        Ok(Verified::from_format(
            format,
            &received,
            id_is_signed,
            body,
            key,
        ))
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

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys)
            .field("tolerance_seconds", &self.tolerance_seconds)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(keys) => f.debug_list().entries(keys).finish(),
            Self::Hmac(plan, keys) => {
                let key = format_args!("{}:[redacted]", plan.format.scheme());
                f.debug_list().entries(keys.iter().map(|_| key)).finish()
            }
        }
    }
}
