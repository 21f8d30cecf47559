//! A layer that lets signed requests through.

use std::error::Error;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tower_layer::Layer;
use tower_service::Service;

use super::{Answering, bare, ready, status_of};
use crate::{Verifier, VerifyError};

/// Bytes that a body may have unless set otherwise: two mebibytes, as in axum.
pub const DEFAULT_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Lets a request through if it verifies, with its body whole and
/// [`Verified`](crate::Verified) among its extensions.
///
/// Others are answered without the inner service: 400 if they are malformed, 401
/// if they do not verify, 413 if the body is over the limit. Works with whatever
/// takes tower layers over `http` types: axum's routers, hyper, tonic.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Extension, Router, routing::post};
/// use postrider_verify::web::VerifyLayer;
/// use postrider_verify::{Verified, Verifier};
///
/// async fn receive(Extension(verified): Extension<Verified>, body: String) {
///     println!("{}: {body}", verified.id);
/// }
///
/// let verifier = Verifier::github().secret("It's a Secret to Everybody")?.build()?;
/// let app: Router = Router::new()
///     .route("/webhooks", post(receive))
///     .layer(VerifyLayer::new(verifier));
/// # let _ = app; Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    verifier: Verifier,
    body_limit: usize,
}

impl VerifyLayer {
    /// A layer with the default limit for bodies.
    pub const fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }

    /// Sets how many bytes a body may have. So much may be held for each
    /// request before it is known to be genuine.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Verify {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`VerifyLayer`] makes.
#[derive(Clone, Debug)]
pub struct Verify<S> {
    inner: S,
    layer: VerifyLayer,
}

impl<S, B, R> Service<Request<B>> for Verify<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut inner = ready(&mut self.inner);
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.check(request).await {
                Ok(request) => inner.call(request).await,
                Err(refusal) => Ok(refusal.response()),
            }
        })
    }
}

/// A request that does not get through, and the reason if it is known.
struct Refusal(StatusCode, Option<VerifyError>);

impl Refusal {
    fn response<R: Default>(self) -> Response<R> {
        let mut response = bare(self.0);
        if let Some(error) = self.1 {
            response.extensions_mut().insert(error);
        }
        response
    }
}

impl VerifyLayer {
    async fn check<B>(&self, request: Request<B>) -> Result<Request<Full<Bytes>>, Refusal>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let body = collect(body, self.body_limit).await;
        let body = body.map_err(|status| Refusal(status, None))?;
        let verified = self
            .verifier
            .verify_now(&parts.headers, &body)
            .map_err(|error| Refusal(status_of(&error), Some(error)))?;
        parts.extensions.insert(verified);
        Ok(Request::from_parts(parts, Full::new(body)))
    }
}

async fn collect<B>(body: B, limit: usize) -> Result<Bytes, StatusCode>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // What is announced as too long is not read at all.
    if body.size_hint().lower() > limit as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}
