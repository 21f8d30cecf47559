//! How an endpoint's deliveries are signed, on the wire.

use postrider_domain::{SchemeKind, Schemes};
use postrider_store::{NewSecret, Secret};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One way to sign. What is left out is as the sender of that name has it.
#[derive(ToSchema)]
#[serde(
    tag = "type",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum SignatureSchemeSchema {
    /// Standard Webhooks: `webhook-signature` and `webhook-timestamp`.
    #[serde(rename_all = "camelCase")]
    Standard {
        /// The scheme's first secret, where the endpoint has none for it yet; made if absent.
        #[schema(write_only)]
        secret: Option<String>,
    },
    /// As GitHub: `sha256=` and hex of an HMAC-SHA256 of the body.
    #[serde(rename_all = "camelCase")]
    GitHub {
        /// Carries the signature; `X-Hub-Signature-256` if absent.
        #[schema(nullable = false, min_length = 1, max_length = 128)]
        signature_header: Option<String>,
        /// Carries the event type; `X-GitHub-Event` if absent, not sent if null.
        event_header: Option<String>,
        /// Carries the message's id; `X-GitHub-Delivery` if absent, not sent if null.
        delivery_header: Option<String>,
        /// The scheme's first secret, where the endpoint has none for it yet; made if absent.
        #[schema(write_only)]
        secret: Option<String>,
    },
    /// As Stripe: `t=` seconds and one `v1=` for each secret in force.
    #[serde(rename_all = "camelCase")]
    Stripe {
        /// Carries time and signatures; `Stripe-Signature` if absent.
        #[schema(nullable = false, min_length = 1, max_length = 128)]
        signature_header: Option<String>,
        /// The scheme's first secret, where the endpoint has none for it yet; made if absent.
        #[schema(write_only)]
        secret: Option<String>,
    },
    /// As Slack: `v0=` and hex of an HMAC-SHA256 of `v0:`, seconds, `:` and body.
    #[serde(rename_all = "camelCase")]
    Slack {
        /// Carries the signature; `X-Slack-Signature` if absent.
        #[schema(nullable = false, min_length = 1, max_length = 128)]
        signature_header: Option<String>,
        /// Carries the seconds; `X-Slack-Request-Timestamp` if absent.
        #[schema(nullable = false, min_length = 1, max_length = 128)]
        timestamp_header: Option<String>,
        /// Carries how many attempts there were before, from the second on; `X-Slack-Retry-Num` if absent, not sent if null.
        retry_header: Option<String>,
        /// The scheme's first secret, where the endpoint has none for it yet; made if absent.
        #[schema(write_only)]
        secret: Option<String>,
    },
    /// Any other HMAC.
    #[serde(rename_all = "camelCase")]
    Hmac {
        /// Carries the signature.
        #[schema(min_length = 1, max_length = 128)]
        signature_header: String,
        /// What stands before the signature in its header, such as `sha256=`; nothing if absent.
        #[schema(nullable = false, max_length = 64)]
        prefix: Option<String>,
        /// How the signature is written; `hex` if absent.
        #[schema(nullable = false)]
        encoding: Option<SignatureEncoding>,
        /// The hash; `sha256` if absent.
        #[schema(nullable = false)]
        algorithm: Option<SignatureAlgorithm>,
        /// What is signed: `{body}` once, and around it `{id}`, `{timestamp}` and text; `{body}` if absent.
        #[schema(nullable = false, max_length = 128, example = "{timestamp}.{body}")]
        content: Option<String>,
        /// Carries the message's id; not sent if absent.
        id_header: Option<String>,
        /// Carries the seconds; not sent if absent.
        timestamp_header: Option<String>,
        /// Carries the event type; not sent if absent.
        event_header: Option<String>,
        /// The scheme's first secret, where the endpoint has none for it yet; made if absent.
        #[schema(write_only)]
        secret: Option<String>,
    },
}

/// How the bytes of a signature are written.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum SignatureEncoding {
    /// Hexadecimal digits in lower case.
    Hex,
    /// Base64, padded.
    Base64,
}

/// The hash below an HMAC.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum SignatureAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// A kind of scheme, by its `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SchemeType {
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

impl From<SchemeType> for SchemeKind {
    fn from(of: SchemeType) -> Self {
        match of {
            SchemeType::Standard => Self::Standard,
            SchemeType::GitHub => Self::GitHub,
            SchemeType::Stripe => Self::Stripe,
            SchemeType::Slack => Self::Slack,
            SchemeType::Hmac => Self::Hmac,
        }
    }
}

/// A scheme by its `type` alone, with its particulars, or two while a receiver moves.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum SignatureSchemesSchema {
    /// One, as it is by default.
    Type(SchemeType),
    /// One.
    One(SignatureSchemeSchema),
    /// One, or two at once.
    Several(Vec<SignatureSchemeSchema>),
}

/// What a caller says about schemes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchemesIn {
    /// The schemes, checked.
    pub schemes: Schemes,
    /// The secrets that came with them, not checked yet.
    pub secrets: Vec<NewSecret>,
}

impl<'de> Deserialize<'de> for SchemesIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut said = Value::deserialize(deserializer)?;
        let given: Vec<Value> = match &mut said {
            Value::Array(list) => list.iter_mut().map(take_secret).collect(),
            one => vec![take_secret(one)],
        };
        let schemes: Schemes = serde_json::from_value(said).map_err(de::Error::custom)?;
        let mut secrets: Vec<NewSecret> = Vec::new();
        for (scheme, secret) in schemes.as_slice().iter().zip(given) {
            let text = match secret {
                Value::Null => continue,
                Value::String(text) => Secret::new(text),
                _ => return Err(de::Error::custom("secret: give a text, or leave it out")),
            };
            let scheme = scheme.kind();
            if secrets.iter().any(|other| other.scheme == scheme) {
                return Err(de::Error::custom(format_args!(
                    "secret: schemes of the type {} share one: give it once",
                    scheme.word()
                )));
            }
            secrets.push(NewSecret { scheme, text });
        }
        Ok(Self { schemes, secrets })
    }
}

/// Takes the secret out of a scheme, lest it come into what is kept and shown.
fn take_secret(scheme: &mut Value) -> Value {
    let fields = scheme.as_object_mut();
    fields
        .and_then(|fields| fields.remove("secret"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SchemesIn, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_comes_with_its_scheme_and_is_kept_apart_from_it() {
        let said = read(
            r#"[{"type":"standard"},{"type":"github","secret":"hunter2hunter2hunter2","eventHeader":null}]"#,
        )
        .unwrap();
        assert_eq!(said.secrets.len(), 1);
        assert_eq!(said.secrets[0].scheme, SchemeKind::GitHub);
        assert_eq!(said.secrets[0].text.expose(), "hunter2hunter2hunter2");
        assert!(!format!("{said:?}").contains("hunter2"));
        assert_eq!(read(r#""slack""#).unwrap().secrets, []);
        assert_eq!(
            read(r#"{"type":"slack","secret":null}"#).unwrap().secrets,
            []
        );
    }

    #[test]
    fn a_secret_that_is_no_text_or_comes_twice_is_refused_and_not_shown() {
        let number = read(r#"{"type":"slack","secret":1234567}"#).unwrap_err();
        assert!(
            number.contains("give a text") && !number.contains("1234567"),
            "{number}"
        );
        let twice = read(
            r#"[{"type":"hmac","signatureHeader":"X-A","secret":"hunter2"},{"type":"hmac","signatureHeader":"X-B","secret":"hunter2"}]"#,
        )
        .unwrap_err();
        assert!(
            twice.contains("give it once") && !twice.contains("hunter2"),
            "{twice}"
        );
    }

    #[test]
    fn every_kind_has_a_type() {
        for kind in SchemeKind::ALL {
            let word: SchemeType = serde_json::from_value(kind.word().into()).unwrap();
            assert_eq!(SchemeKind::from(word), kind);
        }
    }
}
