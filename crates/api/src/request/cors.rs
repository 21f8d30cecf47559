//! Browsers may call from anywhere, with a key but never with credentials of their own.

use std::time::Duration;

use http::header::RETRY_AFTER;
use tower_http::cors::{AllowHeaders, AllowMethods, Any, CorsLayer};

use super::request_id;

/// Any origin, method and header; answers to preflights hold for ten minutes.
pub(crate) fn layer() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([request_id::HEADER, RETRY_AFTER])
        .max_age(Duration::from_mins(10))
}
