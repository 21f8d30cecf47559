//! What handlers answer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde::Serialize;

use crate::error::{ApiError, ApiResult};

/// The JSON of every answer but a few.
const JSON: &str = "application/json";
/// A page for people.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// A page runs nothing, loads nothing and stands in nobody's frame.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
