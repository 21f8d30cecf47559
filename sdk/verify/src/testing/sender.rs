//! A sender for tests.

use super::forgery::{Forgery, Parts};
use crate::error::SetupError;
use crate::format::HmacFormat;
use crate::sign::{HmacSigner, Outgoing, SigningKey, sign_all};

/// The event type that test requests carry where the scheme has a header for it.
const EVENT_TYPE: &str = "test.event";

/// Signs requests of one scheme, rightly or wrongly.
#[derive(Clone, Debug)]
pub struct TestSender {
    signer: Signer,
    /// The same scheme with a secret that no receiver holds.
    stranger: Signer,
}

#[derive(Clone, Debug)]
enum Signer {
    Standard(SigningKey),
    Hmac(HmacSigner),
}

/// A request as a receiver gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestRequest {
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl TestSender {
    /// A sender of Standard Webhooks: `whsec_` and base64 of 24 to 75 bytes, or
    /// with the feature `ed25519` `whsk_` and base64 of a key pair.
    ///
    /// # Errors
    /// As [`SigningKey::parse`].
    pub fn standard(secret: &str) -> Result<Self, SetupError> {
        let key = SigningKey::parse(secret)?;
        let stranger = match key.scheme() {
            #[cfg(feature = "ed25519")]
            crate::Scheme::V1a => SigningKey::generate_ed25519([0xA5; 32]),
            _ => SigningKey::generate_hmac([0xA5; 32]),
        };
        Ok(Self {
            signer: Signer::Standard(key),
            stranger: Signer::Standard(stranger),
        })
    }

    /// A sender that signs as GitHub does.
    ///
    /// # Errors
    /// As [`HmacSigner::secret`].
    pub fn github(secret: &str) -> Result<Self, SetupError> {
        Self::hmac(HmacFormat::github(), secret)
    }

    /// A sender that signs as Stripe does.
    ///
    /// # Errors
    /// As [`HmacSigner::secret`].
    pub fn stripe(secret: &str) -> Result<Self, SetupError> {
        Self::hmac(HmacFormat::stripe(), secret)
    }

    /// A sender that signs as Slack does.
    ///
    /// # Errors
    /// As [`HmacSigner::secret`].
    pub fn slack(secret: &str) -> Result<Self, SetupError> {
        Self::hmac(HmacFormat::slack(), secret)
    }

    /// A sender that signs in a format of its own.
    ///
    /// # Errors
    /// As [`HmacFormat::check`] and [`HmacSigner::secret`].
    pub fn hmac(format: HmacFormat, secret: &str) -> Result<Self, SetupError> {
        let signer = HmacSigner::new(format)?;
        Ok(Self {
            stranger: Signer::Hmac(signer.clone().secret_bytes(&[0xA5; 32])?),
            signer: Signer::Hmac(signer.secret(secret)?),
        })
    }

    /// A request that verifies at `timestamp` (Unix seconds).
    pub fn request(&self, id: &str, timestamp: i64, body: &[u8]) -> TestRequest {
        self.signer.request(id, timestamp, body)
    }

    /// A request that no verifier may accept at `now`, for one reason. `None`
    /// if the scheme has nothing that could be wrong in this way: GitHub's has
    /// no timestamp, for one.
    pub fn forge(&self, forgery: Forgery, id: &str, now: i64, body: &[u8]) -> Option<TestRequest> {
        let parts = Parts {
            genuine: self.request(id, now, body),
            names: self.signer.names(),
            sign: &|id, timestamp, body| self.request(id, timestamp, body),
            sign_as_stranger: &|id, timestamp, body| self.stranger.request(id, timestamp, body),
        };
        parts.forge(forgery, id, now)
    }
}

/// The headers of a scheme that a forgery can spoil.
pub(super) struct Names {
    pub(super) signature: String,
    /// Its own header; Stripe's timestamp is in that of the signature.
    pub(super) timestamp: Option<String>,
    /// If it is signed.
    pub(super) id: Option<String>,
    /// Whether a timestamp is signed at all.
    pub(super) has_timestamp: bool,
}

impl Signer {
    fn request(&self, id: &str, timestamp: i64, body: &[u8]) -> TestRequest {
        let headers = match self {
            Self::Standard(key) => {
                let signature = sign_all(std::slice::from_ref(key), id, timestamp, body);
                vec![
                    ("webhook-id".to_owned(), id.to_owned()),
                    ("webhook-timestamp".to_owned(), timestamp.to_string()),
                    ("webhook-signature".to_owned(), signature),
                ]
            }
            Self::Hmac(signer) => signer.headers(&Outgoing {
                id,
                event_type: Some(EVENT_TYPE),
                timestamp,
                retry: 0,
                body,
            }),
        };
        TestRequest {
            headers,
            body: body.to_vec(),
        }
    }

    fn names(&self) -> Names {
        match self {
            Self::Standard(_) => Names {
                signature: "webhook-signature".to_owned(),
                timestamp: Some("webhook-timestamp".to_owned()),
                id: Some("webhook-id".to_owned()),
                has_timestamp: true,
            },
            Self::Hmac(signer) => signer.names(),
        }
    }
}

impl HmacSigner {
    fn names(&self) -> Names {
        let format = &self.plan().format;
        let template = &self.plan().template;
        let own = |name: &Option<crate::parse::Name>| name.as_ref().map(ToString::to_string);
        Names {
            signature: format.signature.to_string(),
            timestamp: own(&format.timestamp),
            id: own(&format.id).filter(|_| template.has_id()),
            has_timestamp: template.has_timestamp(),
        }
    }
}
