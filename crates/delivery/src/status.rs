//! How the pipeline is doing, for health and metrics: written by its parts, read by all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use postrider_domain::Timestamp;
use postrider_store::Clock;

use crate::lease::monotonic;
use crate::pulse::{Pulses, ServiceStatus};

/// A look at the pipeline at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineStatus {
    /// Whether the committer's last batch went through and it takes more.
    pub accepting: bool,
    /// Whether the worker runs; `None` on a node that does not deliver.
    pub worker_alive: Option<bool>,
    /// Whether the claimer's last round went through lately; `None` on a node that does not deliver.
    pub claimer_alive: Option<bool>,
    /// Whether the disk has room for messages; `None` where no disk is looked at.
    pub disk: Option<bool>,
    /// For how long the oldest due delivery has waited, as the claimer last saw it.
    pub oldest_due: Option<Duration>,
    /// What is owed, in nobody's hand and not due: see [`postrider_store::Unaccounted`].
    pub unaccounted: i64,
    /// Whether it has been 0 within the last minute.
    pub accounted: bool,
    /// The services of the node, by name.
    pub services: Vec<ServiceStatus>,
}

/// How long a refusal counts: without a publisher nothing would ever disprove it, and
/// without a good report a load balancer sends no publisher.
const REFUSAL: Duration = Duration::from_secs(5);
/// Silence after which the claimer counts as dead: it makes several rounds a second.
const CLAIMER_SILENCE: Duration = Duration::from_secs(30);

/// For how long something may be unaccounted for: whoever takes it over needs its time.
const UNACCOUNTED: Duration = Duration::from_mins(1);

const DISK_UNKNOWN: u8 = 0;
const DISK_ENOUGH: u8 = 1;
const DISK_LOW: u8 = 2;

/// Where the parts of the pipeline write how they are.
#[derive(Debug)]
pub(crate) struct StatusBoard {
    clock: Clock,
    delivers: bool,
    /// Microseconds of the last batch that could not be written; 0: the last one could.
    refused_at: AtomicI64,
    worker_alive: AtomicBool,
    /// One of the three below.
    disk: AtomicU8,
    /// Microseconds of the claimer's last good round.
    claimed_at: AtomicI64,
    /// Microseconds since when the oldest due delivery has been due; 0: none.
    oldest_due: AtomicI64,
    unaccounted: AtomicI64,
    /// Microseconds since when something has been unaccounted for; 0: nothing is.
    unaccounted_since: AtomicI64,
    pulses: Arc<Pulses>,
}

impl StatusBoard {
    pub(crate) fn new(clock: Clock, delivers: bool, pulses: Arc<Pulses>) -> Self {
        let now = clock.now().micros();
        Self {
            clock,
            delivers,
            refused_at: AtomicI64::new(0),
            worker_alive: AtomicBool::new(false),
            disk: AtomicU8::new(DISK_UNKNOWN),
            claimed_at: AtomicI64::new(now),
            oldest_due: AtomicI64::new(0),
            unaccounted: AtomicI64::new(0),
            unaccounted_since: AtomicI64::new(0),
            pulses,
        }
    }

    pub(crate) fn set_unaccounted(&self, count: i64) {
        self.unaccounted.store(count, Ordering::Relaxed);
        let since = self.unaccounted_since.load(Ordering::Relaxed);
        let since = match (count, since) {
            (0, _) => 0,
            (_, 0) => self.clock.now().micros(),
            (_, since) => since,
        };
        self.unaccounted_since.store(since, Ordering::Relaxed);
        metrics::gauge!("postrider_unaccounted").set(count as f64);
    }

    /// Whether nothing has been unaccounted for a minute.
    fn accounted(&self, now: Timestamp) -> bool {
        let since = self.unaccounted_since.load(Ordering::Relaxed);
        since == 0 || now.since(Timestamp::from_micros(since)) < UNACCOUNTED
    }

    pub(crate) fn set_accepting(&self, accepting: bool) {
        let refused_at = if accepting {
            0
        } else {
            self.clock.now().micros()
        };
        self.refused_at.store(refused_at, Ordering::Relaxed);
    }

    pub(crate) fn set_worker_alive(&self, alive: bool) {
        self.worker_alive.store(alive, Ordering::Relaxed);
    }

    pub(crate) fn set_disk_low(&self, low: bool) {
        let disk = if low { DISK_LOW } else { DISK_ENOUGH };
        self.disk.store(disk, Ordering::Relaxed);
    }

    /// Whether the disk is too full to take messages.
    pub(crate) fn disk_low(&self) -> bool {
        self.disk.load(Ordering::Relaxed) == DISK_LOW
    }

    pub(crate) fn claimer_round(&self, oldest_due: Option<Timestamp>) {
        self.claimed_at
            .store(self.clock.now().micros(), Ordering::Relaxed);
        self.oldest_due
            .store(oldest_due.map_or(0, Timestamp::micros), Ordering::Relaxed);
    }

    pub(crate) fn status(&self) -> PipelineStatus {
        let now = self.clock.now();
        let claimed = Timestamp::from_micros(self.claimed_at.load(Ordering::Relaxed));
        let oldest = self.oldest_due.load(Ordering::Relaxed);
        let refused = self.refused_at.load(Ordering::Relaxed);
        PipelineStatus {
            accepting: refused == 0 || now.since(Timestamp::from_micros(refused)) > REFUSAL,
            worker_alive: self
                .delivers
                .then(|| self.worker_alive.load(Ordering::Relaxed)),
            claimer_alive: self
                .delivers
                // A test's clock leaps over rounds that had no time to happen.
                .then(|| self.clock.is_manual() || now.since(claimed) < CLAIMER_SILENCE),
            disk: match self.disk.load(Ordering::Relaxed) {
                DISK_UNKNOWN => None,
                disk => Some(disk == DISK_ENOUGH),
            },
            oldest_due: (oldest > 0).then(|| now.since(Timestamp::from_micros(oldest))),
            unaccounted: self.unaccounted.load(Ordering::Relaxed),
            accounted: self.accounted(now),
            services: self.pulses.status(monotonic()),
        }
    }
}
