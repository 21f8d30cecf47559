//! What organisations and their customers set: applications, endpoints with their secrets,
//! event types.

pub(crate) mod app;
pub(crate) mod endpoint;
pub(crate) mod environment;
pub(crate) mod event_type;
pub(crate) mod org;
pub(crate) mod secret;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[
    &[
        app::STATEMENTS,
        event_type::STATEMENTS,
        org::STATEMENTS,
        secret::STATEMENTS,
    ],
    endpoint::REGISTRY,
];
