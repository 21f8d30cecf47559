//! `postrider receive`: a receiver to try things out with. It answers, checks signatures
//! and prints what came.

mod pretty;
mod report;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use http::{Request, StatusCode};
use postrider_verify::Verifier;
use tokio::net::TcpListener;

use crate::cli::ReceiveArgs;
use crate::error::CommandError;
use crate::output;
use report::{Report, Verdict};

/// Bytes of a body that are read: more than any sender of sense sends.
const BODY_LIMIT: usize = 1 << 20;

pub(super) fn run(args: &ReceiveArgs) -> Result<(), CommandError> {
    let status = StatusCode::from_u16(args.status)
        .map_err(|_| CommandError::Usage(format!("--status {}: no HTTP status", args.status)))?;
    let receiver = Receiver {
        verifier: verifier(&args.secrets)?,
        status,
        delay: Duration::from_millis(args.delay),
        count: AtomicU64::new(0),
    };
    super::block_on(receive(args.port, receiver))
}

struct Receiver {
    verifier: Option<Verifier>,
    status: StatusCode,
    delay: Duration,
    count: AtomicU64,
}

fn verifier(secrets: &[String]) -> Result<Option<Verifier>, CommandError> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let mut builder = Verifier::builder();
    for (index, secret) in secrets.iter().enumerate() {
        // The secret itself is not repeated: it would land in a terminal's scrollback.
        builder = builder.secret(secret).map_err(|error| {
            CommandError::Usage(format!("--secret number {}: {error}", index + 1))
        })?;
    }
    let verifier = builder
        .build()
        .map_err(|error| CommandError::Usage(format!("--secret: {error}")))?;
    Ok(Some(verifier))
}

async fn receive(port: u16, receiver: Receiver) -> Result<(), CommandError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |error: std::io::Error| {
        CommandError::Failed(format!(
            "cannot listen on {address}: {error}; --port 0 takes a free port"
        ))
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let checks = if receiver.verifier.is_some() {
        "checking signatures"
    } else {
        "not checking signatures: give --secret to do so"
    };
    output::print(&format!(
        "listening on http://{address}/\n{checks}; Ctrl-C stops\n"
    ))?;
    let app = Router::new()
        .fallback(answer)
        .with_state(Arc::new(receiver));
    // No graceful end: with a long --delay it would keep Ctrl-C waiting.
    tokio::select! {
        served = axum::serve(listener, app) => served
            .map_err(|error| CommandError::Failed(format!("receiver on {address}: {error}"))),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn answer(State(receiver): State<Arc<Receiver>>, request: Request<Body>) -> StatusCode {
    let number = receiver.count.fetch_add(1, Ordering::Relaxed) + 1;
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await;
    let status = match &body {
        Ok(_) => receiver.status,
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
    };
    let body = body.as_deref().ok();
    let report = Report {
        number,
        head: &head,
        body,
        verdict: Verdict::of(receiver.verifier.as_ref(), &head.headers, body, unix_now()),
        status,
        delay: receiver.delay,
    };
    // Nobody reads any more: the sender is answered all the same.
    let _ = output::print(&report.to_string());
    tokio::time::sleep(receiver.delay).await;
    status
}

#[expect(
    clippy::disallowed_methods,
    reason = "a receiver judges a signature's age by its own clock"
)]
pub(super) fn unix_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}
