//! What is published arrives, again and again until it does, and each attempt is told.

mod addresses;
mod breaker;
mod endings;
mod endpoints;
mod examples;
#[cfg(feature = "in-process")]
mod expiry;
mod fan_out;
mod first;
mod hostile;
mod limits;
#[cfg(feature = "in-process")]
mod long_run;
mod operational;
mod publishing;
mod recovery;
mod retries;
#[cfg(feature = "in-process")]
mod retry_policies;
mod schemes;
