//! Finds deliveries that nobody will send: those of dead nodes, claims of nodes that never
//! were, and claims that this node has in the database but does not hold, as a commit leaves
//! them whose answer was lost. (What was stored fresh, the roller finds.)

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{EndpointId, MessageId};
use postrider_store::{Store, StoreResult};
use uuid::Uuid;

use crate::lanes::Lanes;
use crate::lease::Lease;
use crate::lease::monotonic;

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

/// Inherits from dead nodes and sweeps its own.
pub(crate) struct Heir {
    pub(crate) store: Store,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) lease: Arc<Lease>,
}

impl Heir {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let (mut swept, mut suspects) = (monotonic(), Suspects::default());
        loop {
            tokio::time::sleep(ROUND).await;
            if let Err(error) = self.inherit_if_due().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot look for dead nodes"
                );
            }
            if swept.elapsed() < SWEEP {
                continue;
            }
            match self.sweep(&mut suspects).await {
                Ok(()) => swept = monotonic(),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot sweep");
                }
            }
        }
    }

    async fn inherit_if_due(&self) -> StoreResult<()> {
        if self.lease.is_by_lock() || !self.lease.may_inherit() {
            return Ok(());
        }
        inherit(&self.store, self.lease.node(), false).await
    }

    async fn sweep(&self, suspects: &mut Suspects) -> StoreResult<()> {
        // Each by itself: what fails in one does not keep the other waiting.
        let orphans = self.store.free_orphans().await;
        let claims = self.sweep_claims(suspects).await;
        let freed = orphans.as_ref().unwrap_or(&0) + claims.as_ref().unwrap_or(&0);
        if freed > 0 {
            tracing::warn!(freed, "freed what was claimed and that nobody held");
            metrics::counter!("postrider_swept_total").increment(freed);
        }
        orphans.and(claims).map(|_| ())
    }

    async fn sweep_claims(&self, suspects: &mut Suspects) -> StoreResult<u64> {
        let node = self.lease.node();
        let (mut now, mut freed) = (Suspects::default(), 0);
        let unheld = |endpoint, message| !self.lanes.held.contains(endpoint, message);
        for (endpoint, message, token) in self.store.claimed_by(node, unheld, MOST).await? {
            if suspects.deliveries.contains(&(endpoint, message, token)) {
                let due = self.store.clock().now();
                let at_once = postrider_domain::Timestamp::from_micros(0);
                self.store
                    .release(endpoint, &[(message, node, token)], due, false, at_once)
                    .await?;
                freed += 1;
            } else {
                now.deliveries.insert((endpoint, message, token));
            }
        }
        for (resend, endpoint, message) in self.store.resends_by(node).await? {
            if !self.lanes.held.contains(endpoint, message) {
                now.resends.insert((resend, endpoint));
            }
        }
        let lost: Vec<_> = now
            .resends
            .intersection(&suspects.resends)
            .copied()
            .collect();
        freed += self.store.free_resends(node, &lost).await?;
        *suspects = now;
        Ok(freed)
    }
}

/// Takes over what dead nodes owned; with `all`, what every other node owned. One that cannot
/// be taken over now does not keep the others from it; the first error is the answer.
pub(crate) async fn inherit(store: &Store, node: i64, all: bool) -> StoreResult<()> {
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
