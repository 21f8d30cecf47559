//! What is done now and then: partitions, expiry, and the watch on failing endpoints.

use std::time::Duration;

use postrider_domain::DisabledReason;
use postrider_store::{CleanUp, StoreResult};

use super::{Next, Service};
use crate::node::Node;

/// How often the janitor goes round, by the store's clock.
const ROUND: Duration = Duration::from_mins(5);
/// The same for a clock that stands still.
const SURELY: Duration = Duration::from_hours(1);

/// Keeps the database in order.
#[derive(Default)]
pub(crate) struct Janitor {
    rounds: CleanUp,
}

impl Service for Janitor {
    const NAME: &'static str = "janitor";
    /// A round removes as much as there is to remove, chunk by chunk.
    const LONGEST: Duration = Duration::from_hours(1);
    const REST: Duration = Duration::from_mins(1);

    /// Each part by itself: one that fails holds up no other.
    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let partitions = node.store.make_partitions().await;
        let failing = disable_failing(node).await;
        let lanes = mend_lanes(node).await;
        postrider_store::fail_point!("delivery::retention::before");
        let expiry = self.expire(node).await;
        postrider_store::fail_point!("delivery::retention::after");
        first_error([partitions, failing, lanes, expiry])?;
        let now = node.store.clock().now();
        Ok(Next::At(now.plus(ROUND), SURELY))
    }
}

impl Janitor {
    async fn expire(&mut self, node: &Node) -> StoreResult<()> {
        let keep_rows = node.settings.keep_rows;
        while node.store.clean_up(&mut self.rounds, keep_rows).await? {
            // Others want the database too.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

async fn mend_lanes(node: &Node) -> StoreResult<()> {
    let mended = node.store.mend_lanes().await?;
    if mended > 0 {
        tracing::error!(mended, "due deliveries had no lane");
        node.store.lane_hint().notify_one();
    }
    Ok(())
}

async fn disable_failing(node: &Node) -> StoreResult<()> {
    let mut done = Vec::new();
    for endpoint in node.store.failing_endpoints().await? {
        let reason = DisabledReason::Failing;
        let disabled = node.store.disable_endpoint(endpoint, reason).await;
        if disabled.is_ok() {
            tracing::warn!(%endpoint, "disabled: it has failed without a break for five days");
        }
        done.push(disabled.map(|_| ()));
    }
    first_error(done)
}

/// The first error; the others are in the log.
fn first_error(done: impl IntoIterator<Item = StoreResult<()>>) -> StoreResult<()> {
    let mut first = Ok(());
    for error in done.into_iter().filter_map(Result::err) {
        if first.is_ok() {
            first = Err(error);
        } else {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot clean up");
        }
    }
    first
}
