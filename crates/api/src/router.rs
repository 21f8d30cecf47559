//! The table of operations as a router.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{BoxError, Router};
use bytes::Bytes;
use http::Method;
use tower::Service;
use tower_http::normalize_path::NormalizePath;

use crate::dashboard;
use crate::inbox;
use crate::operation::Operation;
use crate::request::cors::Cors;
use crate::request::edge::{self, Edge};
use crate::routes;
use crate::state::{ApiState, Shared};
use crate::telemetry::Recorder;

/// The API as a service. It answers every request, also those that lead nowhere.
///
/// What every request passes stands around the router rather than in layers of its own,
/// each of which would be boxed once per request.
#[derive(Clone, Debug)]
pub struct Api(Edge<Cors<NormalizePath<Router>>>);

impl<B> Service<http::Request<B>> for Api
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = <Edge<Cors<NormalizePath<Router>>> as Service<Request>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        self.0.call(request.map(Body::new))
    }
}

/// The whole API.
pub fn router(state: ApiState) -> Api {
    let shared = Arc::new(Shared::new(state));
    let mut router = routed(&shared, routes::table());
    for path in inbox::PATHS {
        router = router.route(path, inbox::service(Arc::clone(&shared)));
    }
    let router = dashboard::routes(router, &shared);
    finished(router.fallback(edge::unknown_route))
}

/// What a node serves that only delivers: how it is. Everything else is a 404 that says so.
pub fn worker_router(state: ApiState) -> Api {
    let shared = Arc::new(Shared::new(state));
    finished(routed(&shared, routes::of_workers()).fallback(edge::not_on_workers))
}

fn routed(shared: &Arc<Shared>, operations: Vec<Operation>) -> Router {
    let mut router = Router::new();
    for operation in operations {
        let path = operation.path;
        router = router.route(path, method_router(Arc::clone(shared), operation));
    }
    router
}

/// Adds what every request passes. A path is trimmed before it is matched, so that one
/// route serves both spellings.
fn finished(routes: Router) -> Api {
    let routes = routes.method_not_allowed_fallback(edge::wrong_method);
    let trimmed = NormalizePath::trim_trailing_slash(routes);
    Api(Edge(Cors::around(trimmed)))
}

fn method_router(shared: Arc<Shared>, operation: Operation) -> MethodRouter {
    let filter = filter(&operation.method);
    let recorder = Arc::new(Recorder::new(operation.id, shared.store.clock().clone()));
    let operation = Arc::new(operation);
    on(filter, move |request: Request| {
        let work = operation.handle(Arc::clone(&shared), request);
        let recorder = Arc::clone(&recorder);
        async move { recorder.record(work).await }
    })
}

fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        Method::HEAD => MethodFilter::HEAD,
        _ => MethodFilter::GET,
    }
}
