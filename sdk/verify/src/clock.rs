//! The one place that reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The system's time in Unix seconds. A clock set before 1970 gives a negative
/// time, under which every message is too new.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever calls this asks for the real time"
)]
pub(crate) fn system_now() -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => seconds(after),
        Err(before) => -seconds(before.duration()),
    }
}
