//! placeholder

pub mod guard;
pub mod sender;
