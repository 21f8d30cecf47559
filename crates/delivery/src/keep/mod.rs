//! What keeps deliveries going beside the happy path: the node's lease, claims of what
//! is due, expansions, background tasks, and order in the database.

mod aside;
mod claimer;
mod disk;
mod expander;
mod heart;
mod heir;
mod herald;
mod janitor;
mod roller;
mod tasks;

pub(crate) use aside::Aside;
pub(crate) use claimer::Claimer;
pub(crate) use disk::Disk;
pub(crate) use expander::Expander;
pub(crate) use heart::Heart;
pub(crate) use heir::{Heir, inherit};
pub(crate) use herald::Herald;
pub(crate) use janitor::Janitor;

pub(crate) use roller::Roller;
pub(crate) use tasks::TaskRunner;
