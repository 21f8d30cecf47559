//! Endpoint health: when an endpoint has failed for so long that it is disabled
//! (Standard Webhooks 1.0.0 recommends disabling after long failure).

use std::time::Duration;

use crate::Timestamp;

/// An endpoint is disabled after failing without a break for this long.
pub const FAILING_FOR: Duration = Duration::from_hours(5 * 24);
/// ... provided that it failed within this time: an endpoint that nothing is
/// sent to has not been shown to be broken still.
pub const FAILED_WITHIN: Duration = Duration::from_hours(72);

/// The unbroken run of failures that an endpoint is in, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The first failure since the last success.
    pub first_failure_at: Option<Timestamp>,
    /// The latest failure since the last success.
    pub last_failure_at: Option<Timestamp>,
}

impl Health {
    /// The same run with one more failure; attempts may end out of order.
    pub fn after_failure(self, at: Timestamp) -> Self {
        Self {
            first_failure_at: Some(self.first_failure_at.map_or(at, |first| first.min(at))),
            last_failure_at: Some(self.last_failure_at.map_or(at, |last| last.max(at))),
        }
    }

    /// A success ends the run.
    pub fn after_success(self) -> Self {
        Self::default()
    }

    /// Whether the endpoint is to be disabled as failing: [`FAILING_FOR`] without
    /// a success, with a failure in the last [`FAILED_WITHIN`].
    pub fn should_disable(&self, now: Timestamp) -> bool {
        let (Some(first), Some(last)) = (self.first_failure_at, self.last_failure_at) else {
            return false;
        };
        now.since(first) >= FAILING_FOR && now.since(last) <= FAILED_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000).plus(Duration::from_secs(hours * HOUR))
    }

    fn failing(first: u64, last: u64) -> Health {
        Health::default()
            .after_failure(at(first))
            .after_failure(at(last))
    }

    #[test]
    fn five_days_of_failures_disable_and_a_moment_less_does_not() {
        let run = failing(0, 119);
        assert!(run.should_disable(at(120)));
        assert!(!run.should_disable(at(120).minus(Duration::from_micros(1))));
    }

    #[test]
    fn a_run_without_a_failure_in_the_last_72_hours_does_not_disable() {
        let run = failing(0, 100);
        assert!(run.should_disable(at(172)));
        assert!(!run.should_disable(at(172).plus(Duration::from_micros(1))));
        assert!(run.after_failure(at(200)).should_disable(at(200)));
    }

    #[test]
    fn a_success_ends_the_run() {
        let run = failing(0, 119).after_success().after_failure(at(120));
        assert_eq!(run, failing(120, 120));
        assert!(!run.should_disable(at(121)));
    }

    #[test]
    fn an_endpoint_that_never_failed_is_never_disabled() {
        assert!(!Health::default().should_disable(at(10_000)));
    }

    #[test]
    fn failures_reported_out_of_order_make_the_same_run() {
        assert_eq!(failing(7, 3), failing(3, 7));
    }

    #[test]
    fn a_clock_that_steps_back_disables_nothing() {
        assert!(!failing(100, 200).should_disable(at(50)));
    }
}
