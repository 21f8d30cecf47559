//! The order to stop, and the certainty that it is followed.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::error::Exit;

/// From the order to the process's end, whatever hangs. Every step has a bound of its own, and
/// together they take less: whoever kills what has not ended waits 60 s or more.
const LONGEST: Duration = Duration::from_secs(55);

/// Listens for SIGTERM and SIGINT, of which the first cancels what this returns. The handlers
/// are in place when it does.
pub(super) fn order() -> Result<CancellationToken, ServeError> {
    let wrong = |source| ServeError::System {
        operation: "cannot listen for signals",
        source,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong)?;
    let order = CancellationToken::new();
    let given = order.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: what is in flight ends first");
        // A thread of its own: what hangs may be the runtime.
        std::thread::spawn(end_at_last);
        given.cancel();
    });
    Ok(order)
}

fn end_at_last() {
    std::thread::sleep(LONGEST);
    tracing::error!(
        "the process has not ended within {} s of the order to stop, and is ended: what it had in hand is taken up by the other nodes, or at the next start",
        LONGEST.as_secs()
    );
    std::process::exit(Exit::Failure as i32);
}
