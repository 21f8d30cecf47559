//! What keeps deliveries going beside the happy path: the node's lease, claims of what is due,
//! large fan-outs, background tasks, and order in the database.
//!
//! Each is a [`Service`]: it does one step and says when the next is worth while. One runner
//! does the rest for all of them: it waits, starts over after an error, and has it known by the
//! service's name which of them fails or stands still.

mod aside;
mod claimer;
mod disk_watch;
mod fan_out;
mod feed;
mod gauges;
mod heartbeat;
mod janitor;
mod outbox_publisher;
mod rescuer;
mod rollup;
mod task_runner;

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::Timestamp;
use postrider_store::StoreResult;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::lease::monotonic;
use crate::node::Node;

pub(crate) use aside::Aside;
pub(crate) use claimer::Claimer;
pub(crate) use disk_watch::DiskWatcher;
pub(crate) use fan_out::FanOut;
pub(crate) use feed::{ChangeFeed, WorkWatch};
pub(crate) use gauges::Gauges;
pub(crate) use heartbeat::Heartbeat;
pub(crate) use janitor::Janitor;
pub(crate) use outbox_publisher::OutboxPublisher;
pub(crate) use rescuer::{Rescuer, take_over};
pub(crate) use rollup::RollupService;
pub(crate) use task_runner::TaskRunner;

/// Something that is done again and again.
pub(crate) trait Service: Send + 'static {
    /// By which it is known in the log, in health and in metrics.
    const NAME: &'static str;
    /// A step that takes longer stands still, as far as anybody can tell.
    const LONGEST: Duration = Duration::from_mins(1);
    /// How long it rests after a step that failed.
    const REST: Duration = Duration::from_secs(1);

    /// Does what is to be done now, or a part of it.
    fn step(&mut self, node: &Node) -> impl Future<Output = StoreResult<Next>> + Send;

    /// Is notified when there may be something to do.
    fn hint(_: &Node) -> Option<&Notify> {
        None
    }
}

/// When the next step is worth while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// At once.
    Now,
    /// After so long, or on a hint.
    Within(Duration),
    /// At a time by the store's clock, on a hint, or after so long.
    At(Timestamp, Duration),
}

/// Runs a service until `stop`, and never ends it in the middle of a step.
pub(crate) async fn run<S: Service>(mut service: S, node: Arc<Node>, stop: CancellationToken) {
    let pulse = node.pulses.of(S::NAME, S::LONGEST);
    while !stop.is_cancelled() {
        pulse.begins(monotonic());
        let next = match service.step(&node).await {
            Ok(next) => {
                pulse.well();
                next
            }
            Err(error) => {
                pulse.failed(monotonic());
                tracing::warn!(
                    service = S::NAME,
                    error = &error as &dyn std::error::Error,
                    "a service could not do its work; it goes on"
                );
                rest(S::REST, &stop).await;
                Next::Now
            }
        };
        wait::<S>(&node, next, &stop).await;
    }
}

async fn rest(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

async fn wait<S: Service>(node: &Node, next: Next, stop: &CancellationToken) {
    let (at, within) = match next {
        Next::Now => return tokio::task::yield_now().await,
        Next::Within(within) => (None, within),
        Next::At(at, within) => (Some(at), within),
    };
    let hinted = async {
        match S::hint(node) {
            Some(hint) => hint.notified().await,
            None => std::future::pending().await,
        }
    };
    let reached = async {
        match at {
            Some(at) => node.store.clock().sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = hinted => {}
        () = reached => {}
        () = tokio::time::sleep(within) => {}
        () = stop.cancelled() => {}
    }
}
