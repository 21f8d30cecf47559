//! A layer that runs its service once for each message.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::{Answering, bare, ready};
use crate::Verified;
use crate::seen::{Claim, Lease, SeenStore};

/// What a sender is asked to wait while another delivery is in hand, in seconds.
const WAIT: HeaderValue = HeaderValue::from_static("5");

/// Runs the inner service once for each message, by the id in the
/// [`Verified`] that [`VerifyLayer`](super::VerifyLayer) left.
///
/// A message that was handled is answered 200 at once. One that another
/// delivery has in hand is answered 409, with `Retry-After`, so that its sender
/// tries again. The message counts as handled when the service answers 2xx;
/// when it answers anything else, fails or panics, the next delivery gets in
/// at once, and when it is dropped half-way, as soon as its lease runs out.
/// If the store fails the answer is 503; without a `Verified` it is 500.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::post};
/// use postrider_verify::Verifier;
/// use postrider_verify::seen::MemoryStore;
/// use postrider_verify::web::{OnceLayer, VerifyLayer};
///
/// let verifier = Verifier::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let app: Router = Router::new()
///     .route("/webhooks", post(|body: String| async move { println!("{body}") }))
///     // The last layer is the first to see a request.
///     .layer(OnceLayer::new(MemoryStore::new(100_000)))
///     .layer(VerifyLayer::new(verifier));
/// # let _ = app; Ok(()) }
/// ```
#[derive(Debug)]
pub struct OnceLayer<T> {
    store: Arc<T>,
}

impl<T: SeenStore> OnceLayer<T> {
    /// A layer that remembers messages in `store`.
    pub fn new(store: T) -> Self {
        Self::shared(Arc::new(store))
    }

    /// As [`OnceLayer::new`], with a store that others use too.
    pub const fn shared(store: Arc<T>) -> Self {
        Self { store }
    }
}

impl<T> Clone for OnceLayer<T> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
        }
    }
}

impl<S, T> Layer<S> for OnceLayer<T> {
    type Service = Once<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        Once {
            inner,
            store: Arc::clone(&self.store),
        }
    }
}

/// The service that [`OnceLayer`] makes.
#[derive(Debug)]
pub struct Once<S, T> {
    inner: S,
    store: Arc<T>,
}

impl<S: Clone, T> Clone for Once<S, T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            store: Arc::clone(&self.store),
        }
    }
}

impl<S, T, B, R> Service<Request<B>> for Once<S, T>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    T: SeenStore + 'static,
    B: Send + 'static,
    R: Default + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut inner = ready(&mut self.inner);
        let store = Arc::clone(&self.store);
        Box::pin(async move {
            let id = request.extensions().get::<Verified>();
            let id = id.map(|verified| verified.id.clone());
            match claim(store.as_ref(), id).await {
                Ok(lease) => run(store.as_ref(), &lease, inner.call(request)).await,
                Err(answer) => Ok(answer),
            }
        })
    }
}

async fn claim<R: Default>(
    store: &impl SeenStore,
    id: Option<String>,
) -> Result<Lease, Response<R>> {
    let id = id.ok_or_else(|| bare(StatusCode::INTERNAL_SERVER_ERROR))?;
    match store.claim(&id).await {
        Ok(Claim::Fresh(lease)) => Ok(lease),
        Ok(Claim::Done) => Err(bare(StatusCode::OK)),
        Ok(Claim::InFlight) => {
            let mut answer = bare(StatusCode::CONFLICT);
            answer.headers_mut().insert(RETRY_AFTER, WAIT);
            Err(answer)
        }
        Err(error) => {
            let mut answer = bare(StatusCode::SERVICE_UNAVAILABLE);
            answer.extensions_mut().insert(Arc::new(error));
            Err(answer)
        }
    }
}

async fn run<R, E>(
    store: &impl SeenStore,
    lease: &Lease,
    work: impl Future<Output = Result<Response<R>, E>> + Send,
) -> Result<Response<R>, E> {
    let outcome = caught(work).await;
    let handled = matches!(&outcome, Ok(Ok(response)) if response.status().is_success());
    // If the store fails here the answer stands all the same: the work is done,
    // or it is not and the lease runs out.
    if handled {
        let _ = store.confirm(lease).await;
    } else {
        let _ = store.release(lease).await;
    }
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs to the end or to the panic, which is the caller's to pass on.
async fn caught<T>(work: impl Future<Output = T> + Send) -> Result<T, Box<dyn Any + Send>> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Nothing is looked at again after a panic.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
