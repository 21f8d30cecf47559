//! The time that deliveries are judged by: the database's, carried on by the
//! monotonic clock, or a test's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use postrider_domain::Timestamp;
use tokio::sync::watch;

/// A clock to ask and to wait on. Clones share one time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System {
        started: Instant,
        /// Microseconds since the epoch at `started`.
        base: AtomicI64,
    },
    Manual(watch::Sender<Timestamp>),
}

impl Clock {
    /// The machine's time at this moment, carried on by the monotonic clock, so
    /// that a step of the machine's clock moves nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clocks"
    )]
    pub fn system() -> Self {
        let base = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
            });
        Self(Arc::new(Kind::System {
            started: Instant::now(),
            base: AtomicI64::new(base),
        }))
    }

    /// A clock that stands still at `start` until its handle moves it.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let (sender, _) = watch::channel(start);
        let clock = Self(Arc::new(Kind::Manual(sender)));
        (clock.clone(), ManualClock(clock))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::System { started, base } => {
                Timestamp::from_micros(base.load(Ordering::Relaxed)).plus(started.elapsed())
            }
            Kind::Manual(sender) => *sender.borrow(),
        }
    }

    /// Sets a system clock by the database's `now`, read at this moment; a manual
    /// clock keeps its own time. Returns by how much the time moved, in microseconds.
    pub fn set_by(&self, now: Timestamp) -> i64 {
        match &*self.0 {
            Kind::System { base, .. } => {
                let step = now.micros() - self.now().micros();
                base.fetch_add(step, Ordering::Relaxed);
                step
            }
            Kind::Manual(_) => 0,
        }
    }

    /// Whether this is a test's clock, which no database may set.
    pub fn is_manual(&self) -> bool {
        matches!(*self.0, Kind::Manual(_))
    }

    /// Returns when the time is `time` or later.
    pub async fn sleep_until(&self, time: Timestamp) {
        match &*self.0 {
            Kind::System { .. } => loop {
                let left = time.since(self.now());
                if left.is_zero() {
                    return;
                }
                // In slices, so that a clock set forward is noticed.
                tokio::time::sleep(left.min(Duration::from_mins(1))).await;
            },
            Kind::Manual(sender) => {
                // The sender lives as long as this clock, so waiting cannot fail.
                let _ = sender.subscribe().wait_for(|now| *now >= time).await;
            }
        }
    }

    /// Returns after `duration` of this clock.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now().plus(duration)).await;
    }
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Clock);

impl ManualClock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Moves the time on by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.advance_to(self.now().plus(duration));
    }

    /// Moves the time to `time`, never back.
    pub fn advance_to(&self, time: Timestamp) {
        if let Kind::Manual(sender) = &*self.0.0 {
            sender.send_modify(|now| *now = time.max(*now));
        }
    }
}
