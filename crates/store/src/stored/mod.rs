//! Rows as they lie in their tables, and the opening of what is sealed in them: what both the
//! caches below and whoever changes the rows above must agree on.

pub(crate) mod app;
pub(crate) mod codes;
pub(crate) mod endpoint;
pub(crate) mod event_type;
mod org;
pub(crate) mod secret;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[&[
    app::STATEMENTS,
    endpoint::STATEMENTS,
    event_type::STATEMENTS,
    org::STATEMENTS,
]];
