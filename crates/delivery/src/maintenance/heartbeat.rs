//! Renews this node's lease, and enters it anew where others have given it up.

use std::time::Duration;

use postrider_domain::NodeId;
use postrider_store::{StoreError, StoreResult};

use super::{Next, Service};
use crate::lease::monotonic;
use crate::node::Node;

/// How often the lease is renewed.
const BEAT: Duration = Duration::from_secs(1);
/// How long the database may take over a renewal.
const PATIENCE: Duration = Duration::from_secs(4);

/// Renews the lease.
pub(crate) struct Heartbeat;

impl Service for Heartbeat {
    const NAME: &'static str = "heartbeat";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let beat = tokio::time::timeout(PATIENCE, beat(node)).await;
        beat.unwrap_or(Err(StoreError::TimedOut("renewing the lease")))
            .inspect_err(|_| node.lease.unanswered())?;
        node.lease.answered();
        // What waited for the lease may go on.
        node.lanes.wake();
        Ok(Next::Within(BEAT))
    }
}

/// If others have given this node up, it enters anew, and what it held is forgotten: it is
/// theirs.
async fn beat(node: &Node) -> StoreResult<()> {
    let (asked, (id, length)) = (monotonic(), node.lease.asked_for());
    if !node.store.heartbeat(id, node.lease.node(), length).await? {
        tracing::error!(
            node = node.lease.node(),
            "this node was given up by the others; starting over"
        );
        metrics::counter!("postrider_lost_leases_total").increment(1);
        let id = NodeId::mint(node.store.clock().now());
        let role = node.settings.role.word();
        let number = node.store.register_node(id, role, length).await?;
        node.lanes.forget();
        node.lease.entered(id, number);
    }
    node.lease.renewed(asked, length);
    node.store.set_clock().await.map(|_| ())
}
