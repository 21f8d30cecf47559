//! This node's lease: renewed in the database, counted down on the monotonic clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::NodeId;
use postrider_store::{Engine, Store, StoreError, StoreResult};
use tokio::time::Instant;

use crate::lanes::Lanes;

/// What a send's end may be late by: scheduling, and the clock's grain.
const MARGIN: Duration = Duration::from_secs(2);
/// How often the lease is renewed.
const BEAT: Duration = Duration::from_secs(1);
/// How long the database may take over a renewal.
const PATIENCE: Duration = Duration::from_secs(4);
/// What a lease has beyond the longest send, so that it covers one between two beats.
const SLACK: Duration = Duration::from_secs(5);

/// A node's right to send, and to write under its number.
#[derive(Debug)]
pub(crate) struct Lease {
    node: AtomicI64,
    /// Who has that number.
    id: Mutex<NodeId>,
    length: Mutex<Duration>,
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
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

impl Lease {
    /// Enters the node and takes its first lease.
    pub(crate) async fn take(store: &Store, role: &str, length: Duration) -> StoreResult<Self> {
        let asked = monotonic();
        let id = NodeId::mint(store.clock().now());
        let node = store.register_node(id, role, length).await?;
        Ok(Self {
            node: AtomicI64::new(node),
            id: Mutex::new(id),
            length: Mutex::new(length),
            until: Mutex::new(asked + length),
            reachable_since: Mutex::new(Some(asked)),
            by_lock: store.engine() == Engine::Sqlite,
        })
    }

    /// The number under which this node owns deliveries.
    pub(crate) fn node(&self) -> i64 {
        self.node.load(Ordering::Acquire)
    }

    /// Whether a send that may take `deadline` would end within the lease.
    pub(crate) fn covers(&self, deadline: Duration) -> bool {
        self.by_lock || monotonic() + deadline + MARGIN <= *self.until.lock()
    }

    /// Makes the lease long enough for such a send, from the next beat on.
    pub(crate) fn lengthen_for(&self, deadline: Duration) {
        let mut length = self.length.lock();
        *length = (*length).max(deadline + SLACK);
    }

    pub(super) fn is_by_lock(&self) -> bool {
        self.by_lock
    }

    /// Whether the database has answered for a whole lease: only then a silent node is
    /// surely dead, and not merely as cut off as we were.
    pub(super) fn may_inherit(&self) -> bool {
        let length = *self.length.lock();
        self.reachable_since
            .lock()
            .is_some_and(|since| since.elapsed() >= length)
    }
}

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
                    self.lease
                        .reachable_since
                        .lock()
                        .get_or_insert_with(monotonic);
                    // What waited for the lease may go on.
                    self.lanes.wake();
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

    /// If others have given this node up, it enters anew, and what it held is forgotten:
    /// it is theirs.
    async fn beat(&self) -> StoreResult<()> {
        let (asked, length) = (monotonic(), *self.lease.length.lock());
        let id = *self.lease.id.lock();
        if !self.store.heartbeat(id, self.lease.node(), length).await? {
            tracing::error!(
                node = self.lease.node(),
                "this node was given up by the others; starting over"
            );
            metrics::counter!("postrider_lost_leases_total").increment(1);
            let id = NodeId::mint(self.store.clock().now());
            let node = self.store.register_node(id, self.role, length).await?;
            self.lanes.forget();
            *self.lease.id.lock() = id;
            self.lease.node.store(node, Ordering::Release);
        }
        *self.lease.until.lock() = asked + length;
        self.store.set_clock().await.map(|_| ())
    }
}
