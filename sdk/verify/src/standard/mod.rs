//! Standard Webhooks 1.0.0: `webhook-*` (or `svix-*`) headers, v1 and v1a.

pub(crate) mod content;
#[cfg(feature = "ed25519")]
pub(crate) mod ed25519;
pub(crate) mod envelope;
pub(crate) mod key;
pub(crate) mod secret;
pub(crate) mod signatures;
