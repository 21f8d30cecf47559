//! What is to be sent, and by whom: lanes, claims, the nodes that hold them, and what is owed
//! whoever has lost it.

pub(crate) mod cancel;
pub(crate) mod claim;
pub(crate) mod expansion;
mod failing;
pub(crate) mod job;
pub(crate) mod lane;
pub(crate) mod node;
pub(crate) mod owed;
pub(crate) mod pending;
mod resend;
mod take_over;

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[
    &[
        cancel::STATEMENTS,
        claim::STATEMENTS,
        expansion::STATEMENTS,
        failing::STATEMENTS,
        lane::STATEMENTS,
        node::STATEMENTS,
        pending::STATEMENTS,
        resend::STATEMENTS,
        take_over::STATEMENTS,
    ],
    owed::REGISTRY,
];
