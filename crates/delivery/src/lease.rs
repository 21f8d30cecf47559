//! This node's lease: renewed in the database, counted down on the monotonic clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::NodeId;
use postrider_store::{Engine, Store, StoreResult};
use tokio::time::Instant;

/// What a send's end may be late by: scheduling, and the clock's grain.
const MARGIN: Duration = Duration::from_secs(2);
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

    pub(crate) fn is_by_lock(&self) -> bool {
        self.by_lock
    }

    /// Whether the database has answered for a whole lease: only then a silent node is
    /// surely dead, and not merely as cut off as we were.
    pub(crate) fn may_take_over(&self) -> bool {
        let length = *self.length.lock();
        self.reachable_since
            .lock()
            .is_some_and(|since| since.elapsed() >= length)
    }

    /// Whose it is, and how long it is to be from the next beat on.
    pub(crate) fn asked_for(&self) -> (NodeId, Duration) {
        (*self.id.lock(), *self.length.lock())
    }

    /// The node was given up, and has entered anew as this one.
    pub(crate) fn entered(&self, id: NodeId, node: i64) {
        *self.id.lock() = id;
        self.node.store(node, Ordering::Release);
    }

    /// The database has renewed it for `length` since `asked`.
    pub(crate) fn renewed(&self, asked: Instant, length: Duration) {
        *self.until.lock() = asked + length;
    }

    /// The database answers.
    pub(crate) fn answered(&self) {
        self.reachable_since.lock().get_or_insert_with(monotonic);
    }

    /// The database does not answer.
    pub(crate) fn unanswered(&self) {
        *self.reachable_since.lock() = None;
    }
}
