//! What is done now and then: partitions, expiry, and the watch on failing endpoints.

use std::time::Duration;

use postrider_domain::DisabledReason;
use postrider_store::{CleanUp, Clock, Store, StoreResult};

/// How often the janitor goes round.
const ROUND: Duration = Duration::from_mins(5);

/// Keeps the database in order.
pub(crate) struct Janitor {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) keep_rows: Duration,
}

impl Janitor {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut rounds = CleanUp::default();
        loop {
            self.round(&mut rounds).await;
            self.clock.sleep(ROUND).await;
        }
    }

    /// Each step by itself: one that fails holds up no other.
    async fn round(&self, rounds: &mut CleanUp) {
        told(self.store.make_partitions().await);
        self.disable_failing().await;
        if let Some(mended @ 1..) = told(self.store.mend_lanes().await) {
            tracing::error!(mended, "due deliveries had no lane");
            self.store.lane_hint().notify_one();
        }
        postrider_store::fail_point!("delivery::retention::before");
        while told(self.store.clean_up(rounds, self.keep_rows).await) == Some(true) {
            // Others want the database too.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        postrider_store::fail_point!("delivery::retention::after");
    }

    async fn disable_failing(&self) {
        let failing = told(self.store.failing_endpoints().await);
        for endpoint in failing.unwrap_or_default() {
            let disabled = self
                .store
                .disable_endpoint(endpoint, DisabledReason::Failing);
            if told(disabled.await).is_some() {
                tracing::warn!(%endpoint, "disabled: it has failed without a break for five days");
            }
        }
    }
}

/// What came of a step; what went wrong with it is in the log.
fn told<T>(done: StoreResult<T>) -> Option<T> {
    done.inspect_err(|error| {
        tracing::warn!(error = error as &dyn std::error::Error, "cannot clean up");
    })
    .ok()
}
