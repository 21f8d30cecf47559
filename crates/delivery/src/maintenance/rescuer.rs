//! Finds deliveries that nobody will send: those of dead nodes, claims of nodes that never
//! were, and claims that this node has in the database but does not hold, as a commit leaves
//! them whose answer was lost. (What was stored fresh, the roll-up finds.)

use std::collections::HashSet;
use std::time::Duration;

use postrider_domain::{EndpointId, MessageId};
use postrider_store::{Store, StoreResult};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Next, Service};
use crate::lease::monotonic;
use crate::node::Node;

/// How often dead nodes are looked for.
const ROUND: Duration = Duration::from_secs(2);
/// How often this node's own rows are looked through.
const SWEEP: Duration = Duration::from_secs(15);

/// Claims that nobody holds that are looked after at once: a bound for memory. Those beyond it
/// have their turn when these are freed.
const MOST: usize = 100_000;

/// Claims that nobody held at the last sweep; at the next they are lost, if they still
/// have the same token: a claim may be on its way to the lanes.
#[derive(Default)]
struct Suspects {
    deliveries: HashSet<(EndpointId, MessageId, i32)>,
    resends: HashSet<(Uuid, EndpointId)>,
}

/// Takes over from dead nodes, and sweeps its own node's claims.
pub(crate) struct Rescuer {
    swept: Instant,
    suspects: Suspects,
}

impl Rescuer {
    /// The first sweep is a whole round away.
    pub(crate) fn new() -> Self {
        Self {
            swept: monotonic(),
            suspects: Suspects::default(),
        }
    }
}

impl Service for Rescuer {
    const NAME: &'static str = "rescuer";

    /// Each by itself: what fails in one does not keep the other waiting.
    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let taken = take_over_if_due(node).await;
        if self.swept.elapsed() >= SWEEP {
            sweep(node, &mut self.suspects).await?;
            self.swept = monotonic();
        }
        taken.map(|()| Next::Within(ROUND))
    }
}

async fn take_over_if_due(node: &Node) -> StoreResult<()> {
    if node.lease.is_by_lock() || !node.lease.may_take_over() {
        return Ok(());
    }
    take_over(&node.store, node.lease.node(), false).await
}

async fn sweep(node: &Node, suspects: &mut Suspects) -> StoreResult<()> {
    // Each by itself: what fails in one does not keep the other waiting.
    let orphans = node.store.free_orphans().await;
    let claims = sweep_claims(node, suspects).await;
    let freed = orphans.as_ref().unwrap_or(&0) + claims.as_ref().unwrap_or(&0);
    if freed > 0 {
        tracing::warn!(freed, "freed what was claimed and that nobody held");
        metrics::counter!("postrider_swept_total").increment(freed);
    }
    orphans.and(claims).map(|_| ())
}

async fn sweep_claims(node: &Node, suspects: &mut Suspects) -> StoreResult<u64> {
    let number = node.lease.node();
    let (mut now, mut freed) = (Suspects::default(), 0);
    let unheld = |endpoint, message| !node.lanes.held.contains(endpoint, message);
    for (endpoint, message, token) in node.store.claimed_by(number, unheld, MOST).await? {
        if suspects.deliveries.contains(&(endpoint, message, token)) {
            let due = node.store.clock().now();
            let at_once = postrider_domain::Timestamp::from_micros(0);
            node.store
                .release(endpoint, &[(message, number, token)], due, false, at_once)
                .await?;
            freed += 1;
        } else {
            now.deliveries.insert((endpoint, message, token));
        }
    }
    for (resend, endpoint, message) in node.store.resends_by(number).await? {
        if !node.lanes.held.contains(endpoint, message) {
            now.resends.insert((resend, endpoint));
        }
    }
    let lost: Vec<_> = now
        .resends
        .intersection(&suspects.resends)
        .copied()
        .collect();
    freed += node.store.free_resends(number, &lost).await?;
    *suspects = now;
    Ok(freed)
}

/// Takes over what dead nodes owned; with `all`, what every other node owned. One that cannot
/// be taken over now does not keep the others from it; the first error is the answer.
pub(crate) async fn take_over(store: &Store, node: i64, all: bool) -> StoreResult<()> {
    let mut result = Ok(());
    for dead in store.dead_nodes(node, all).await? {
        postrider_store::fail_point!("delivery::take-over::before");
        let taken = store.take_over(dead).await;
        postrider_store::fail_point!("delivery::take-over::after");
        match taken {
            Ok(None) => tracing::warn!(
                node = dead,
                "left a node that is no longer given up: the database went back"
            ),
            Ok(Some(freed)) => tracing::info!(
                node = dead,
                freed,
                "took over the deliveries of a node that is gone"
            ),
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}
