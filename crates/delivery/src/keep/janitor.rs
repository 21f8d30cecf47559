//! What is done now and then: partitions, expiry, and the watch on failing endpoints.

use std::time::Duration;

use postrider_domain::DisabledReason;
use postrider_store::{Clock, Store, StoreResult};

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
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot clean up");
            }
            self.clock.sleep(ROUND).await;
        }
    }

    async fn round(&self) -> StoreResult<()> {
        self.store.make_partitions().await?;
        for endpoint in self.store.failing_endpoints().await? {
            self.store
                .disable_endpoint(endpoint, DisabledReason::Failing)
                .await?;
            tracing::warn!(%endpoint, "disabled: it has failed without a break for five days");
        }
        let mended = self.store.mend_lanes().await?;
        if mended > 0 {
            tracing::error!(mended, "due deliveries had no lane");
            self.store.lane_hint().notify_one();
        }
        postrider_store::fail_point!("delivery::retention::before");
        while self.store.clean_up(self.keep_rows).await? {
            // Others want the database too.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        postrider_store::fail_point!("delivery::retention::after");
        Ok(())
    }
}
