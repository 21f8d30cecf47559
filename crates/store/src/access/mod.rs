//! Who may call: keys, tokens, sessions, and the answers that are kept for repeated requests.

pub(crate) mod answer_key;
pub(crate) mod jwt;
pub(crate) mod key;
pub(crate) mod session;
pub(crate) mod token;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[&[
    answer_key::STATEMENTS,
    jwt::STATEMENTS,
    key::STATEMENTS,
    session::STATEMENTS,
    token::STATEMENTS,
]];
