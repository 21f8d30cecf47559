//! Connections: bounded in number and in how long a request's head may take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use postrider_api::Api;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at one time; more wait in the listener's backlog.
const CONNECTIONS: usize = 16_384;
/// From the first byte of a request to the end of its head.
const HEAD: Duration = Duration::from_secs(20);
/// How long requests under way may take once the server stops.
const LAST_REQUESTS: Duration = Duration::from_secs(5);
/// After an accept error, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets the requests under way end; gives how long that took.
pub(super) async fn serve(
    listener: TcpListener,
    api: Api,
    stop: impl Future<Output = ()>,
) -> Duration {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .keep_alive_interval(Duration::from_secs(30));
    let (builder, places) = (Arc::new(builder), Arc::new(Semaphore::new(CONNECTIONS)));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, place)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(api.clone());
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // What a caller does to its own connection is its own matter.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    #[expect(
        clippy::disallowed_methods,
        reason = "a duration, on the monotonic clock"
    )]
    let began = Instant::now();
    if tokio::time::timeout(LAST_REQUESTS, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still under way when the server stopped");
    }
    began.elapsed()
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and must not wait for company.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(error = %error, "cannot accept a connection");
            None
        }
    }
}
