//! What can be wrong with a set-up, and with a message.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// A secret, key or format that cannot be used. It never holds the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// The verifier was built without any secret.
    NoSecret,
    /// Nothing stands in the secret, or nothing after its prefix.
    Empty,
    /// The prefix is none that is usable here.
    UnknownPrefix,
    /// Not standard base64 with its padding; often a stray space or line end.
    NotBase64,
    /// A text secret begins or ends with a space or a line end.
    Spaces,
    /// The secret, decoded where it is base64, is too short or too long.
    WrongLength {
        /// Bytes found (rounded up to whole base64 groups when far too long).
        found: usize,
        /// Least bytes allowed.
        min: usize,
        /// Most bytes allowed.
        max: usize,
    },
    /// A `whsk_` private key was given for verifying, where it must never be.
    PrivateKeyForVerifying,
    /// A `whpk_` public key was given for signing.
    PublicKeyForSigning,
    /// The public key is no point of the curve, or one of small order.
    InvalidPublicKey,
    /// The public half of a `whsk_` key does not belong to its seed.
    KeyPairMismatch,
    /// An Ed25519 key was given, but the crate's feature `ed25519` is off.
    Ed25519Disabled,
    /// A format's header name is empty, over-long or no name of a header.
    HeaderName(String),
    /// Two things would stand in the header of this name.
    RepeatedHeader(String),
    /// A format's prefix is over-long or not visible ASCII.
    Prefix,
    /// A format's template of what is signed will not do, for this reason.
    SignedContent(&'static str),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSecret => "no secret: give the verifier at least one",
            Self::Empty => "secret is empty: give `whsec_` and base64",
            Self::UnknownPrefix => {
                "secret has an unknown prefix: use `whsec_` (HMAC), `whpk_` (Ed25519, to verify) \
                 or `whsk_` (Ed25519, to sign)"
            }
            Self::NotBase64 => {
                "secret is not standard padded base64 after its prefix: copy it again, without \
                 spaces or line ends"
            }
            Self::Spaces => {
                "secret begins or ends with a space or line end: copy it again, or give its bytes \
                 with `secret_bytes`"
            }
            Self::WrongLength { found, min, max } if min == max => {
                return write!(f, "secret has {found} bytes: exactly {min} are allowed");
            }
            Self::WrongLength { found, min, max } => {
                return write!(f, "secret has {found} bytes: {min} to {max} are allowed");
            }
            Self::PrivateKeyForVerifying => {
                "secret is a `whsk_` private key: verify with the sender's `whpk_` public key"
            }
            Self::PublicKeyForSigning => {
                "secret is a `whpk_` public key: sign with its `whsk_` private key"
            }
            Self::InvalidPublicKey => "public key is not a safe Ed25519 key: copy it again",
            Self::KeyPairMismatch => {
                "private key holds a public half that is not its own: give base64 of the 32-byte \
                 seed and the public key made from it"
            }
            Self::Ed25519Disabled => {
                "secret is an Ed25519 key: turn on the feature `ed25519` of postrider-verify"
            }
            Self::HeaderName(name) => {
                return write!(
                    f,
                    "`{}` is no header name: use letters, digits and `-`",
                    name.escape_debug()
                );
            }
            Self::RepeatedHeader(name) => {
                return write!(f, "header `{name}` has two uses: give each its own name");
            }
            Self::Prefix => "prefix of the signature is over 64 characters or not visible ASCII",
            Self::SignedContent(why) => {
                return write!(f, "template of the signed content will not do: {why}");
            }
        })
    }
}

impl Error for SetupError {}

/// Why a message was not accepted.
///
/// Answer the sender with 400 or 401 and act on nothing in the message. The
/// variants tell where to look: see [`VerifyError::is_malformed_request`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// This header is absent. Not from a sender of this scheme, or a proxy on
    /// the receiver's side dropped it.
    MissingHeader(Cow<'static, str>),
    /// This header comes more than once, so that its meaning is open.
    DuplicateHeader(Cow<'static, str>),
    /// This header does not have the form that the scheme gives it, or is
    /// longer than this crate reads.
    MalformedHeader(Cow<'static, str>),
    /// The message is older than the tolerance: delayed, replayed, or the
    /// receiver's clock is ahead.
    TimestampTooOld,
    /// The message comes from the future by more than the tolerance: one of
    /// the two clocks is wrong.
    TimestampTooNew,
    /// No signature is of a version that the verifier holds a secret for: the
    /// receiver lacks a `whsec_` secret (v1) or a `whpk_` key (v1a), or the
    /// sender signs in a way that is newer than this crate.
    UnsupportedScheme,
    /// No signature belongs to this message under any of the secrets: forged,
    /// changed on the way (was the body parsed and printed again?), or the
    /// receiver holds another endpoint's secret or an expired one.
    NoMatchingSignature,
}

impl VerifyError {
    /// Whether the request is at fault whatever the receiver's set-up is.
    ///
    /// When `false`, the receiver's own secrets or clock can also be the
    /// cause: a run of these after a deployment is worth an alert.
    pub const fn is_malformed_request(&self) -> bool {
        matches!(
            self,
            Self::MissingHeader(_) | Self::DuplicateHeader(_) | Self::MalformedHeader(_)
        )
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(f, "header `{name}` is missing"),
            Self::DuplicateHeader(name) => {
                write!(f, "header `{name}` comes more than once: send it once")
            }
            Self::MalformedHeader(name) => {
                write!(f, "header `{name}` is not as the scheme has it")
            }
            Self::TimestampTooOld => f.write_str(
                "timestamp is too old: a late or replayed message, or the receiver's clock is \
                 ahead",
            ),
            Self::TimestampTooNew => {
                f.write_str("timestamp is in the future: compare the clocks of sender and receiver")
            }
            Self::UnsupportedScheme => f.write_str(
                "no signature is of a version that a secret was given for: v1 of Standard Webhooks \
                 needs a `whsec_` secret, v1a a `whpk_` key",
            ),
            Self::NoMatchingSignature => f.write_str(
                "no signature matches: check that the secret is this endpoint's and that the body \
                 is the raw bytes received",
            ),
        }
    }
}

impl Error for VerifyError {}
