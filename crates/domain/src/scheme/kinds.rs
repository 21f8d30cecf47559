//! The kinds of schemes, and what can be chosen in each.

use serde::{Deserialize, Serialize};

use super::content::{Content, Part};
use crate::Invalid;
use crate::invalid::shown;

/// The most bytes before a signature in its header.
const MAX_PREFIX: usize = 64;
/// The fewest bytes of a secret that is text: what is shorter can be guessed.
const MIN_SECRET: usize = 16;
/// The most bytes of a secret that is text.
const MAX_SECRET: usize = 256;

/// A kind of scheme. Each has secrets of its own: a signature of one must never pass
/// for a signature of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemeKind {
    /// Standard Webhooks.
    Standard,
    /// As GitHub.
    GitHub,
    /// As Stripe.
    Stripe,
    /// As Slack.
    Slack,
    /// Any other HMAC.
    Hmac,
}

/// A number in the database that stands for no scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no signature scheme")]
pub struct UnknownScheme(i16);

impl SchemeKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Standard,
        Self::GitHub,
        Self::Stripe,
        Self::Slack,
        Self::Hmac,
    ];

    /// The number that the database keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Standard => 0,
            Self::GitHub => 1,
            Self::Stripe => 2,
            Self::Slack => 3,
            Self::Hmac => 4,
        }
    }

    /// The word that the wire shows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::GitHub => "github",
            Self::Stripe => "stripe",
            Self::Slack => "slack",
            Self::Hmac => "hmac",
        }
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether a delivery can carry signatures of several secrets, so that an old one
    /// signs beside the new one for a while. Where it cannot, the newest signs alone.
    pub const fn carries_several(self) -> bool {
        matches!(self, Self::Standard | Self::Stripe)
    }

    /// Checks a secret of any kind but [`SchemeKind::Standard`]: a text of 16 to 256
    /// bytes, whose bytes are the key. The error does not show it.
    pub fn check_text_secret(self, secret: &str) -> Result<(), Invalid> {
        let word = self.word();
        if !(MIN_SECRET..=MAX_SECRET).contains(&secret.len()) {
            return Err(Invalid::new(format!(
                "a {word} secret of {} bytes: give {MIN_SECRET} to {MAX_SECRET}, as the receiver has it",
                secret.len()
            )));
        }
        if secret.chars().any(char::is_control) || secret.trim() != secret {
            return Err(Invalid::new(format!(
                "a {word} secret with a control character or with a space at its beginning or end: remove it"
            )));
        }
        if secret.starts_with("whsk_") || secret.starts_with("whpk_") {
            return Err(Invalid::new(format!(
                "an Ed25519 key, which a {word} scheme cannot use: give the secret that the receiver has"
            )));
        }
        Ok(())
    }
}

impl TryFrom<i16> for SchemeKind {
    type Error = UnknownScheme;

    fn try_from(code: i16) -> Result<Self, UnknownScheme> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or(UnknownScheme(code))
    }
}

/// How GitHub signs: `sha256=` and hex of an HMAC-SHA256 of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitHubScheme {
    /// Carries the signature.
    pub signature_header: String,
    /// Carries the event type, if it is to.
    pub event_header: Option<String>,
    /// Carries the message's id, if it is to.
    pub delivery_header: Option<String>,
}

impl Default for GitHubScheme {
    fn default() -> Self {
        Self {
            signature_header: "X-Hub-Signature-256".to_owned(),
            event_header: Some("X-GitHub-Event".to_owned()),
            delivery_header: Some("X-GitHub-Delivery".to_owned()),
        }
    }
}

/// How Stripe signs: `t=` seconds and one `v1=` for each secret, hex of an HMAC-SHA256
/// of the seconds, a dot and the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StripeScheme {
    /// Carries time and signatures.
    pub signature_header: String,
}

impl Default for StripeScheme {
    fn default() -> Self {
        Self {
            signature_header: "Stripe-Signature".to_owned(),
        }
    }
}

/// How Slack signs: `v0=` and hex of an HMAC-SHA256 of `v0:`, the seconds, a colon and
/// the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SlackScheme {
    /// Carries the signature.
    pub signature_header: String,
    /// Carries the seconds.
    pub timestamp_header: String,
    /// Carries from the second attempt on how many there were before, if it is to.
    pub retry_header: Option<String>,
}

impl Default for SlackScheme {
    fn default() -> Self {
        Self {
            signature_header: "X-Slack-Signature".to_owned(),
            timestamp_header: "X-Slack-Request-Timestamp".to_owned(),
            retry_header: Some("X-Slack-Retry-Num".to_owned()),
        }
    }
}

/// The hash below an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal digits in lower case.
    #[default]
    Hex,
    /// Base64 by the standard alphabet, padded.
    Base64,
}

/// An HMAC as the operator describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HmacScheme {
    /// Carries the signature.
    pub signature_header: String,
    /// What stands before the signature in its header.
    #[serde(default)]
    pub prefix: String,
    /// How its bytes are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// The hash below it.
    #[serde(default)]
    pub algorithm: Digest,
    /// What is signed.
    #[serde(default)]
    pub content: Content,
    /// Carries the message's id, if it is to.
    #[serde(default)]
    pub id_header: Option<String>,
    /// Carries the seconds, if it is to.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// Carries the event type, if it is to.
    #[serde(default)]
    pub event_header: Option<String>,
}

impl HmacScheme {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let visible = self.prefix.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || self.prefix.len() > MAX_PREFIX {
            return Err(Invalid::new(format!(
                "prefix: {} cannot stand before a signature: give at most {MAX_PREFIX} characters of visible ASCII",
                shown(&self.prefix)
            )));
        }
        // A receiver can only check what it is told.
        for (part, header, field) in [
            (Part::Id, &self.id_header, "idHeader"),
            (Part::Timestamp, &self.timestamp_header, "timestampHeader"),
        ] {
            if header.is_none() && self.content.has(&part) {
                return Err(Invalid::new(format!(
                    "content: {} signs {}, which no header carries: give {field}",
                    shown(&self.content.to_string()),
                    part.placeholder().unwrap_or_default()
                )));
            }
        }
        // A time that anybody may change protects nobody.
        if self.timestamp_header.is_some() && !self.content.has(&Part::Timestamp) {
            return Err(Invalid::new(format!(
                "timestampHeader: {} does not sign {{timestamp}}: sign it, or leave the header out",
                shown(&self.content.to_string())
            )));
        }
        Ok(())
    }
}
