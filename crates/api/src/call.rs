//! One request that may do what it asks, and its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::RawPathParams;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use postrider_delivery::Deadline;
use serde::Serialize;
use serde::de::Deserialize;

use crate::access::{OfApp, OfAppInFull, OrgWide, OrgWideInFull};
use crate::error::{ApiError, ApiResult};
use crate::idempotency::IdempotencyHeader;
use crate::request::body;
use crate::request::query::Query;
use crate::state::Shared;

/// The JSON of every answer but a few.
const JSON: &str = "application/json";
/// A page for people.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// A page runs nothing, loads nothing and stands in nobody's frame.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A request with the right that its handler asked for.
pub(crate) struct Call<A> {
    pub shared: Arc<Shared>,
    pub access: A,
    pub path: Segments,
    pub query: Query,
    pub body: Bytes,
    /// By when a publisher hears.
    pub deadline: Deadline,
    /// For the one operation that sees to its idempotency itself.
    pub idempotency: Option<IdempotencyHeader>,
}

impl<A> Call<A> {
    /// The body, parsed.
    pub(crate) fn json<'de, T: Deserialize<'de>>(&'de self) -> ApiResult<T> {
        body::parse(&self.body)
    }

    /// The body, parsed; none is an empty object.
    pub(crate) fn json_or_nothing<'de, T: Deserialize<'de>>(&'de self) -> ApiResult<T> {
        body::parse_optional(&self.body)
    }

    /// Does what a publish waits for besides the commit, before its deadline.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = ApiResult<T>>,
    ) -> ApiResult<T> {
        let done = self.deadline.keep(work).await;
        done.unwrap_or_else(|| Err(too_late()))
    }

    /// A segment of the path, which the operation's template names.
    pub(crate) fn segment(&self, name: &'static str) -> ApiResult<&str> {
        self.path.get(name)
    }
}

impl Call<OfAppInFull> {
    /// The same call with the lesser right.
    pub(crate) fn of_app(self) -> Call<OfApp> {
        self.with_access(|access| access.0)
    }
}

impl Call<OrgWideInFull> {
    /// The same call with the lesser right.
    pub(crate) fn org_wide(self) -> Call<OrgWide> {
        self.with_access(|access| access.0)
    }
}

impl<A> Call<A> {
    fn with_access<B>(self, access: impl FnOnce(A) -> B) -> Call<B> {
        Call {
            shared: self.shared,
            access: access(self.access),
            path: self.path,
            query: self.query,
            body: self.body,
            deadline: self.deadline,
            idempotency: self.idempotency,
        }
    }
}

/// The named segments of a path, decoded.
#[derive(Debug)]
pub(crate) struct Segments(pub(crate) RawPathParams);

impl Segments {
    /// The segment of this name.
    pub(crate) fn get(&self, name: &'static str) -> ApiResult<&str> {
        self.0
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .ok_or_else(|| ApiError::internal(NoSuchSegment(name)))
    }
}

/// A publisher hears this at its deadline.
pub(crate) fn too_late() -> ApiError {
    ApiError::unavailable(Duration::from_secs(1)).caused_by(TooLate)
}

/// A publish took too long: the database answers late, or not at all.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer a publish in time")]
struct TooLate;

/// A handler asked for what its path does not have.
#[derive(Debug, thiserror::Error)]
#[error("the path has no segment {0}")]
struct NoSuchSegment(&'static str);

/// What a handler answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: Bytes,
    /// What goes on after `body`. Given once: an answer that is repeated is without it.
    rest: Option<Arc<Mutex<Option<Body>>>>,
}

impl Answer {
    /// A text of another type than JSON.
    pub(crate) fn text(content_type: &'static str, body: Bytes) -> Self {
        Self {
            content_type,
            ..Self::raw(StatusCode::OK, body)
        }
    }

    /// Text that goes on.
    pub(crate) fn streamed(
        status: StatusCode,
        content_type: &'static str,
        frames: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
    ) -> Self {
        let rest = Body::from_stream(frames);
        Self {
            content_type,
            rest: Some(Arc::new(Mutex::new(Some(rest)))),
            ..Self::raw(status, Bytes::new())
        }
    }

    /// JSON with this status.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> ApiResult<Self> {
        let body = serde_json::to_vec(value).map_err(ApiError::internal)?;
        Ok(Self::raw(status, body.into()))
    }

    /// 200 and JSON.
    pub(crate) fn ok(value: &impl Serialize) -> ApiResult<Self> {
        Self::json(StatusCode::OK, value)
    }

    /// 201 and JSON if something was made, else 200.
    pub(crate) fn made(created: bool, value: &impl Serialize) -> ApiResult<Self> {
        let status = if created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        Self::json(status, value)
    }

    /// JSON that is ready.
    pub(crate) fn raw(status: StatusCode, body: Bytes) -> Self {
        Self {
            status,
            content_type: JSON,
            body,
            rest: None,
        }
    }

    /// 204 without a body.
    pub(crate) fn nothing() -> Self {
        Self::raw(StatusCode::NO_CONTENT, Bytes::new())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let rest = self.rest.as_ref().and_then(|rest| rest.lock().take());
        let has_body = !self.body.is_empty() || rest.is_some();
        let mut response = Response::new(rest.unwrap_or_else(|| Body::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.content_type == HTML {
            headers.insert(
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(PAGE_POLICY),
            );
        }
        response
    }
}
