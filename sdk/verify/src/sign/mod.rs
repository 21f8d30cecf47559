//! Signing, for senders and for tests of receivers.

mod hmac;
mod key;

pub use hmac::{HmacSigner, Outgoing};
pub use key::{SigningKey, sign_all};
