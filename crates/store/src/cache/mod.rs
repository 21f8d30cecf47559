//! What publishing and sending read from memory, and how they learn that it has changed.

pub(crate) mod app;
pub(crate) mod change;
pub(crate) mod feed;
pub(crate) mod org;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] =
    &[&[app::STATEMENTS, change::STATEMENTS]];
