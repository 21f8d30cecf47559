//! What every request passes: it gets an id, and failures of ours are logged once,
//! with all their causes. Panics become answers further in, where they are counted.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Method};
use tower::Service;

use super::{body, request_id};
use crate::error::{ApiError, Cause, Code};

/// A panic, as an error.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

/// What every request passes: it gets an id, and a failure of ours is logged.
#[derive(Clone, Debug)]
pub struct Edge<S>(pub(crate) S);

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Passing<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let seen = Seen {
            id: request_id::of(request.headers()),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
        };
        Passing {
            seen: Some(seen),
            answering: self.0.call(request),
        }
    }
}

/// What the log says of a request.
#[derive(Debug)]
struct Seen {
    id: HeaderValue,
    method: Method,
    path: String,
}

impl Seen {
    fn finish(self, response: &mut Response) {
        if let Some(Cause(cause)) = response.extensions_mut().remove() {
            tracing::error!(
                request_id = self.id.to_str().unwrap_or_default(),
                method = %self.method,
                path = self.path,
                status = response.status().as_u16(),
                error = chain(&*cause),
                "a request failed"
            );
        }
        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, self.id);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
}

pin_project_lite::pin_project! {
    /// A request on its way through.
    pub struct Passing<F> {
        seen: Option<Seen>,
        #[pin]
        answering: F,
    }
}

impl<F, E> Future for Passing<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.answering.poll(cx));
        if let (Ok(response), Some(seen)) = (&mut answer, this.seen.take()) {
            seen.finish(response);
        }
        Poll::Ready(answer)
    }
}

/// Does the work of a request; a panic becomes an answer.
pub(crate) async fn guarded(work: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| panicked(&*panic))
}

#[cold]
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::internal(Panicked(text)).into_response()
}

/// An error and its causes in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

async fn drain(request: Request) {
    let (parts, body) = request.into_parts();
    body::drain(&parts.headers, body).await;
}

/// The answer to a path that leads nowhere.
pub(crate) async fn unknown_route(request: Request) -> ApiError {
    drain(request).await;
    ApiError::not_found("No such route: see /docs for those that exist")
}

/// The answer to everything but health and metrics where there is no API.
pub(crate) async fn not_on_workers(request: Request) -> ApiError {
    drain(request).await;
    ApiError::not_found("This node only delivers: ask one whose POSTRIDER_ROLE is all or api")
}

/// The answer to a method that a path does not know.
pub(crate) async fn wrong_method(request: Request) -> ApiError {
    drain(request).await;
    ApiError::new(
        Code::MethodNotAllowed,
        "This path does not know this method: the allow header names those that it knows",
    )
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_without_its_words_and_kept_for_the_log() {
        let response = guarded(async { panic!("secret words") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let cause = response.extensions().get::<Cause>().unwrap();
        assert!(chain(&*cause.0).contains("secret words"));
        let body = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
        assert!(String::from_utf8_lossy(&body).contains("server_error"));
    }

    #[test]
    fn an_error_is_logged_with_all_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::fmt::Error);
        let text = chain(&Outer(std::fmt::Error));
        assert!(text.starts_with("outer: ") && text.len() > "outer: ".len());
    }
}
