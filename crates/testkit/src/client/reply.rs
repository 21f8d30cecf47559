//! What the API answered.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer of the API, with the request that led to it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Method and path, for messages.
    pub asked: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Body, as it came.
    pub text: String,
}

impl Reply {
    /// The body as JSON; `null` when it is empty.
    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "expected success: {self:?}");
        self.json()
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self.json()
    }

    /// The `code` of an error that must have this status.
    #[track_caller]
    pub fn code(&self, status: u16) -> String {
        let body = self.expect(status);
        let code = body.get("code").and_then(Value::as_str);
        code.unwrap_or_else(|| panic!("an error has a code: {self:?}"))
            .to_owned()
    }

    /// A text field of a success.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        let body = self.ok();
        let value = body.get(name).and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("no text field {name}: {self:?}"))
            .to_owned()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
