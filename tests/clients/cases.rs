//! Deliveries to be judged by every verifier there is, and what each should say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use postrider_testkit::Request;
use postrider_verify::SigningKey;
use serde_json::{Value, json};

/// Which kind of signature a secret checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hmac,
    Ed25519,
}

/// One delivery, one secret, and whether they fit.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) secret: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) accepted: bool,
}

impl Case {
    /// A delivery as it arrived, which must verify.
    pub(crate) fn arrived(name: &str, secret: &str, request: &Request) -> Self {
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| {
                let value = str::from_utf8(value).expect("headers are text");
                (name.to_ascii_lowercase(), value.to_owned())
            })
            .filter(|(name, _)| name.starts_with("webhook-") || name.starts_with("svix-"))
            .collect();
        Self {
            name: name.to_owned(),
            kind: if secret.starts_with("whpk_") {
                Kind::Ed25519
            } else {
                Kind::Hmac
            },
            secret: secret.to_owned(),
            headers,
            body: request.body.clone(),
            accepted: true,
        }
    }

    fn refused(&self, how: &str) -> Self {
        let mut case = self.clone();
        case.name = format!("{}, {how}", self.name);
        case.accepted = false;
        case
    }

    /// The same with one byte of the body changed.
    pub(crate) fn with_a_changed_byte(&self) -> Self {
        let mut case = self.refused("a byte changed");
        let mut body = case.body.to_vec();
        // Upper case to lower: still JSON, so that no parser is what refuses it.
        let letter = body.iter_mut().rfind(|byte| byte.is_ascii_alphabetic());
        *letter.expect("a body with a letter") ^= 0x20;
        case.body = body.into();
        case
    }

    /// The same with a secret of somebody else's.
    pub(crate) fn with_a_wrong_secret(&self) -> Self {
        let mut case = self.refused("a wrong secret");
        let other = match self.kind {
            Kind::Hmac => SigningKey::generate_hmac([9; 32]),
            Kind::Ed25519 => SigningKey::generate_ed25519([9; 32]),
        };
        case.secret = other.verifying_string();
        case
    }

    /// The same, rightly signed by `key`, but ten minutes ago.
    pub(crate) fn signed_too_long_ago(&self, key: &SigningKey) -> Self {
        let mut case = self.refused("an old timestamp");
        let id = case.header("-id").to_owned();
        let old = case.header("-timestamp").parse::<i64>().expect("seconds") - 600;
        let signature = key.sign(&id, old, &case.body);
        *case.header("-timestamp") = old.to_string();
        *case.header("-signature") = signature;
        case
    }

    fn header(&mut self, ending: &str) -> &mut String {
        let found = self
            .headers
            .iter_mut()
            .find(|(name, _)| name.ends_with(ending));
        &mut found.expect("a delivery has it").1
    }

    /// As the other languages' verifiers read it.
    pub(crate) fn json(&self) -> Value {
        let headers: serde_json::Map<_, _> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        json!({
            "name": self.name,
            "kind": match self.kind { Kind::Hmac => "hmac", Kind::Ed25519 => "ed25519" },
            "secret": self.secret,
            "headers": headers,
            "body": STANDARD.encode(&self.body),
            "accepted": self.accepted,
        })
    }
}
