//! Where the time comes from.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The system's clock, or one that the receiver was given.
#[derive(Clone)]
pub(crate) struct Clock(Option<Arc<dyn Fn() -> i64 + Send + Sync>>);

impl Clock {
    pub(crate) const SYSTEM: Self = Self(None);

    pub(crate) fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    pub(crate) fn now(&self) -> i64 {
        self.0.as_ref().map_or_else(system_now, |now| now())
    }
}

/// The system's time in Unix seconds. A clock set before 1970 gives a negative
/// time, under which every message is too new.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever gives no clock asks for the real time"
)]
fn system_now() -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => seconds(after),
        Err(before) => -seconds(before.duration()),
    }
}
