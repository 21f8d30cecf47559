//! When a failed delivery is tried again (Standard Webhooks 1.0.0, "Deliverability
//! and reliability"): exponentially up to a horizon, or by an explicit schedule.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::invalid::shown;
use crate::jitter::jittered;
use crate::{Invalid, NextReason, Timestamp};

/// A receiver's `Retry-After` counts up to this long.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(6);
/// The most delays that a schedule may hold.
pub const MAX_STEPS: usize = 100;

const DAY: u64 = 86_400;
const INITIAL: std::ops::RangeInclusive<u64> = 1..=DAY;
const MAX_INTERVAL: std::ops::RangeInclusive<u64> = 1..=7 * DAY;
const HORIZON: std::ops::RangeInclusive<u64> = 60..=14 * DAY;
const MAX_STEP: u64 = 7 * DAY;

/// When failed attempts are repeated, and when to give up.
///
/// On the wire: `{"type":"exponential","initialSeconds","factor",
/// "maxIntervalSeconds","horizonSeconds"}`, whose missing fields take their
/// defaults, or `{"type":"schedule","seconds":[...]}`. Reading one checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum RetryPolicy {
    /// Growing delays with jitter, the last attempt at the horizon.
    Exponential {
        /// The delay after the first attempt.
        initial: Duration,
        /// What each delay is multiplied by to make the next.
        factor: f64,
        /// No delay is longer than this (jitter apart).
        max_interval: Duration,
        /// How long after the beginning the last attempt is made.
        horizon: Duration,
    },
    /// Delays since the end of the previous attempt, without jitter and without
    /// a horizon; one attempt more than there are delays.
    Schedule(Vec<Duration>),
}

impl Default for RetryPolicy {
    /// 5 s, times 3, up to 6 h, until 72 h.
    fn default() -> Self {
        Self::Exponential {
            initial: Duration::from_secs(5),
            factor: 3.0,
            max_interval: Duration::from_hours(6),
            horizon: Duration::from_hours(72),
        }
    }
}

/// What is known when an attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextInput {
    /// When the schedule began: when the delivery was first due.
    pub first_at: Timestamp,
    /// When the failed attempt ended.
    pub finished_at: Timestamp,
    /// When the failed attempt had been due.
    pub scheduled_at: Timestamp,
    /// Scheduled attempts made so far, the failed one included.
    pub attempts: u32,
    /// How long the receiver asked to be left alone.
    pub retry_after: Option<Duration>,
    /// A random number from 0 to 1; 0.5 moves nothing.
    pub jitter: f64,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt is due then, for this reason (`Policy`, `RetryAfter` or `Horizon`).
    At(Timestamp, NextReason),
    /// The schedule has ended.
    Exhausted,
}

impl RetryPolicy {
    /// When the next attempt is due after a failed one.
    ///
    /// An attempt that was due at the horizon, or that ended at or after it, was
    /// the last: so a delivery that our own outage made late is tried once more
    /// past its horizon and then given up.
    pub fn next(&self, input: &NextInput) -> Next {
        match self {
            Self::Exponential {
                initial,
                factor,
                max_interval,
                horizon,
            } => {
                let horizon = input.first_at.plus(*horizon);
                if input.scheduled_at >= horizon || input.finished_at >= horizon {
                    return Next::Exhausted;
                }
                let delay = exponential(*initial, *factor, *max_interval, input.attempts);
                let (at, reason) = later(input, jittered(delay, input.jitter));
                if at >= horizon {
                    Next::At(horizon, NextReason::Horizon)
                } else {
                    Next::At(at, reason)
                }
            }
            Self::Schedule(delays) => {
                let step = input.attempts.saturating_sub(1) as usize;
                delays.get(step).map_or(Next::Exhausted, |delay| {
                    let (at, reason) = later(input, *delay);
                    Next::At(at, reason)
                })
            }
        }
    }

    /// The schedule in a setting's text: whole seconds between commas; an empty
    /// text is one attempt.
    pub fn from_schedule_text(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self::Schedule(Vec::new()));
        }
        let delays = text
            .split(',')
            .map(|part| {
                let part = part.trim();
                part.parse().map(Duration::from_secs).map_err(|_| {
                    Invalid::new(format!(
                        "{} is not a whole number of seconds: give delays between commas, such as 5,60,3600",
                        shown(part)
                    ))
                })
            })
            .collect::<Result<_, _>>()?;
        let policy = Self::Schedule(delays);
        policy.validate()?;
        Ok(policy)
    }

    /// Whether every number is within its bounds.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Exponential {
                initial,
                factor,
                max_interval,
                horizon,
            } => {
                within("initialSeconds", *initial, &INITIAL)?;
                within("maxIntervalSeconds", *max_interval, &MAX_INTERVAL)?;
                within("horizonSeconds", *horizon, &HORIZON)?;
                if !(1.0..=10.0).contains(factor) {
                    return Err(Invalid::new(format!(
                        "factor {factor} is out of bounds: give a number from 1 to 10"
                    )));
                }
                if max_interval < initial {
                    return Err(Invalid::new(format!(
                        "maxIntervalSeconds {} is less than initialSeconds {}: raise the one or lower the other",
                        max_interval.as_secs(),
                        initial.as_secs()
                    )));
                }
                Ok(())
            }
            Self::Schedule(delays) => validate_schedule(delays),
        }
    }
}

fn validate_schedule(delays: &[Duration]) -> Result<(), Invalid> {
    if delays.len() > MAX_STEPS {
        return Err(Invalid::new(format!(
            "a schedule of {} delays is too long: give at most {MAX_STEPS}",
            delays.len()
        )));
    }
    match delays.iter().find(|delay| delay.as_secs() > MAX_STEP) {
        Some(delay) => Err(Invalid::new(format!(
            "a delay of {} seconds is too long: give at most {MAX_STEP} (7 days)",
            delay.as_secs()
        ))),
        None => Ok(()),
    }
}

fn within(
    what: &str,
    value: Duration,
    bounds: &std::ops::RangeInclusive<u64>,
) -> Result<(), Invalid> {
    if bounds.contains(&value.as_secs()) {
        return Ok(());
    }
    Err(Invalid::new(format!(
        "{what} {} is out of bounds: give whole seconds from {} to {}",
        value.as_secs(),
        bounds.start(),
        bounds.end()
    )))
}

fn exponential(initial: Duration, factor: f64, max: Duration, attempts: u32) -> Duration {
    let steps = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = initial.as_secs_f64() * factor.powi(steps);
    // Also catches the infinity that many steps lead to.
    if seconds < max.as_secs_f64() {
        Duration::from_secs_f64(seconds)
    } else {
        max
    }
}

/// The later of the policy's delay and what the receiver asked for.
fn later(input: &NextInput, delay: Duration) -> (Timestamp, NextReason) {
    match input.retry_after.map(|asked| asked.min(MAX_RETRY_AFTER)) {
        Some(asked) if asked > delay => (input.finished_at.plus(asked), NextReason::RetryAfter),
        _ => (input.finished_at.plus(delay), NextReason::Policy),
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
enum Wire {
    Exponential {
        #[serde(default = "default_initial")]
        initial_seconds: u64,
        #[serde(default = "default_factor")]
        factor: f64,
        #[serde(default = "default_max_interval")]
        max_interval_seconds: u64,
        #[serde(default = "default_horizon")]
        horizon_seconds: u64,
    },
    Schedule {
        seconds: Vec<u64>,
    },
}

fn default_initial() -> u64 {
    5
}

fn default_factor() -> f64 {
    3.0
}

fn default_max_interval() -> u64 {
    6 * 3600
}

fn default_horizon() -> u64 {
    72 * 3600
}

impl TryFrom<Wire> for RetryPolicy {
    type Error = Invalid;

    fn try_from(wire: Wire) -> Result<Self, Invalid> {
        let policy = match wire {
            Wire::Exponential {
                initial_seconds,
                factor,
                max_interval_seconds,
                horizon_seconds,
            } => Self::Exponential {
                initial: Duration::from_secs(initial_seconds),
                factor,
                max_interval: Duration::from_secs(max_interval_seconds),
                horizon: Duration::from_secs(horizon_seconds),
            },
            Wire::Schedule { seconds } => {
                Self::Schedule(seconds.into_iter().map(Duration::from_secs).collect())
            }
        };
        policy.validate()?;
        Ok(policy)
    }
}

impl From<RetryPolicy> for Wire {
    fn from(policy: RetryPolicy) -> Self {
        match policy {
            RetryPolicy::Exponential {
                initial,
                factor,
                max_interval,
                horizon,
            } => Self::Exponential {
                initial_seconds: initial.as_secs(),
                factor,
                max_interval_seconds: max_interval.as_secs(),
                horizon_seconds: horizon.as_secs(),
            },
            RetryPolicy::Schedule(delays) => Self::Schedule {
                seconds: delays.iter().map(Duration::as_secs).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
