//! The order to stop, and the certainty that it is followed.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::exit::Exit;

/// From the order to the process's end, whatever hangs. Every step has a bound of its own, and
/// together they take less: whoever kills what has not ended waits 60 s or more.
const LONGEST: Duration = Duration::from_secs(55);

/// Listens for SIGTERM and SIGINT, of which the first cancels what this returns. The handlers
/// are in place when it does.
pub(super) fn order() -> Result<CancellationToken, ServeError> {
    order_within(LONGEST)
}

fn order_within(longest: Duration) -> Result<CancellationToken, ServeError> {
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
        std::thread::spawn(move || end_after(longest));
        given.cancel();
    });
    Ok(order)
}

fn end_after(longest: Duration) {
    std::thread::sleep(longest);
    tracing::error!(
        "the process has not ended within {} s of the order to stop, and is ended: what it had in hand is taken up by the other nodes, or at the next start",
        longest.as_secs()
    );
    std::process::exit(Exit::Failure as i32);
}

#[cfg(test)]
mod tests {
    use std::process::{Command, ExitStatus};

    use super::*;

    /// Set for the process that is to hang.
    const HANGS: &str = "POSTRIDER_TEST_HANGS";

    /// Obeys an order to stop, and then does nothing at all.
    fn hang() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        runtime.expect("a runtime starts").block_on(async {
            let order = order_within(Duration::from_millis(100)).expect("signals can be had");
            let own = std::process::id().to_string();
            let sent = Command::new("kill").args(["-TERM", &own]).status();
            assert!(sent.is_ok_and(|status| status.success()));
            order.cancelled().await;
            loop {
                std::thread::park();
            }
        });
    }

    fn this_test_in_another_process() -> ExitStatus {
        let (_, module) = module_path!().split_once("::").expect("below the crate");
        let name = format!("{module}::what_hangs_on_the_way_down_is_ended_as_a_failure");
        let own = std::env::current_exe().expect("a test is a program");
        let mut command = Command::new(own);
        command.args(["--exact", &name]).env(HANGS, "1");
        command.status().expect("it can be started again")
    }

    #[test]
    fn what_hangs_on_the_way_down_is_ended_as_a_failure() {
        if std::env::var_os(HANGS).is_some() {
            return hang();
        }
        // A test that fails ends with another code.
        let status = this_test_in_another_process();
        assert_eq!(status.code(), Some(Exit::Failure as i32), "{status}");
    }
}
