//! For web servers: tower layers, and an extractor for axum.
//!
//! What is refused is answered with a status and an empty body, since whoever
//! forges has no use for a reason. The reason is among the extensions of the
//! response, as a [`VerifyError`], for layers further out
//! to log.

#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "seen")]
mod once;
mod verify;

#[cfg(feature = "axum")]
pub use extract::{Signed, SignedBytes, SignedRejection};
#[cfg(feature = "seen")]
pub use once::{Once, OnceLayer};
pub use verify::{DEFAULT_BODY_LIMIT, Verify, VerifyLayer};

use std::future::Future;
use std::pin::Pin;

use http::{Response, StatusCode};

use crate::VerifyError;

/// 400 for what is malformed whoever receives it, 401 for all else.
fn status_of(error: &VerifyError) -> StatusCode {
    if error.is_malformed_request() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::UNAUTHORIZED
    }
}

/// An answer without a word.
fn bare<B: Default>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status;
    response
}

/// What a service of ours is about to answer.
type Answering<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

/// The inner service that was asked whether it is ready, to be called later; a clone stays
/// in its place.
fn ready<S: Clone>(inner: &mut S) -> S {
    let next = inner.clone();
    std::mem::replace(inner, next)
}
