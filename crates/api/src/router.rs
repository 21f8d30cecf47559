//! The table of operations as a router.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use tower::ServiceBuilder;
use tower_http::normalize_path::NormalizePathLayer;

use crate::operation::Operation;
use crate::request::cors::Cors;
use crate::request::edge::{self, Edge};
use crate::routes;
use crate::state::{ApiState, Shared};
use crate::telemetry::Recorder;

/// The whole API as a service. It answers every request, also those that lead nowhere.
pub fn router(state: ApiState) -> Router {
    finished(routed(state, routes::table()).fallback(edge::unknown_route))
}

/// What a node serves that only delivers: how it is. Everything else is a 404 that says so.
pub fn worker_router(state: ApiState) -> Router {
    finished(routed(state, routes::of_workers()).fallback(edge::not_on_workers))
}

fn routed(state: ApiState, operations: Vec<Operation>) -> Router {
    let shared = Arc::new(Shared::new(state));
    let mut router = Router::new();
    for operation in operations {
        let path = operation.path;
        router = router.route(path, method_router(Arc::clone(&shared), operation));
    }
    router
}

/// Adds what every request passes: around the routes rather than as layers of the router,
/// which would box each of them once per request. A path is trimmed before it is matched,
/// so that one route serves both spellings.
fn finished(routes: Router) -> Router {
    let service = ServiceBuilder::new()
        .layer_fn(Edge)
        .layer_fn(Cors::around)
        .layer(NormalizePathLayer::trim_trailing_slash())
        .service(routes.method_not_allowed_fallback(edge::wrong_method));
    Router::new().fallback_service(service)
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
