//! This node's lease: renewed in the database, counted down on the monotonic clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::{MessageId, NodeId};
use postrider_store::{Engine, Store, StoreResult};
use tokio::time::Instant;

use crate::lanes::Lanes;

/// What a send's end may be late by: scheduling, and the clock's grain.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a message may be on its way from its id to the lanes.
const ON_ITS_WAY: Duration = Duration::from_secs(30);
/// How often rows that nobody holds are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// A node's right to send.
#[derive(Debug)]
pub(crate) struct Lease {
    node: AtomicI64,
    length: Duration,
    until: Mutex<Instant>,
    /// Since when the database has answered without a break.
    reachable_since: Mutex<Option<Instant>>,
    /// On SQLite the file's lock is the lease.
    by_lock: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "leases count down on the monotonic clock, whatever the time is"
)]
fn monotonic() -> Instant {
    Instant::now()
}

impl Lease {
    /// Enters the node and takes its first lease.
    pub(crate) async fn take(store: &Store, role: &str, length: Duration) -> StoreResult<Self> {
        let asked = monotonic();
        let node = store
            .register_node(NodeId::mint(store.clock().now()), role, length)
            .await?;
        Ok(Self {
            node: AtomicI64::new(node),
            length,
            until: Mutex::new(asked + length),
            reachable_since: Mutex::new(Some(asked)),
            by_lock: store.engine() == Engine::Sqlite,
        })
    }

    /// The number under which this node owns deliveries.
    pub(crate) fn node(&self) -> i64 {
        self.node.load(Ordering::Relaxed)
    }

    /// Whether a send that may take `deadline` would end within the lease.
    pub(crate) fn covers(&self, deadline: Duration) -> bool {
        self.by_lock || monotonic() + deadline + MARGIN <= *self.until.lock()
    }

    /// Renews the lease. If others have given this node up, it enters anew, and what
    /// it held is forgotten: it is theirs.
    async fn renew(&self, store: &Store, lanes: &Lanes, role: &str) -> StoreResult<()> {
        let asked = monotonic();
        let floor = floor(store, lanes);
        if store.heartbeat(self.node(), self.length, floor).await? {
            *self.until.lock() = asked + self.length;
            return Ok(());
        }
        tracing::error!(
            node = self.node(),
            "this node was given up by the others; starting over"
        );
        metrics::counter!("postrider_lost_leases_total").increment(1);
        let node = store
            .register_node(NodeId::mint(store.clock().now()), role, self.length)
            .await?;
        self.node.store(node, Ordering::Relaxed);
        lanes.forget();
        *self.until.lock() = asked + self.length;
        Ok(())
    }

    /// Whether the database has answered for a whole lease: only then a silent node is
    /// surely dead, and not merely as cut off as we were.
    fn may_inherit(&self) -> bool {
        self.reachable_since
            .lock()
            .is_some_and(|since| since.elapsed() >= self.length)
    }
}

/// No delivery in this node's hand that came fresh from a publish is older than this.
fn floor(store: &Store, lanes: &Lanes) -> MessageId {
    let recent = MessageId::floor(store.clock().now().minus(ON_ITS_WAY));
    lanes
        .held
        .floor()
        .map_or(recent, |oldest| oldest.min(recent))
}

/// Keeps the lease, inherits from dead nodes, and frees what nobody holds.
pub(crate) struct LeaseKeeper {
    pub(crate) store: Store,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) role: &'static str,
}

impl LeaseKeeper {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut swept = monotonic();
        loop {
            tokio::time::sleep(self.lease.length / 5).await;
            match self.round(&mut swept).await {
                Ok(()) => {
                    self.lease
                        .reachable_since
                        .lock()
                        .get_or_insert_with(monotonic);
                }
                Err(error) => {
                    *self.lease.reachable_since.lock() = None;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot renew the lease"
                    );
                }
            }
        }
    }

    async fn round(&self, swept: &mut Instant) -> StoreResult<()> {
        self.lease
            .renew(&self.store, &self.lanes, self.role)
            .await?;
        self.store.set_clock().await?;
        if !self.lease.by_lock && self.lease.may_inherit() {
            inherit(&self.store, self.lease.node(), false).await?;
        }
        if swept.elapsed() >= SWEEP {
            *swept = monotonic();
            self.sweep().await?;
        }
        Ok(())
    }

    async fn sweep(&self) -> StoreResult<()> {
        let now = self.store.clock().now();
        let before = MessageId::floor(now.minus(ON_ITS_WAY));
        // Far enough back for every commit whose answer can have been lost since the
        // last sweep.
        let since = floor(&self.store, &self.lanes)
            .min(MessageId::floor(now.minus(ON_ITS_WAY + SWEEP * 4)));
        let freed = self
            .store
            .release_unheld(self.lease.node(), since, before, |endpoint, message| {
                self.lanes.held.contains(endpoint, message)
            })
            .await?;
        if freed > 0 {
            tracing::warn!(freed, "freed deliveries that were stored and not held");
        }
        Ok(())
    }
}

/// Takes over what dead nodes owned; with `all`, what every other node owned.
pub(crate) async fn inherit(store: &Store, node: i64, all: bool) -> StoreResult<()> {
    for dead in store.dead_nodes(node, all).await? {
        let freed = store.take_over(dead).await?;
        tracing::info!(
            node = dead.number,
            freed,
            "took over the deliveries of a node that is gone"
        );
    }
    Ok(())
}
