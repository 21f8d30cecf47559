//! Attempts, run by an apalis worker over the lanes.

mod attempt;
mod backend;
mod counts;
mod in_hand;
mod prepared;
mod signing;
mod worker;

pub(crate) use attempt::Courier;
pub(crate) use backend::Closing;
pub(crate) use counts::Counts;
pub(crate) use prepared::Preparer;
pub(crate) use worker::supervise;
