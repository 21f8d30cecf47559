//! Renews this node's lease, and enters it anew where others have given it up.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::NodeId;
use postrider_store::{Store, StoreError, StoreResult};

use crate::lanes::Lanes;
use crate::lease::{Lease, monotonic};

/// How often the lease is renewed.
const BEAT: Duration = Duration::from_secs(1);
/// How long the database may take over a renewal.
const PATIENCE: Duration = Duration::from_secs(4);

/// Renews the lease.
pub(crate) struct Heart {
    pub(crate) store: Store,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) role: &'static str,
}

impl Heart {
    /// Beats until it is dropped.
    pub(crate) async fn run(self) {
        loop {
            tokio::time::sleep(BEAT).await;
            let beat = tokio::time::timeout(PATIENCE, self.beat()).await;
            match beat.unwrap_or(Err(StoreError::TimedOut("renewing the lease"))) {
                Ok(()) => {
                    self.lease.answered();
                    // What waited for the lease may go on.
                    self.lanes.wake();
                }
                Err(error) => {
                    self.lease.unanswered();
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot renew the lease"
                    );
                }
            }
        }
    }

    /// If others have given this node up, it enters anew, and what it held is forgotten:
    /// it is theirs.
    async fn beat(&self) -> StoreResult<()> {
        let (asked, (id, length)) = (monotonic(), self.lease.asked_for());
        if !self.store.heartbeat(id, self.lease.node(), length).await? {
            tracing::error!(
                node = self.lease.node(),
                "this node was given up by the others; starting over"
            );
            metrics::counter!("postrider_lost_leases_total").increment(1);
            let id = NodeId::mint(self.store.clock().now());
            let node = self.store.register_node(id, self.role, length).await?;
            self.lanes.forget();
            self.lease.entered(id, node);
        }
        self.lease.renewed(asked, length);
        self.store.set_clock().await.map(|_| ())
    }
}
