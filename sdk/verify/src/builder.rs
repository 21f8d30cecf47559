//! What a verifier is made of.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::SetupError;
use crate::format::{HmacFormat, Plan};
use crate::standard::key::Key;
use crate::text_secret;
use crate::verifier::{DEFAULT_TOLERANCE, Keys, Verifier};

/// Collects what a [`Verifier`] is made of.
#[derive(Clone)]
#[must_use]
pub struct VerifierBuilder {
    secrets: Secrets,
    tolerance: Duration,
    clock: Clock,
}

#[derive(Clone)]
enum Secrets {
    Standard(Vec<Key>),
    /// Bytes: the format that says what to do with them is checked at the end.
    Hmac(Box<HmacFormat>, Vec<Zeroizing<Vec<u8>>>),
}

impl VerifierBuilder {
    pub(crate) const fn standard() -> Self {
        Self {
            secrets: Secrets::Standard(Vec::new()),
            tolerance: DEFAULT_TOLERANCE,
            clock: Clock::SYSTEM,
        }
    }

    pub(crate) fn hmac(format: HmacFormat) -> Self {
        Self {
            secrets: Secrets::Hmac(Box::new(format), Vec::new()),
            tolerance: DEFAULT_TOLERANCE,
            clock: Clock::SYSTEM,
        }
    }

    /// Adds a secret. Messages signed with any one of the secrets are accepted.
    ///
    /// For Standard Webhooks: `whsec_` and base64 of 16 to 75 bytes (the prefix
    /// may be absent), or with the feature `ed25519` `whpk_` and base64 of a
    /// 32-byte public key. The standard asks senders for 24 to 64 bytes; a
    /// receiver takes shorter ones, down to 128 bits, because it did not choose
    /// them. For all other schemes: the text as the sender shows it, whatever
    /// prefix it has, 16 to 512 bytes without space around them.
    ///
    /// # Errors
    /// [`SetupError`], which says what is wrong without showing the secret.
    pub fn secret(mut self, secret: &str) -> Result<Self, SetupError> {
        if let Secrets::Standard(keys) = &mut self.secrets {
            keys.push(Key::parse(secret)?);
            return Ok(self);
        }
        text_secret::check_spaces(secret)?;
        self.secret_bytes(secret.as_bytes())
    }

    /// Adds the bytes of an HMAC secret themselves, 16 to 75 for Standard
    /// Webhooks and 16 to 512 for all others.
    ///
    /// # Errors
    /// [`SetupError::Empty`] or [`SetupError::WrongLength`].
    pub fn secret_bytes(mut self, secret: &[u8]) -> Result<Self, SetupError> {
        match &mut self.secrets {
            Secrets::Standard(keys) => keys.push(Key::from_bytes(secret)?),
            Secrets::Hmac(_, secrets) => {
                text_secret::check(secret)?;
                secrets.push(Zeroizing::new(secret.to_vec()));
            }
        }
        Ok(self)
    }

    /// How far a timestamp may lie from the clock, both ways, in whole
    /// seconds. The wider it is, the longer a captured message can be replayed
    /// and the longer ids must be kept to notice it.
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Where [`Verifier::verify_now`], and with it each layer and extractor,
    /// takes the time from, in Unix seconds. The system's clock unless set.
    pub fn clock(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Makes the verifier.
    ///
    /// # Errors
    /// [`SetupError::NoSecret`] when no secret was added, and for a format of
    /// one's own what [`HmacFormat::check`] finds.
    pub fn build(self) -> Result<Verifier, SetupError> {
        let keys = match self.secrets {
            Secrets::Standard(keys) if keys.is_empty() => return Err(SetupError::NoSecret),
            Secrets::Standard(keys) => Keys::Standard(keys),
            Secrets::Hmac(_, secrets) if secrets.is_empty() => return Err(SetupError::NoSecret),
            Secrets::Hmac(format, secrets) => {
                let plan = Plan::new(*format)?;
                let hash = plan.format.hash;
                let keys = secrets.iter().map(|secret| text_secret::key(hash, secret));
                let keys = keys.collect::<Result<_, _>>()?;
                Keys::Hmac(Box::new(plan), keys)
            }
        };
        Ok(Verifier::from_parts(keys, self.tolerance, self.clock))
    }
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = match &self.secrets {
            Secrets::Standard(keys) => keys.len(),
            Secrets::Hmac(_, secrets) => secrets.len(),
        };
        f.debug_struct("VerifierBuilder")
            .field("secrets", &format_args!("{secrets} redacted"))
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}
