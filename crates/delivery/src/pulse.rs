//! Which of the services are well: each has a pulse by its name.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// For how long a service may fail, time and again, and still count as well: a database that
/// is away for a moment concerns them all, and other parts of health say so.
const FAILING: Duration = Duration::from_mins(1);

/// The services that run.
#[derive(Debug, Default)]
pub(crate) struct Pulses(Mutex<Vec<Arc<Pulse>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceStatus {
    pub name: &'static str,
    /// Whether it does its work: its steps end in time, and not all of a minute's have failed.
    pub is_well: bool,
}

/// One service's.
#[derive(Debug)]
pub(crate) struct Pulse {
    name: &'static str,
    longest: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when a step is under way.
    stepping: Option<Instant>,
    /// Since when no step has gone well.
    failing: Option<Instant>,
}

impl Pulses {
    /// Enters a service whose steps take no longer than `longest`.
    pub(crate) fn of(&self, name: &'static str, longest: Duration) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            name,
            longest,
            state: Mutex::default(),
        });
        // So that the series are there before the first error is.
        metrics::counter!("postrider_service_errors_total", "service" => name).absolute(0);
        self.0.lock().push(Arc::clone(&pulse));
        pulse
    }

    /// How each service is, by name.
    pub(crate) fn status(&self, now: Instant) -> Vec<ServiceStatus> {
        let pulses = self.0.lock();
        let mut all: Vec<ServiceStatus> = pulses.iter().map(|pulse| pulse.status(now)).collect();
        all.sort_unstable_by_key(|service| service.name);
        all
    }
}

impl Pulse {
    /// A step begins.
    pub(crate) fn begins(&self, now: Instant) {
        self.state.lock().stepping = Some(now);
    }

    /// The step went well.
    pub(crate) fn well(&self) {
        *self.state.lock() = State::default();
    }

    /// The step failed.
    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state.lock();
        state.stepping = None;
        state.failing.get_or_insert(now);
        metrics::counter!("postrider_service_errors_total", "service" => self.name).increment(1);
    }

    fn status(&self, now: Instant) -> ServiceStatus {
        let state = self.state.lock();
        let longer = |since: Option<Instant>, than| {
            since.is_some_and(|since| now.saturating_duration_since(since) > than)
        };
        ServiceStatus {
            name: self.name,
            is_well: !longer(state.stepping, self.longest) && !longer(state.failing, FAILING),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::monotonic;

    const SECOND: Duration = Duration::from_secs(1);

    fn is_well(pulses: &Pulses, now: Instant) -> bool {
        let all = pulses.status(now);
        assert_eq!(all.len(), 1);
        all[0].is_well
    }

    #[test]
    fn a_service_that_stands_still_is_seen_and_one_that_waits_is_not() {
        let (pulses, now) = (Pulses::default(), monotonic());
        let pulse = pulses.of("janitor", 5 * SECOND);
        assert!(is_well(&pulses, now + 60 * 60 * SECOND));
        pulse.begins(now);
        assert!(is_well(&pulses, now + 5 * SECOND));
        assert!(!is_well(&pulses, now + 6 * SECOND));
        pulse.well();
        assert!(is_well(&pulses, now + 60 * 60 * SECOND));
    }

    #[test]
    fn a_service_that_fails_for_a_minute_is_seen_until_a_step_goes_well() {
        let (pulses, now) = (Pulses::default(), monotonic());
        let pulse = pulses.of("janitor", 5 * SECOND);
        for second in 0..=60 {
            pulse.begins(now + second * SECOND);
            pulse.failed(now + second * SECOND);
            assert!(is_well(&pulses, now + second * SECOND));
        }
        assert!(!is_well(&pulses, now + 61 * SECOND));
        pulse.begins(now + 61 * SECOND);
        assert!(!is_well(&pulses, now + 61 * SECOND));
        pulse.well();
        assert!(is_well(&pulses, now + 61 * SECOND));
    }
}
