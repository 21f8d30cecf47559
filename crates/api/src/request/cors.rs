//! Browsers may call from anywhere, with a key but never with credentials of their own.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::Either;
use http::header::{ORIGIN, RETRY_AFTER};
use tower::{Layer, Service};
use tower_http::cors::{self, AllowHeaders, AllowMethods, Any, CorsLayer};

use super::request_id;

/// Any origin, method and header; answers to preflights hold for ten minutes.
fn layer() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([request_id::HEADER, RETRY_AFTER])
        .max_age(Duration::from_mins(10))
}

/// Answers browsers as [`layer`] says, and lets everybody else, who sends no `origin`,
/// pass without the headers that only browsers read.
#[derive(Clone, Debug)]
pub struct Cors<S> {
    inner: S,
    browsers: Arc<CorsLayer>,
}

impl<S> Cors<S> {
    pub(crate) fn around(inner: S) -> Self {
        Self {
            inner,
            browsers: Arc::new(layer()),
        }
    }
}

impl<S> Service<Request> for Cors<S>
where
    S: Service<Request, Response = Response> + Clone,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<cors::ResponseFuture<S::Future>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !request.headers().contains_key(ORIGIN) {
            return Either::Right(self.inner.call(request));
        }
        // The one that is ready goes, a clone stays.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        Either::Left(self.browsers.layer(ready).call(request))
    }
}
