//! Signing in a format of one HMAC.

use std::fmt;
use std::sync::Arc;

use crate::error::SetupError;
use crate::format::{HmacFormat, Layout, Plan, Values};
use crate::hmac_key::HmacKey;
use crate::text_secret;

/// Signs messages as GitHub, Stripe, Slack or a sender of one's own does.
/// Built once and used for many; its secrets are wiped when it is dropped.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use postrider_verify::{HmacFormat, HmacSigner, Outgoing};
///
/// let signer = HmacSigner::new(HmacFormat::github())?.secret("It's a Secret to Everybody")?;
/// let headers = signer.headers(&Outgoing {
///     id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
///     event_type: Some("push"),
///     timestamp: 1_700_000_000,
///     retry: 0,
///     body: b"Hello, World!",
/// });
/// assert!(headers.contains(&(
///     "x-hub-signature-256".to_owned(),
///     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17".to_owned(),
/// )));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct HmacSigner {
    plan: Arc<Plan>,
    keys: Vec<HmacKey>,
}

/// One attempt to deliver a message.
///
/// `id` is 1 to 256 visible ASCII characters, none of them one that parts the
/// places of what is signed, and `event_type` is visible ASCII of that length.
/// Neither is checked here; a verifier refuses other ones.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The message's id, the same on every attempt.
    pub id: &'a str,
    /// The type of the event, where a header carries it.
    pub event_type: Option<&'a str>,
    /// The attempt's time in Unix seconds, not negative.
    pub timestamp: i64,
    /// 0 for the first attempt, 1 for the first retry.
    pub retry: u32,
    /// What is sent, byte for byte.
    pub body: &'a [u8],
}

impl HmacSigner {
    /// A signer without secrets, which signs nothing.
    ///
    /// # Errors
    /// As [`HmacFormat::check`].
    pub fn new(format: HmacFormat) -> Result<Self, SetupError> {
        Ok(Self {
            plan: Arc::new(Plan::new(format)?),
            keys: Vec::new(),
        })
    }

    /// Adds a secret, whose UTF-8 bytes are the key (prefix included, where it
    /// has one): 16 to 512 bytes without space around them.
    ///
    /// # Errors
    /// [`SetupError`], which says what is wrong without showing the secret.
    pub fn secret(self, text: &str) -> Result<Self, SetupError> {
        text_secret::check_spaces(text)?;
        self.secret_bytes(text.as_bytes())
    }

    /// Adds a secret of 16 to 512 bytes.
    ///
    /// # Errors
    /// [`SetupError::Empty`] or [`SetupError::WrongLength`].
    pub fn secret_bytes(mut self, bytes: &[u8]) -> Result<Self, SetupError> {
        let key = text_secret::key(self.plan.format.hash, bytes)?;
        self.keys.push(key);
        Ok(self)
    }

    /// The headers to send, names in lower case. In a format whose header holds
    /// several signatures ([`HmacFormat::holds_several`]) each secret makes one,
    /// in order; in others the first secret alone signs. Without secrets there
    /// is no signature, and no verifier accepts it.
    pub fn headers(&self, message: &Outgoing<'_>) -> Vec<(String, String)> {
        let format = &self.plan.format;
        let timestamp = format.timestamp.as_ref();
        let retry = format.retry.as_ref().filter(|_| message.retry > 0);
        let beside = [
            timestamp.map(|name| (name, message.timestamp.to_string())),
            format.id.as_ref().map(|name| (name, message.id.to_owned())),
            format
                .event_type
                .as_ref()
                .zip(message.event_type.map(str::to_owned)),
            retry.map(|name| (name, message.retry.to_string())),
            Some((&format.signature, self.signature(message))),
        ];
        let headers = beside.into_iter().flatten();
        headers
            .map(|(name, value)| (name.to_string(), value))
            .collect()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The value of the signature's header.
    fn signature(&self, message: &Outgoing<'_>) -> String {
        let values = Values {
            id: message.id,
            timestamp: message.timestamp,
        };
        let format = &self.plan.format;
        let sign = |key: &HmacKey, text: &mut String| {
            let tag = self.plan.tag(key, values, message.body);
            format.encoding.encode_onto(tag.as_slice(), text);
        };
        match &format.layout {
            Layout::Single { prefix } => {
                let mut text = prefix.to_string();
                if let Some(key) = self.keys.first() {
                    sign(key, &mut text);
                }
                text
            }
            Layout::List => {
                let mut text = format!("t={}", message.timestamp);
                for key in &self.keys {
                    text.push_str(",v1=");
                    sign(key, &mut text);
                }
                text
            }
        }
    }
}

impl fmt::Debug for HmacSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacSigner")
            .field("format", &self.plan.format)
            .field("keys", &format_args!("{} redacted", self.keys.len()))
            .finish()
    }
}
