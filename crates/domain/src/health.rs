//! Endpoint health: how an endpoint does, and when it has failed for so long that it is
//! disabled (Standard Webhooks 1.0.0 recommends disabling after long failure).

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

/// How an endpoint does, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointHealth {
    /// Nothing is sent to it.
    Disabled,
    /// Its latest attempts failed.
    Failing,
    /// Its latest attempts succeeded, or some of them did.
    Healthy,
    /// Nothing was tried of late.
    Idle,
}

impl EndpointHealth {
    /// By whether it is disabled, whether it is in an unbroken run of failures, and by the last
    /// of these spans in which something was tried: how many attempts succeeded and failed in
    /// each, oldest first.
    pub fn of(
        disabled: bool,
        is_failing: bool,
        spans: impl DoubleEndedIterator<Item = (u64, u64)>,
    ) -> Self {
        if disabled {
            return Self::Disabled;
        }
        if is_failing {
            return Self::Failing;
        }
        match spans
            .rev()
            .find(|(succeeded, failed)| succeeded + failed > 0)
        {
            None => Self::Idle,
            Some((0, _)) => Self::Failing,
            Some(_) => Self::Healthy,
        }
    }

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Failing => "failing",
            Self::Healthy => "healthy",
            Self::Idle => "idle",
        }
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

    #[test]
    fn how_an_endpoint_does_is_told_by_the_first_of_these_that_holds() {
        use EndpointHealth::{Disabled, Failing, Healthy, Idle};
        for (disabled, is_failing, spans, health) in [
            (true, true, vec![(0, 3)], Disabled),
            (false, true, vec![(5, 1)], Failing),
            (false, false, vec![(0, 4), (1, 3), (0, 0)], Healthy),
            (false, false, vec![(9, 0), (0, 1), (0, 0)], Failing),
            (false, false, vec![(0, 0)], Idle),
            (false, false, vec![], Idle),
        ] {
            let found = EndpointHealth::of(disabled, is_failing, spans.iter().copied());
            assert_eq!(found, health, "{disabled} {is_failing} {spans:?}");
        }
    }
}
