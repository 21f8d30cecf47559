//! How many sends a lane may have in flight: many for a quick, healthy receiver,
//! few for one that struggles.

use std::time::Duration;

use crate::FailureKind;

/// What a lane begins with.
pub const INITIAL: u32 = 16;
/// What a lane grows to.
pub const MAX: u32 = 256;
/// What a lane keeps, however bad its receiver.
pub const FLOOR: u32 = 2;
/// An answer slower than this does not let the cap grow.
pub const QUICK: Duration = Duration::from_secs(1);

/// What an answer, or its absence, tells about the receiver's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A success within [`QUICK`].
    Quick,
    /// Neither quick nor overloaded: slow successes, other failures.
    Steady,
    /// A time-out, or 429, 502, 503, 504 (Standard Webhooks 1.0.0: throttle).
    Overloaded,
}

impl Load {
    /// Reads the load off an attempt: its failure if it failed, the status of its
    /// answer if there was one, and how long it took.
    pub fn of(failure: Option<FailureKind>, status: Option<u16>, duration: Duration) -> Self {
        match (failure, status) {
            (Some(FailureKind::Timeout), _) | (_, Some(429 | 502..=504)) => Self::Overloaded,
            (None, _) if duration <= QUICK => Self::Quick,
            _ => Self::Steady,
        }
    }
}

/// An adaptive cap on the sends in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrencyLimit {
    allowed: u32,
    max: u32,
    /// Quick answers since the cap last changed.
    quick: u32,
    /// Sends that were in flight when it last shrank and have not come back:
    /// what they tell is the same news again.
    stale: u32,
}

impl Default for ConcurrencyLimit {
    fn default() -> Self {
        Self::with_max(MAX)
    }
}

impl ConcurrencyLimit {
    /// A cap that grows up to `max` (at least [`FLOOR`]).
    pub fn with_max(max: u32) -> Self {
        let max = max.max(FLOOR);
        Self {
            allowed: INITIAL.min(max),
            max,
            quick: 0,
            stale: 0,
        }
    }

    /// How many sends may be in flight.
    pub fn get(&self) -> u32 {
        self.allowed
    }

    /// One send came back; `in_flight` others are still out.
    ///
    /// A full round of quick answers doubles the cap, counted only while the lane
    /// makes use of at least half of it. An overload halves it, once per round.
    pub fn on_answer(&mut self, load: Load, in_flight: u32) {
        let stale = self.stale > 0;
        self.stale = self.stale.saturating_sub(1);
        match load {
            Load::Steady => self.quick = 0,
            Load::Quick => self.on_quick(in_flight),
            Load::Overloaded if stale => self.quick = 0,
            Load::Overloaded => {
                self.allowed = (self.allowed / 2).max(FLOOR);
                self.quick = 0;
                self.stale = in_flight;
            }
        }
    }

    fn on_quick(&mut self, in_flight: u32) {
        if in_flight.saturating_add(1).saturating_mul(2) < self.allowed {
            return;
        }
        self.quick += 1;
        if self.quick >= self.allowed {
            self.allowed = self.allowed.saturating_mul(2).min(self.max);
            self.quick = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick(cap: &mut ConcurrencyLimit, answers: u32) {
        for _ in 0..answers {
            cap.on_answer(Load::Quick, cap.get());
        }
    }

    #[test]
    fn it_doubles_with_each_full_round_of_quick_answers_up_to_its_maximum() {
        let mut cap = ConcurrencyLimit::default();
        let mut seen = vec![cap.get()];
        for _ in 0..6 {
            let round = cap.get();
            quick(&mut cap, round);
            seen.push(cap.get());
        }
        assert_eq!(seen, [16, 32, 64, 128, 256, 256, 256]);
        let mut small = ConcurrencyLimit::with_max(20);
        quick(&mut small, 1000);
        assert_eq!(small.get(), 20);
    }

    #[test]
    fn a_round_that_is_not_full_does_not_grow_it() {
        let mut cap = ConcurrencyLimit::default();
        quick(&mut cap, 15);
        assert_eq!(cap.get(), 16);
    }

    #[test]
    fn a_slow_answer_begins_the_round_anew() {
        let mut cap = ConcurrencyLimit::default();
        for _ in 0..100 {
            quick(&mut cap, 15);
            cap.on_answer(Load::Steady, 16);
        }
        assert_eq!(cap.get(), 16);
    }

    #[test]
    fn a_lane_that_does_not_use_its_cap_does_not_grow_it() {
        let mut cap = ConcurrencyLimit::default();
        for _ in 0..1000 {
            cap.on_answer(Load::Quick, 6);
        }
        assert_eq!(cap.get(), 16);
        for _ in 0..16 {
            cap.on_answer(Load::Quick, 7);
        }
        assert_eq!(cap.get(), 32);
    }

    #[test]
    fn each_overload_halves_it_down_to_the_floor() {
        let mut cap = ConcurrencyLimit::default();
        quick(&mut cap, 1000);
        let seen: Vec<u32> = (0..9)
            .map(|_| {
                cap.on_answer(Load::Overloaded, 0);
                cap.get()
            })
            .collect();
        assert_eq!(seen, [128, 64, 32, 16, 8, 4, 2, 2, 2]);
    }

    #[test]
    fn a_whole_round_of_time_outs_halves_it_once() {
        let mut cap = ConcurrencyLimit::default();
        quick(&mut cap, 1000);
        for in_flight in (0..256).rev() {
            cap.on_answer(Load::Overloaded, in_flight);
        }
        assert_eq!(cap.get(), 128);
        cap.on_answer(Load::Overloaded, 127);
        assert_eq!(cap.get(), 64);
    }

    #[test]
    fn it_recovers_from_the_floor() {
        let mut cap = ConcurrencyLimit::default();
        for _ in 0..10 {
            cap.on_answer(Load::Overloaded, 0);
        }
        assert_eq!(cap.get(), FLOOR);
        quick(&mut cap, 2 + 4 + 8 + 16);
        assert_eq!(cap.get(), 32);
    }

    #[test]
    fn a_maximum_below_the_floor_is_the_floor() {
        assert_eq!(ConcurrencyLimit::with_max(0).get(), FLOOR);
    }

    #[test]
    fn the_load_is_read_off_status_failure_and_duration() {
        let fast = Duration::from_millis(20);
        let http = Some(FailureKind::Http);
        for (failure, status, duration, want) in [
            (None, Some(200), fast, Load::Quick),
            (None, Some(204), QUICK, Load::Quick),
            (None, Some(200), QUICK + fast, Load::Steady),
            (http, Some(429), fast, Load::Overloaded),
            (http, Some(502), fast, Load::Overloaded),
            (http, Some(503), fast, Load::Overloaded),
            (http, Some(504), fast, Load::Overloaded),
            (http, Some(500), fast, Load::Steady),
            (http, Some(404), fast, Load::Steady),
            (Some(FailureKind::Timeout), None, fast, Load::Overloaded),
            (Some(FailureKind::Reset), None, fast, Load::Steady),
        ] {
            assert_eq!(
                Load::of(failure, status, duration),
                want,
                "{failure:?} {status:?}"
            );
        }
    }
}
