//! Browsers may call from anywhere, with a key but never with credentials of their own.

use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::Either;
use http::header::{ORIGIN, RETRY_AFTER};
use tower::Service;
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
#[derive(Clone)]
pub(crate) struct Cors<S> {
    browsers: cors::Cors<S>,
    others: S,
}

impl<S: Clone> Cors<S> {
    pub(crate) fn around(inner: S) -> Self {
        Self {
            browsers: tower::Layer::layer(&layer(), inner.clone()),
            others: inner,
        }
    }
}

impl<S> Service<Request> for Cors<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<cors::ResponseFuture<S::Future>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Two clones of one service, of which a request takes either.
        match self.browsers.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.others.poll_ready(cx),
            other => other,
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.headers().contains_key(ORIGIN) {
            Either::Left(self.browsers.call(request))
        } else {
            Either::Right(self.others.call(request))
        }
    }
}
