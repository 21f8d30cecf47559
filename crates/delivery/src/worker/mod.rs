//! Attempts, run by an apalis worker over the lanes.

mod backend;
mod counts;
mod executor;
mod in_hand;
mod prepared;
mod signing;
mod supervisor;

pub(crate) use backend::Closing;
pub(crate) use counts::Counts;
pub(crate) use executor::Executor;
pub(crate) use prepared::Preparer;
pub(crate) use supervisor::supervise;
