//! The machine's clocks, for a test kit whose subject runs in real time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When something arrived.
#[expect(
    clippy::disallowed_methods,
    reason = "receivers note when a request arrived"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whole seconds since the Unix epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "names of test databases tell their age; signatures are checked against the real time"
)]
pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A time so many days before now, as the API takes it.
pub fn days_ago(days: u32) -> String {
    let seconds = unix_seconds().cast_signed() - i64::from(days) * 86_400;
    postrider_domain::Timestamp::from_seconds(seconds)
        .to_chrono()
        .to_rfc3339()
}
