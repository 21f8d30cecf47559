//! Points at which a build with the feature `failpoints` can be killed, to see what a crash
//! there leaves behind. No other build holds anything of them: `fail_point!` is nothing then.
//!
//! The environment variable `FAILPOINTS` arms them, in the form of the crate `fail`; the action
//! `return` ends the process at once. `store::claiming deliveries::after=7*off->return` does so
//! when a claim is committed for the eighth time.

/// Every point that is told of in docs/reliability.md, with what has just happened there.
/// `store::OPERATION::before` and `::after` are around the commit of an operation; there are
/// such points for every operation of the store, also for those that are not listed.
pub const FAIL_POINTS: &[(&str, &str)] = &[
    (
        "store::messages::before",
        "a batch of messages is about to be written",
    ),
    (
        "store::messages::after",
        "a batch of messages is committed, and nobody knows",
    ),
    (
        "delivery::messages::stored",
        "the committer knows that messages are stored; no lane has them",
    ),
    (
        "delivery::messages::handed over",
        "the lanes have them; no publisher has an answer",
    ),
    (
        "delivery::attempt::sent",
        "a receiver has answered; nobody knows",
    ),
    (
        "delivery::outcome::judged",
        "an outcome is about to be handed to the committer",
    ),
    (
        "store::outcomes::before",
        "a batch of outcomes is about to be written",
    ),
    (
        "store::outcomes::after",
        "a batch of outcomes is committed, and nobody knows",
    ),
    (
        "store::claiming deliveries::before",
        "a claim is written and not committed",
    ),
    (
        "store::claiming deliveries::after",
        "a claim is committed; no lane has it",
    ),
    (
        "delivery::release::before",
        "a lane's deliveries are about to be given back",
    ),
    (
        "delivery::release::after",
        "a lane's deliveries are given back; memory still holds them",
    ),
    (
        "delivery::roll-up::before",
        "statistics are about to be rolled up",
    ),
    ("delivery::roll-up::after", "statistics are rolled up"),
    (
        "delivery::take-over::before",
        "a dead node's deliveries are about to be freed",
    ),
    (
        "delivery::take-over::after",
        "a dead node's deliveries are freed, its row is gone",
    ),
    (
        "store::unfolding a message::before",
        "a chunk of a wide fan-out is written and not committed",
    ),
    (
        "store::unfolding a message::after",
        "a chunk of a wide fan-out is committed",
    ),
    (
        "store::replaying deliveries::before",
        "a background task's chunk is written and not committed",
    ),
    (
        "store::replaying deliveries::after",
        "a background task's chunk is committed",
    ),
    (
        "store::migration::step",
        "a step of the schema is committed, others are to follow",
    ),
    (
        "delivery::retention::before",
        "a round of expiry is about to begin",
    ),
    ("delivery::retention::after", "a round of expiry is over"),
];

/// Passes a point: ends the process if it is armed and its time has come.
#[cfg(feature = "failpoints")]
pub fn pass(point: &str) {
    fail::eval(point, |_| end_here(point));
}

/// As a power failure would: nothing is dropped, flushed or said to anybody.
#[cfg(feature = "failpoints")]
fn end_here(point: &str) {
    eprintln!("killed at the fail point {point}");
    std::process::abort();
}

/// Arms what `FAILPOINTS` names, for the life of the process.
///
/// # Panics
/// When `FAILPOINTS` is not of the crate's form.
#[cfg(feature = "failpoints")]
pub fn arm() {
    std::mem::forget(fail::FailScenario::setup());
}

/// Passes a fail point; nothing in a build without the feature `failpoints`.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! fail_point {
    ($name:expr) => {
        $crate::fail_points::pass($name)
    };
}

/// Passes a fail point; nothing in a build without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! fail_point {
    ($name:expr) => {};
}
