//! What metrics say of attempts.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};
use postrider_domain::FailureKind;

const ATTEMPTS: &str = "postrider_attempts_total";

/// Handles of what each success touches, made once: looking one up costs as much as a hash
/// of all labels.
pub(crate) struct Counts {
    successes: Counter,
    seconds: Histogram,
    first_delay: Histogram,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            successes: counter!(ATTEMPTS, "outcome" => "success"),
            seconds: histogram!("postrider_attempt_seconds"),
            first_delay: histogram!("postrider_first_attempt_delay_seconds"),
        }
    }

    /// Counts an attempt, and how long its message had waited if it was the first.
    pub(crate) fn count(
        &self,
        failure: Option<FailureKind>,
        duration: Duration,
        first_delay: Option<Duration>,
    ) {
        match failure {
            None => self.successes.increment(1),
            Some(kind) => counter!(ATTEMPTS, "outcome" => kind.word()).increment(1),
        }
        self.seconds.record(duration.as_secs_f64());
        if let Some(delay) = first_delay {
            self.first_delay.record(delay.as_secs_f64());
        }
    }
}
