//! Follows the commit log: rolls statistics up, and sees to it that every commit's deliveries
//! are accounted for (see `owed` in the store).

use std::time::Duration;

use postrider_domain::{EndpointId, MessageId};
use postrider_store::{Ledger, Rollup, StoreResult};
use tokio::sync::Notify;

use super::{Next, Service};
use crate::lease::monotonic;
use crate::node::Node;

/// How often the commit log is looked at.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks while there is more than one takes.
const BUSY: Duration = Duration::from_millis(20);
/// A look takes one part in so many of the time at most: others write too.
const SHARE: u32 = 8;
/// No rest is longer: a look that hung says nothing of the next one.
const LONGEST: Duration = Duration::from_secs(5);
/// How often old commits are looked for that still owe, in looks.
const SETTLE: u32 = 4;
/// How often the commit log is trimmed, in looks.
const TRIM: u32 = 30;
/// How often what nobody accounts for is counted, in looks.
const COUNT: u32 = 15;

/// Which look it is.
#[derive(Default)]
struct Looks {
    count: u32,
    /// Whether the last look at old commits left some of them.
    unsettled: bool,
}

/// Keeps the roll-ups up with the commit log, and the account of what is owed. What is not rolled
/// up yet when it ends will be by others.
pub(crate) struct RollupService {
    rollup: Rollup,
    looks: Looks,
}

impl RollupService {
    pub(crate) fn of(node: i64) -> Self {
        Self {
            rollup: Rollup::new(node),
            looks: Looks::default(),
        }
    }
}

impl Service for RollupService {
    const NAME: &'static str = "rollup";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let began = monotonic();
        if self.rollup.ledger.node() != node.lease.node() {
            // What it wrote under its old number is others' now.
            self.rollup = Rollup::new(node.lease.node());
        }
        let more = self.look(node).await;
        self.looks.count = self.looks.count.wrapping_add(1);
        let rest = if more? { BUSY } else { POLL };
        let share = began.elapsed() * SHARE;
        Ok(Next::Within(share.clamp(rest, LONGEST)))
    }

    fn hint(node: &Node) -> Option<&Notify> {
        Some(node.store.owed_hint())
    }
}

impl RollupService {
    /// Says whether there is more to be done at once.
    async fn look(&mut self, node: &Node) -> StoreResult<bool> {
        // Before the commit log is read: what is not held now has its outcome in it, if it has one.
        let (rollup, looks) = (&mut self.rollup, &mut self.looks);
        let held = &node.lanes.held;
        let now = node.store.clock().now();
        let is_held = |endpoint, message| held.contains(endpoint, message);
        let unheld = rollup.ledger.unheld(now, is_held);
        postrider_store::fail_point!("delivery::roll-up::before");
        let rolled = node.store.roll_up(rollup).await;
        postrider_store::fail_point!("delivery::roll-up::after");
        let mut more = matches!(rolled, Ok(true));
        if !more {
            // Whatever stands in the way of statistics, what is owed is looked after.
            more = account(node, &mut rollup.ledger, &unheld).await?;
            if looks.unsettled || looks.count.is_multiple_of(SETTLE) {
                looks.unsettled = settle(node, &mut rollup.ledger).await?;
                more |= looks.unsettled;
            }
        }
        if looks.count.is_multiple_of(TRIM) {
            while node.store.trim_journal().await? {
                tokio::time::sleep(BUSY).await;
            }
        }
        if looks.count.is_multiple_of(COUNT) {
            node.board
                .set_unaccounted(node.store.unaccounted().await?.sum());
        }
        rolled?;
        Ok(more)
    }
}

/// Looks at what the commit log alone does not account for.
async fn account(
    node: &Node,
    ledger: &mut Ledger,
    unheld: &[(EndpointId, MessageId)],
) -> StoreResult<bool> {
    freed(node.store.free_unheld(ledger, unheld).await?);
    node.store.adopt_owed(ledger).await
}

/// Looks at what is older than any send that is under way.
async fn settle(node: &Node, ledger: &mut Ledger) -> StoreResult<bool> {
    let held = &node.lanes.held;
    let settled = node
        .store
        .settle_owed(ledger, |endpoint, message| held.contains(endpoint, message))
        .await?;
    freed(settled.freed);
    Ok(settled.more)
}

/// Tells of deliveries that were freed.
fn freed(count: u64) {
    if count > 0 {
        tracing::warn!(
            freed = count,
            "freed deliveries that were stored and that nobody held"
        );
        metrics::counter!("postrider_swept_total").increment(count);
    }
}
