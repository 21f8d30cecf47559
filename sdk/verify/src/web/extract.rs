//! Extractors for axum.

use std::error::Error;
use std::fmt;

use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::status_of;
use crate::{Verified, Verifier, VerifyError};

/// A JSON body whose signature was checked before anything read it.
///
/// The [`Verifier`] comes from the router's state: that state itself, or a part
/// of it by `FromRef`. The limit for bodies is the route's own
/// (`DefaultBodyLimit`, two mebibytes unless set). See the
/// [front page](crate) for a whole server.
#[derive(Clone, Debug)]
pub struct Signed<T> {
    /// The body.
    pub event: T,
    /// Id, timestamp, scheme and key.
    pub verified: Verified,
}

/// A body of any kind whose signature was checked.
#[derive(Clone, Debug)]
pub struct SignedBytes {
    /// The body, byte for byte.
    pub body: Bytes,
    /// Id, timestamp, scheme and key.
    pub verified: Verified,
}

/// Why a request was refused. Its answer has a status and no body; the reason is
/// among the extensions of the answer, as a [`VerifyError`] where it is one.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignedRejection {
    /// 400 if malformed, 401 if not.
    NotVerified(VerifyError),
    /// 400: genuine, but not the JSON that was expected.
    NotAsExpected(serde_json::Error),
    /// 413, or 400 if the body broke off.
    Body(StatusCode),
}

impl SignedRejection {
    /// What is answered.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotVerified(error) => status_of(error),
            Self::NotAsExpected(_) => StatusCode::BAD_REQUEST,
            Self::Body(status) => *status,
        }
    }
}

impl fmt::Display for SignedRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVerified(error) => error.fmt(f),
            Self::NotAsExpected(_) => f.write_str("body is not the JSON that was expected"),
            Self::Body(StatusCode::PAYLOAD_TOO_LARGE) => {
                f.write_str("body is longer than the route's limit")
            }
            Self::Body(_) => f.write_str("body could not be read to its end"),
        }
    }
}

impl Error for SignedRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotVerified(error) => Some(error),
            Self::NotAsExpected(error) => Some(error),
            Self::Body(_) => None,
        }
    }
}

impl IntoResponse for SignedRejection {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Self::NotVerified(error) = self {
            response.extensions_mut().insert(error);
        }
        response
    }
}

impl<S> FromRequest<S> for SignedBytes
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = SignedRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| SignedRejection::Body(rejection.status()))?;
        let verified = Verifier::from_ref(state)
            .verify_now(&headers, &body)
            .map_err(SignedRejection::NotVerified)?;
        Ok(Self { body, verified })
    }
}

impl<S, T> FromRequest<S> for Signed<T>
where
    Verifier: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = SignedRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let SignedBytes { body, verified } = SignedBytes::from_request(request, state).await?;
        let event = serde_json::from_slice(&body).map_err(SignedRejection::NotAsExpected)?;
        Ok(Self { event, verified })
    }
}
