#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod builder;
mod clock;
mod error;
mod format;
mod headers;
mod hmac_key;
mod parse;
mod scheme;
#[cfg(feature = "seen")]
pub mod seen;
#[cfg(feature = "sign")]
mod sign;
mod standard;
#[cfg(feature = "testing")]
pub mod testing;
mod text_secret;
mod verified;
mod verifier;
#[cfg(feature = "tower")]
pub mod web;

pub use builder::VerifierBuilder;
pub use error::{SetupError, VerifyError};
pub use format::{Encoding, Hash, HmacFormat};
pub use headers::HeaderSource;
pub use scheme::Scheme;
#[cfg(feature = "sign")]
pub use sign::{HmacSigner, Outgoing, SigningKey, sign_all};
pub use verified::{IdSource, Verified};
pub use verifier::{DEFAULT_TOLERANCE, Verifier};
