//! On which day a payload expires, and PostgreSQL's partitions, which go as a whole.

pub(crate) mod partition;
pub(crate) mod payload_key;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] =
    &[&[partition::STATEMENTS, payload_key::STATEMENTS]];
