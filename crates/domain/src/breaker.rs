//! The circuit breaker of a lane: a receiver that is down is left alone, then
//! asked by one probe at a time.

use std::time::Duration;

use crate::jitter::jittered;
use crate::{FailureKind, Timestamp};

/// Failures in a row that open the breaker.
pub const OPENS_AFTER: u32 = 5;
/// How long it stays open the first time; doubled each time a probe fails.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest that it stays open, jitter apart.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A probe of which nothing is heard for this long is taken for lost: longer
/// than the longest deadline of a send (30 s).
pub const PROBE_LOST_AFTER: Duration = Duration::from_secs(45);

/// Whether a send may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// It may.
    Yes,
    /// It may, as the only one until its result is reported.
    Probe,
    /// It may not; ask again then, or when a result has been reported.
    Until(Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp, pause: Duration },
    HalfOpen { since: Timestamp, pause: Duration },
}

/// A circuit breaker: closed, open until a time, or half open with one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    state: State,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed { failures: 0 },
        }
    }
}

/// Whether a failure says that the receiver is unwell, rather than that it dislikes
/// this message (4xx), moved away (3xx), or may not be reached by our own rules.
pub fn speaks_of_health(kind: FailureKind, status: Option<u16>) -> bool {
    match kind {
        FailureKind::Dns
        | FailureKind::Connect
        | FailureKind::Tls
        | FailureKind::Timeout
        | FailureKind::Reset => true,
        FailureKind::RefusedAddress | FailureKind::Oversized => false,
        FailureKind::Http => matches!(status, Some(429 | 500..=599)),
    }
}

impl Breaker {
    /// Whether a send may start now. [`Allow::Probe`] is handed out once; its taker
    /// reports the result, or [`abandon`](Self::abandon)s it.
    pub fn allows(&mut self, now: Timestamp) -> Allow {
        match self.state {
            State::Closed { .. } => Allow::Yes,
            State::Open { until, .. } if now < until => Allow::Until(until),
            State::HalfOpen { since, .. } if now < since.plus(PROBE_LOST_AFTER) => {
                Allow::Until(since.plus(PROBE_LOST_AFTER))
            }
            State::Open { pause, .. } | State::HalfOpen { pause, .. } => {
                self.state = State::HalfOpen { since: now, pause };
                Allow::Probe
            }
        }
    }

    /// Until when no send may start, if any; hands out no probe.
    pub fn open_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => Some(until),
            State::HalfOpen { since, .. } => Some(since.plus(PROBE_LOST_AFTER)),
        }
    }

    /// A send succeeded: whatever the state, the receiver is there.
    pub fn on_success(&mut self, _now: Timestamp) {
        *self = Self::default();
    }

    /// A send failed. `status` is that of the answer, if there was one; `jitter` a
    /// random number from 0 to 1. Returns whether this opened the breaker.
    ///
    /// A failure that does not speak of the receiver's health counts as an answer
    /// and closes the breaker. Failures of sends that began before it opened
    /// change nothing.
    pub fn on_failure(
        &mut self,
        now: Timestamp,
        kind: FailureKind,
        status: Option<u16>,
        jitter: f64,
    ) -> bool {
        if !speaks_of_health(kind, status) {
            *self = Self::default();
            return false;
        }
        let pause = match self.state {
            State::Open { .. } => return false,
            State::Closed { failures } if failures + 1 < OPENS_AFTER => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                return false;
            }
            State::Closed { .. } => FIRST_PAUSE,
            State::HalfOpen { pause, .. } => (pause * 2).min(LONGEST_PAUSE),
        };
        let until = now.plus(jittered(pause, jitter));
        self.state = State::Open { until, pause };
        true
    }

    /// The probe that was handed out was not sent after all: the next one asking may.
    pub fn abandon(&mut self, now: Timestamp) {
        if let State::HalfOpen { pause, .. } = self.state {
            self.state = State::Open { until: now, pause };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + millis * 1000)
    }

    fn fail(breaker: &mut Breaker, millis: i64) -> bool {
        breaker.on_failure(at(millis), FailureKind::Timeout, None, 0.5)
    }

    fn opened(millis: i64) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..OPENS_AFTER {
            fail(&mut breaker, millis);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_four_do_not() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!fail(&mut breaker, 0));
            assert_eq!(breaker.allows(at(0)), Allow::Yes);
        }
        assert!(fail(&mut breaker, 0));
        assert_eq!(breaker.allows(at(0)), Allow::Until(at(1000)));
        assert_eq!(breaker.open_until(), Some(at(1000)));
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 0..4 {
                fail(&mut breaker, 0);
            }
            breaker.on_success(at(0));
        }
        assert_eq!(breaker.allows(at(0)), Allow::Yes);
    }

    #[test]
    fn only_failures_that_speak_of_the_receivers_health_open_it() {
        use FailureKind::{Connect, Dns, Http, Oversized, RefusedAddress, Reset, Timeout, Tls};
        for (kind, status, opens) in [
            (Timeout, None, true),
            (Connect, None, true),
            (Reset, None, true),
            (Tls, None, true),
            (Dns, None, true),
            (Http, Some(500), true),
            (Http, Some(503), true),
            (Http, Some(599), true),
            (Http, Some(429), true),
            (Http, Some(400), false),
            (Http, Some(404), false),
            (Http, Some(410), false),
            (Http, Some(302), false),
            (Http, None, false),
            (RefusedAddress, None, false),
            (Oversized, Some(200), false),
        ] {
            let mut breaker = Breaker::default();
            for _ in 0..OPENS_AFTER {
                breaker.on_failure(at(0), kind, status, 0.5);
            }
            assert_eq!(
                breaker.allows(at(0)) != Allow::Yes,
                opens,
                "{kind:?} {status:?}"
            );
        }
    }

    #[test]
    fn a_4xx_answer_shows_that_the_receiver_is_there_and_closes_it() {
        let mut breaker = opened(0);
        assert_eq!(breaker.allows(at(1000)), Allow::Probe);
        breaker.on_failure(at(1001), FailureKind::Http, Some(404), 0.5);
        assert_eq!(breaker.allows(at(1001)), Allow::Yes);
    }

    #[test]
    fn after_the_pause_one_probe_is_let_through_and_its_success_closes_it() {
        let mut breaker = opened(0);
        assert_eq!(breaker.allows(at(999)), Allow::Until(at(1000)));
        assert_eq!(breaker.allows(at(1000)), Allow::Probe);
        assert_eq!(breaker.allows(at(1001)), Allow::Until(at(46_000)));
        breaker.on_success(at(1002));
        assert_eq!(breaker.allows(at(1002)), Allow::Yes);
        assert_eq!(breaker.open_until(), None);
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
        let mut breaker = opened(0);
        let mut now = 1000;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert_eq!(breaker.allows(at(now)), Allow::Probe);
            assert!(fail(&mut breaker, now));
            let until = breaker.open_until().unwrap();
            pauses.push(until.since(at(now)).as_secs());
            now += until.since(at(now)).as_millis() as i64;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn after_a_success_the_pauses_begin_short_again() {
        let mut breaker = opened(0);
        breaker.allows(at(1000));
        fail(&mut breaker, 1000);
        breaker.on_success(at(1001));
        for _ in 0..OPENS_AFTER {
            fail(&mut breaker, 2000);
        }
        assert_eq!(breaker.allows(at(2000)), Allow::Until(at(3000)));
    }

    #[test]
    fn failures_of_sends_from_before_it_opened_change_nothing() {
        let mut breaker = opened(0);
        for _ in 0..100 {
            assert!(!fail(&mut breaker, 500));
        }
        assert_eq!(breaker.allows(at(500)), Allow::Until(at(1000)));
    }

    #[test]
    fn a_late_success_closes_it_at_once() {
        let mut breaker = opened(0);
        breaker.on_success(at(10));
        assert_eq!(breaker.allows(at(10)), Allow::Yes);
    }

    #[test]
    fn an_abandoned_probe_may_be_taken_by_the_next_and_a_lost_one_after_45_s() {
        let mut breaker = opened(0);
        assert_eq!(breaker.allows(at(1000)), Allow::Probe);
        breaker.abandon(at(1100));
        assert_eq!(breaker.allows(at(1100)), Allow::Probe);
        assert_eq!(breaker.allows(at(46_099)), Allow::Until(at(46_100)));
        assert_eq!(breaker.allows(at(46_100)), Allow::Probe);
        let mut closed = Breaker::default();
        closed.abandon(at(0));
        assert_eq!(closed, Breaker::default());
    }

    #[test]
    fn jitter_moves_the_pause_by_a_tenth_at_most() {
        for (jitter, millis) in [(0.0, 900), (1.0, 1100), (7.0, 1100), (f64::NAN, 1000)] {
            let mut breaker = Breaker::default();
            for _ in 0..OPENS_AFTER {
                breaker.on_failure(at(0), FailureKind::Dns, None, jitter);
            }
            assert_eq!(breaker.open_until(), Some(at(millis)), "{jitter}");
        }
    }
}
