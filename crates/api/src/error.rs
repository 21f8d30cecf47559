//! What a caller hears when a request fails: one type, a closed list of codes.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use postrider_domain::Invalid;
use postrider_store::{Entity, Refusal, StoreError};
use serde::Serialize;

/// A result of a handler.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $word:literal,)*) => {
        /// Every `code` that an answer can carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// The request line or its path cannot be read.
    Generic = BAD_REQUEST "generic_error",
    /// An endpoint keeps too many replaced secrets.
    LimitReached = BAD_REQUEST "limit_reached",
    /// A window of time is too long, too late or upside down.
    InvalidRange = BAD_REQUEST "invalid_range",
    /// A signed token whose ids are no ids.
    BadToken = BAD_REQUEST "bad_token",
    /// The payload is gone.
    MissingPayload = BAD_REQUEST "missing_payload",
    /// The event type has no example that can be sent.
    InvalidScheme = BAD_REQUEST "invalid_scheme",
    /// Nothing is sent to a disabled endpoint.
    EndpointDisabled = BAD_REQUEST "endpoint_disabled",
    /// No key, or none that counts.
    Unauthenticated = UNAUTHORIZED "authentication_failed",
    /// A key that may not do this.
    Forbidden = FORBIDDEN "insufficient access",
    /// No such thing, or another's.
    NotFound = NOT_FOUND "not_found",
    /// The path exists, this method on it does not.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed",
    /// A unique name is taken, or somebody else was faster.
    Conflict = CONFLICT "conflict",
    EventTypeExists = CONFLICT "event_type_exists",
    /// An idempotency key came again with another body.
    IdempotencyMismatch = CONFLICT "idempotency_mismatch",
    /// The body took too long to arrive.
    Timeout = REQUEST_TIMEOUT "request_timeout",
    /// The body is larger than allowed.
    TooLarge = PAYLOAD_TOO_LARGE "payload_too_large",
    /// A value is not allowed.
    Validation = UNPROCESSABLE_ENTITY "validation_error",
    /// Too much waits already.
    RateLimited = TOO_MANY_REQUESTS "rate_limited",
    /// Our own fault.
    Internal = INTERNAL_SERVER_ERROR "server_error",
    /// The database is away, or the server is stopping.
    Unavailable = SERVICE_UNAVAILABLE "service_unavailable",
}

/// One wrong value of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// Where it stands: `body`, `query`, `header`, then field names and indices.
    pub loc: Vec<String>,
    /// What is wrong and what to do about it.
    pub msg: String,
    /// The kind of fault.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// The kind of most faults.
pub(crate) const VALUE_ERROR: &str = "value_error";
/// The kind of a body that is no JSON, or whose values have the wrong JSON types.
pub(crate) const JSON_ERROR: &str = "value_error.jsondecode";

impl Fault {
    /// A fault of this kind at this place.
    pub(crate) fn new(loc: &[&str], msg: impl Into<String>, kind: &'static str) -> Self {
        Self {
            loc: loc.iter().map(|&part| part.to_owned()).collect(),
            msg: msg.into(),
            kind,
        }
    }
}

/// A failed request. What a caller may not see is in `cause`, for the log.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
}

/// Why a request failed, for the log alone: travels in the response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) Arc<dyn StdError + Send + Sync>);

impl ApiError {
    /// An error with this code and text.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: None,
            cause: None,
        }))
    }

    /// The key is missing, unknown, expired or revoked.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Invalid token")
    }

    /// The key is good and may not do this.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// Nothing of this kind under this name.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// These values are not allowed.
    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        let mut error = Self::new(Code::Validation, "");
        error.0.faults = faults;
        error
    }

    /// One value of the body is not allowed.
    pub(crate) fn invalid_field(field: &str, msg: impl Into<String>) -> Self {
        Self::invalid(vec![Fault::new(&["body", field], msg, VALUE_ERROR)])
    }

    /// A parameter of the query is not allowed.
    pub(crate) fn invalid_query(name: &str, msg: impl Into<String>) -> Self {
        Self::invalid(vec![Fault::new(&["query", name], msg, VALUE_ERROR)])
    }

    /// Try again after `after`.
    pub(crate) fn unavailable(after: Duration) -> Self {
        Self::new(
            Code::Unavailable,
            "The service cannot do this at the moment: try again",
        )
        .retry_after(after)
    }

    /// There is hardly any room on the disk, so that what `what` says.
    pub(crate) fn disk_low(what: &str) -> Self {
        Self::new(
            Code::Unavailable,
            format!("The server's disk is nearly full, so that {what}: try again later"),
        )
        .retry_after(Duration::from_secs(10))
    }

    /// Our own fault; the cause is for the log.
    pub(crate) fn internal(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(
            Code::Internal,
            "Something failed on our side: report the request id",
        )
        .caused_by(cause)
    }

    /// The same, its faults in what stands at `place` of the body.
    pub(crate) fn within(mut self, place: &[&str]) -> Self {
        for fault in &mut self.0.faults {
            let place = place.iter().map(|&part| part.to_owned());
            fault.loc.splice(1..1, place);
        }
        self
    }

    pub(crate) fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Cause(Arc::new(cause)));
        self
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    #[cfg(test)]
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// Whether the same request may go through later.
    pub(crate) fn is_for_now(&self) -> bool {
        matches!(self.0.code, Code::RateLimited | Code::Unavailable)
    }

    /// The body of the answer.
    pub(crate) fn json(&self) -> String {
        let code = self.0.code.word();
        let body = if self.0.code == Code::Validation {
            serde_json::json!({ "code": code, "detail": self.0.faults })
        } else {
            serde_json::json!({ "code": code, "detail": self.0.detail })
        };
        body.to_string()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.0.code.status();
        let mut response = (status, self.json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.0.retry_after {
            // Rounded up: a client that comes back early is refused again.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

/// How the wire calls what is missing.
fn entity(what: Entity) -> &'static str {
    match what {
        Entity::Application => "Application not found",
        Entity::Endpoint => "Endpoint not found",
        Entity::Message => "Message not found",
        Entity::Task => "Background task not found",
        Entity::Attempt => "Message attempt not found",
        _ => "Entity not found",
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound(what) => Self::not_found(entity(*what)),
            StoreError::Conflict(key) => conflict(*key),
            _ if error.is_transient() => Self::unavailable(Duration::from_secs(1)).caused_by(error),
            _ => Self::internal(error),
        }
    }
}

fn conflict(refusal: Refusal) -> ApiError {
    let (code, detail) = match refusal {
        Refusal::AppUid => (
            Code::Conflict,
            "An application with this uid exists: choose another uid or use get_if_exists=true",
        ),
        Refusal::EndpointUid => (
            Code::Conflict,
            "An endpoint with this uid exists in the application: choose another uid",
        ),
        Refusal::EventTypeName => (
            Code::EventTypeExists,
            "An event type of this name exists: choose another name or update it",
        ),
        Refusal::LiveSecrets => (
            Code::LimitReached,
            "The endpoint has 10 replaced secrets that are still in their grace period: wait until one has expired",
        ),
        Refusal::PayloadGone => (
            Code::MissingPayload,
            "The message's payload has expired or was deleted: publish it again",
        ),
        Refusal::EndpointDisabled => (
            Code::EndpointDisabled,
            "The endpoint is disabled: enable it, then send again",
        ),
        Refusal::RunningTasks => {
            return ApiError::new(
                Code::RateLimited,
                "The organisation has 100 background tasks running: wait until one has ended, or cancel one",
            )
            .retry_after(Duration::from_secs(30));
        }
        _ => (
            Code::Conflict,
            "A conflict has occurred: read the entity again and repeat the change",
        ),
    };
    ApiError::new(code, detail)
}

fn invalid_at(field: &str, within: Option<&str>, msg: String) -> ApiError {
    let loc: Vec<&str> = ["body", field].into_iter().chain(within).collect();
    ApiError::invalid(vec![Fault::new(&loc, msg, VALUE_ERROR)])
}

/// Adds the field to what a rule says about a value.
pub(crate) trait InField<T> {
    /// The value, or an error at `field` of the body.
    fn in_field(self, field: &str) -> ApiResult<T>;

    /// As [`InField::in_field`], of an id: the place then ends in `__all__`, as clients
    /// of this API know it.
    fn in_id(self, field: &str) -> ApiResult<T>;
}

impl<T> InField<T> for Result<T, Invalid> {
    fn in_field(self, field: &str) -> ApiResult<T> {
        self.map_err(|invalid| {
            let item = invalid.item.map(|at| format!("[{at}]"));
            invalid_at(field, item.as_deref(), invalid.msg)
        })
    }

    fn in_id(self, field: &str) -> ApiResult<T> {
        self.map_err(|invalid| invalid_at(field, Some("__all__"), invalid.msg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_words() {
        let words: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
    }

    #[test]
    fn a_wrong_value_is_shown_with_its_place() {
        let error = ApiError::invalid_field("uid", "bad: give better");
        let body: serde_json::Value = serde_json::from_str(&error.json()).unwrap();
        assert_eq!(
            body["detail"],
            serde_json::json!([{"loc": ["body", "uid"], "msg": "bad: give better", "type": "value_error"}])
        );
    }

    #[test]
    fn a_pause_is_rounded_up_to_whole_seconds() {
        for (pause, seconds) in [(1, "1"), (999, "1"), (1000, "1"), (1001, "2")] {
            let response = ApiError::unavailable(Duration::from_millis(pause)).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], seconds);
        }
    }

    #[test]
    fn what_may_succeed_later_is_answered_so() {
        for error in [StoreError::TimedOut("asking"), StoreError::Fenced] {
            assert!(error.is_transient());
            assert_eq!(ApiError::from(error).code(), Code::Unavailable);
        }
    }

    #[test]
    fn what_the_store_misses_is_named_and_what_it_suffers_is_hidden() {
        let error = ApiError::from(StoreError::NotFound(Entity::Message));
        assert_eq!(error.0.detail, "Message not found");
        let error = ApiError::from(StoreError::BadRow {
            table: "app",
            column: "metadata",
            id: "app_1".to_owned(),
        });
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.json().contains("metadata"));
        assert!(error.0.cause.is_some());
    }
}
