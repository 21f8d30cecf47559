//! What is committed on the hot path: messages with their deliveries, outcomes of attempts,
//! and the log of what each commit wrote.

mod careful;
pub(crate) mod log;
pub(crate) mod messages;
pub(crate) mod outcomes;
mod sqlite;
pub(crate) mod writer;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[
    &[careful::STATEMENTS, log::STATEMENTS],
    messages::REGISTRY,
    outcomes::REGISTRY,
];
