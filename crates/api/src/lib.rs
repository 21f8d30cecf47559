//! Postrider's HTTP API: routes by resource, rights, errors, OpenAPI.
//!
//! **Invariants.** A handler parses, makes one call of the store or of the publish
//! queue, and answers. Every operation stands once in the table of [`routes`], from
//! which the router, the rights and the OpenAPI document are made. Every failure is
//! an [`error::ApiError`], whose codes are a closed list; what went wrong inside is
//! logged and never answered.

mod access;
mod admission;
mod answer;
mod call;
mod counts;
mod dashboard;
mod error;
mod event_stream;
mod idempotency;
mod inbox;
mod jwt;
mod key_cache;
mod live;
mod openapi;
mod operation;
pub mod reference;
mod request;
mod router;
mod routes;
mod schema;
mod state;
mod telemetry;
mod turns;
mod wire;

pub use jwt::{JwtAlgorithm, JwtKey, JwtKeyError};
pub use router::{Api, router, worker_router};
pub use state::{ApiSettings, ApiState, SignatureKind};

/// The description of the whole API, OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::document(&routes::table())
}

/// The description in the order in which people read it.
pub fn reference() -> reference::Reference {
    reference::Reference::of(&openapi())
}

/// The description as the repository keeps it: `openapi.json`.
///
/// # Errors
/// A schema that cannot be written as JSON.
pub fn openapi_json() -> serde_json::Result<String> {
    Ok(openapi().to_pretty_json()? + "\n")
}
