//! The only place of the bench that reads a clock: what it measures is real time.

use std::time::{Duration, Instant};

/// The moment, as the operating system's monotonic clock has it.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench measures real time; every other module takes it from here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Counts nanoseconds from its creation, so that moments fit an atomic integer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self { zero: now() }
    }

    /// Nanoseconds since the start; never 0, which stands for "not yet" elsewhere.
    pub(crate) fn nanos(self) -> u64 {
        self.nanos_at(now())
    }

    /// Nanoseconds from the start to `moment`; never 0.
    pub(crate) fn nanos_at(self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.zero).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX).max(1)
    }
}

/// Seconds as people read them.
pub(crate) fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}
