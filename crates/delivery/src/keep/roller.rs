//! Follows the journal: rolls statistics up, and sees to it that every commit's deliveries
//! are accounted for (see `owed` in the store).

use std::sync::Arc;
use std::time::Duration;

use postrider_store::{Ledger, Rollup, Store, StoreResult};

use crate::lanes::Lanes;
use crate::lease::{Lease, monotonic};
use crate::status::StatusBoard;

/// How often the journal is looked at.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks while there is more than one takes.
const BUSY: Duration = Duration::from_millis(20);
/// A look takes one part in so many of the time at most: others write too.
const SHARE: u32 = 8;
/// No rest is longer: a look that hung says nothing of the next one.
const LONGEST: Duration = Duration::from_secs(5);
/// How often old commits are looked for that still owe, in looks.
const SETTLE: u32 = 4;
/// How often the journal is trimmed, in looks.
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

/// Keeps the roll-ups up with the journal, and the account of what is owed.
pub(crate) struct Roller {
    pub(crate) store: Store,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) board: Arc<StatusBoard>,
}

impl Roller {
    /// Runs until it is dropped. Nothing is lost then: what is not rolled up yet will be.
    pub(crate) async fn run(self) {
        let mut rollup = Rollup::new(self.lease.node());
        let mut looks = Looks::default();
        loop {
            let began = monotonic();
            if rollup.ledger.node() != self.lease.node() {
                // What it wrote under its old number is others' now.
                rollup = Rollup::new(self.lease.node());
            }
            let more = match self.look(&mut rollup, &mut looks).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot follow the journal"
                    );
                    false
                }
            };
            looks.count = looks.count.wrapping_add(1);
            let rest = if more { BUSY } else { POLL };
            tokio::select! {
                () = tokio::time::sleep((began.elapsed() * SHARE).clamp(rest, LONGEST)) => {}
                () = self.store.owed_hint().notified() => {}
            }
        }
    }

    /// Says whether there is more to be done at once.
    async fn look(&self, rollup: &mut Rollup, looks: &mut Looks) -> StoreResult<bool> {
        // Before the journal is read: what is not held now has its outcome in it, if it has one.
        let held = &self.lanes.held;
        let now = self.store.clock().now();
        let is_held = |endpoint, message| held.contains(endpoint, message);
        let unheld = rollup.ledger.unheld(now, is_held);
        postrider_store::fail_point!("delivery::roll-up::before");
        let rolled = self.store.roll_up(rollup).await;
        postrider_store::fail_point!("delivery::roll-up::after");
        let mut more = matches!(rolled, Ok(true));
        if !more {
            // Whatever stands in the way of statistics, what is owed is looked after.
            more = self.account(&mut rollup.ledger, &unheld).await?;
            if looks.unsettled || looks.count.is_multiple_of(SETTLE) {
                looks.unsettled = self.settle(&mut rollup.ledger).await?;
                more |= looks.unsettled;
            }
        }
        if looks.count.is_multiple_of(TRIM) {
            while self.store.trim_journal().await? {
                tokio::time::sleep(BUSY).await;
            }
        }
        if looks.count.is_multiple_of(COUNT) {
            self.board
                .set_unaccounted(self.store.unaccounted().await?.sum());
        }
        rolled?;
        Ok(more)
    }

    /// Looks at what the journal alone does not account for.
    async fn account(
        &self,
        ledger: &mut Ledger,
        unheld: &[(postrider_domain::EndpointId, postrider_domain::MessageId)],
    ) -> StoreResult<bool> {
        freed(self.store.free_unheld(ledger, unheld).await?);
        self.store.adopt_owed(ledger).await
    }

    /// Looks at what is older than any send that is under way.
    async fn settle(&self, ledger: &mut Ledger) -> StoreResult<bool> {
        let held = &self.lanes.held;
        let settled = self
            .store
            .settle_owed(ledger, |endpoint, message| held.contains(endpoint, message))
            .await?;
        freed(settled.freed);
        Ok(settled.more)
    }
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
