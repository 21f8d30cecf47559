//! What has happened, as people look at it: messages, attempts, statistics, received requests.

pub(crate) mod attempt;
pub(crate) mod inbox;
pub(crate) mod message;
pub(crate) mod overview;
pub(crate) mod search;
pub(crate) mod stat;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[
    &[
        attempt::STATEMENTS,
        inbox::STATEMENTS,
        message::STATEMENTS,
        overview::STATEMENTS,
        search::STATEMENTS,
    ],
    inbox::REGISTRY,
    stat::REGISTRY,
];
