//! The kinds of signature.

use std::fmt;

/// A kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Standard Webhooks `v1`: HMAC-SHA256 with a secret that both sides hold (`whsec_`).
    V1,
    /// Standard Webhooks `v1a`: Ed25519, made with the sender's `whsk_` key and
    /// checked with its `whpk_` key.
    V1a,
    /// GitHub's `X-Hub-Signature-256`.
    GitHub,
    /// Stripe's `Stripe-Signature`.
    Stripe,
    /// Slack's `X-Slack-Signature`.
    Slack,
    /// Another HMAC, described by an [`HmacFormat`](crate::HmacFormat).
    Hmac,
}

impl Scheme {
    /// A short name. Of the two of Standard Webhooks it is the one that stands
    /// before the comma in the signature header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
            Self::GitHub => "github",
            Self::Stripe => "stripe",
            Self::Slack => "slack",
            Self::Hmac => "hmac",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
