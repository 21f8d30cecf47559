#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod content;
#[cfg(feature = "ed25519")]
mod ed25519;
mod envelope;
mod error;
mod headers;
mod hmac_key;
mod secret;
#[cfg(feature = "sign")]
mod sign;
mod signatures;
mod verifier;

pub use error::{SecretError, VerifyError};
pub use headers::HeaderSource;
#[cfg(feature = "sign")]
pub use sign::{SigningKey, sign_all};
pub use verifier::{DEFAULT_TOLERANCE, Verified, Verifier, VerifierBuilder};

use std::fmt;

/// A kind of signature, by its name in the signature header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `v1`: HMAC-SHA256 with a secret that both sides hold (`whsec_`).
    V1,
    /// `v1a`: Ed25519, made with the sender's `whsk_` key and checked with its `whpk_` key.
    V1a,
}

impl Scheme {
    /// The name that stands before the comma in the signature header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
