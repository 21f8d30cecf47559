//! JWTs in the shape that a self-hosted Svix server takes: the way over from it.
//!
//! The algorithm is the operator's and never the token's; there is one key. Base64 is
//! strict, so that one token has one spelling.

mod crypto;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use postrider_domain::{AppId, OrgId, Timestamp, names};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// How far the clock of who signs may be from ours, in either direction.
pub(crate) const LEEWAY: Duration = Duration::from_mins(15);
/// The most bytes of a token.
pub(crate) const MAX_TOKEN: usize = 8192;
/// The fewest bytes of a shared secret: shorter ones can be guessed from one token.
const MIN_SECRET: usize = 16;
/// The fewest bytes of an RSA public key, as PKCS #1 writes it: 2048 bits.
const MIN_RSA: usize = 270;

/// How JWTs are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, with SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, with SHA-512.
    Rs512,
    /// Ed25519.
    EdDsa,
}

impl JwtAlgorithm {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::EdDsa,
    ];

    /// Its name in a token's header.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn known(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Hs384 => Algorithm::HS384,
            Self::Hs512 => Algorithm::HS512,
            Self::Rs256 => Algorithm::RS256,
            Self::Rs384 => Algorithm::RS384,
            Self::Rs512 => Algorithm::RS512,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// Why a text is no key for an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    /// A shared secret that can be guessed.
    #[error("at least {MIN_SECRET} bytes for HS256, HS384 and HS512")]
    Short,
    /// No RSA public key, or one of less than 2048 bits.
    #[error("an RSA public key of at least 2048 bits in PEM for RS256, RS384 and RS512")]
    NotRsa,
    /// No Ed25519 public key.
    #[error("an Ed25519 public key in PEM for EdDSA")]
    NotEd25519,
}

/// What JWTs are checked with.
#[derive(Clone)]
pub struct JwtKey {
    algorithm: JwtAlgorithm,
    key: DecodingKey,
    /// The hash of a shared secret, to tell who shows it in a token's place.
    secret: Option<[u8; 32]>,
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtKey({})", self.algorithm.word())
    }
}

impl JwtKey {
    /// The key in `text`: a shared secret as it stands for HMAC, else a public key in
    /// PEM, whose line ends may be written `\n`.
    pub fn new(algorithm: JwtAlgorithm, text: &str) -> Result<Self, JwtKeyError> {
        crypto::install();
        let (key, secret) = match algorithm {
            JwtAlgorithm::Hs256 | JwtAlgorithm::Hs384 | JwtAlgorithm::Hs512 => {
                if text.len() < MIN_SECRET {
                    return Err(JwtKeyError::Short);
                }
                let hash = Sha256::digest(text.as_bytes()).into();
                (DecodingKey::from_secret(text.as_bytes()), Some(hash))
            }
            JwtAlgorithm::Rs256 | JwtAlgorithm::Rs384 | JwtAlgorithm::Rs512 => {
                let key = public_pem(text).and_then(|pem| DecodingKey::from_rsa_pem(&pem).ok());
                let key = key.filter(|key| length(key) >= MIN_RSA);
                (key.ok_or(JwtKeyError::NotRsa)?, None)
            }
            JwtAlgorithm::EdDsa => {
                let key = public_pem(text).and_then(|pem| DecodingKey::from_ed_pem(&pem).ok());
                let key = key.filter(|key| length(key) == 32);
                (key.ok_or(JwtKeyError::NotEd25519)?, None)
            }
        };
        Ok(Self {
            algorithm,
            key,
            secret,
        })
    }

    /// Whether this is the hash of the shared secret itself.
    pub(crate) fn is_secret(&self, hash: &[u8; 32]) -> bool {
        self.secret.as_ref() == Some(hash)
    }

    /// What a token says, if it is signed and in force.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Jwt, JwtFault> {
        let mut rules = Validation::new(self.algorithm.known());
        // Times are compared below, with the server's clock; others are not asked for.
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.validate_aud = false;
        let decoded = decode::<Claims>(token, &self.key, &rules).map_err(|_| JwtFault::Invalid)?;
        // What a header calls critical must be understood, and nothing is.
        if decoded.header.crit.is_some() {
            return Err(JwtFault::Invalid);
        }
        decoded.claims.checked(signed_part(token), now)
    }
}

fn public_pem(text: &str) -> Option<Vec<u8>> {
    let pem = text.replace("\\n", "\n");
    let public = pem.contains("PUBLIC KEY-----") && !pem.contains("PRIVATE KEY-----");
    public.then(|| pem.into_bytes())
}

fn length(key: &DecodingKey) -> usize {
    key.try_get_as_bytes().map_or(0, <[u8]>::len)
}

/// What the signature covers.
fn signed_part(token: &str) -> &str {
    token.rsplit_once('.').map_or(token, |(signed, _)| signed)
}

/// A token that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jwt {
    /// The organisation, by the id that others gave it.
    pub org: String,
    /// The application that it is bound to.
    pub app: Option<String>,
    /// Its feature flags.
    pub flags: Vec<String>,
    /// When it was issued, if it says.
    pub issued_at: Option<Timestamp>,
    /// When it stops working, with the leeway, if ever.
    pub expires_at: Option<Timestamp>,
    /// The hash of what its signature covers, which names it.
    pub hash: [u8; 32],
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwtFault {
    /// Not signed by us, expired, not yet in force, or no token at all.
    Invalid,
    /// Signed, and naming nobody: its ids are no ids.
    Malformed,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    org: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    feature_flags: Option<Vec<String>>,
}

impl Claims {
    fn checked(self, signed: &str, now: Timestamp) -> Result<Jwt, JwtFault> {
        let expires_at = self.exp.map(time).transpose()?.map(|at| at.plus(LEEWAY));
        let issued_at = self.iat.map(time).transpose()?;
        let not_before = self.nbf.map(time).transpose()?;
        let latest = now.plus(LEEWAY);
        let early = |at: Option<Timestamp>| at.is_some_and(|at| at > latest);
        if expires_at.is_some_and(|at| now >= at) || early(not_before) || early(issued_at) {
            return Err(JwtFault::Invalid);
        }
        let sub = self.sub.ok_or(JwtFault::Invalid)?;
        let (org, app) = match self.org {
            Some(org) => (org, Some(id(sub, AppId::PREFIX)?)),
            None => (sub, None),
        };
        Ok(Jwt {
            org: id(org, OrgId::PREFIX)?,
            app,
            flags: self.feature_flags.unwrap_or_default(),
            issued_at,
            expires_at,
            hash: Sha256::digest(signed.as_bytes()).into(),
        })
    }
}

/// A time in seconds since 1970, as JWTs tell it.
fn time(seconds: f64) -> Result<Timestamp, JwtFault> {
    // Microseconds of the year 9999 fit; what is beyond is nobody's time.
    if !(0.0..=253_402_300_800.0).contains(&seconds) {
        return Err(JwtFault::Invalid);
    }
    Ok(Timestamp::from_micros((seconds * 1e6) as i64))
}

fn id(text: String, prefix: &str) -> Result<String, JwtFault> {
    let rest = text.strip_prefix(prefix);
    match rest.map(names::check_event_type) {
        Some(Ok(())) => Ok(text),
        _ => Err(JwtFault::Malformed),
    }
}
