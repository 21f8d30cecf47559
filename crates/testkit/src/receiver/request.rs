//! A request as it came in.

use std::time::Instant;

use bytes::Bytes;
use postrider_verify::{Verified, Verifier, VerifyError};
use serde_json::Value;

/// What a receiver recorded of one request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`, if all is well.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// Names as spelt on the wire, values as bytes, in order, duplicates included.
    pub headers: Vec<(String, Bytes)>,
    /// The body's bytes.
    pub body: Bytes,
    /// When the last byte of it was read.
    pub at: Instant,
    /// Which of the receiver's connections carried it, from 0.
    pub connection: usize,
}

impl Request {
    /// The value of the first header of this name; panics when it is not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(str::from_utf8(value).expect("header values that tests ask for are text"))
    }

    /// The value of a header that must be there exactly once.
    pub fn only_header(&self, name: &str) -> &str {
        let found = self
            .headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .count();
        assert_eq!(found, 1, "{name} must be there once: {self:?}");
        self.header(name).expect("counted above")
    }

    /// `webhook-id`, or `svix-id` where the endpoint wants that family.
    pub fn message_id(&self) -> &str {
        self.header("webhook-id")
            .or_else(|| self.header("svix-id"))
            .unwrap_or_else(|| panic!("a delivery has an id: {self:?}"))
    }

    /// `webhook-attempt`: 1 for the first.
    pub fn attempt(&self) -> u32 {
        self.only_header("webhook-attempt")
            .parse()
            .expect("webhook-attempt is a number")
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// Checks the signature with our verifier, against the real time.
    pub fn verify(&self, secret: &str) -> Result<Verified, VerifyError> {
        let verifier = Verifier::new(secret).expect("the test's secret is one");
        verifier.verify_now(&self.headers, &self.body)
    }
}
