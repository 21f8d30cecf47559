//! What keeps deliveries going beside the happy path: the node's lease, claims of what
//! is due, expansions, and order in the database.

mod claimer;
mod expander;
mod janitor;
mod lease;

pub(crate) use claimer::Claimer;
pub(crate) use expander::Expander;
pub(crate) use janitor::Janitor;
pub(crate) use lease::{Lease, LeaseKeeper, inherit};
