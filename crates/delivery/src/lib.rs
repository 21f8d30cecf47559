//! Delivery: lanes, the worker, the sender, the address guard and the group committers.
//!
//! A message comes in through [`Ingest`], is committed together with its deliveries, and
//! is handed to the [lanes](lanes) in memory. The [worker](work) takes deliveries from
//! the lanes and makes [attempts](sender); outcomes are committed in groups. What is due
//! later, or has lost its node, comes back through the [claimer](keep).
//!
//! **Invariant:** within the server only this crate names apalis and reqwest.

mod commit;
pub mod guard;
mod jitter;
mod lanes;
mod lease;
mod maintenance;
mod node;
mod pipeline;
mod pulse;
pub mod sender;
mod settings;
mod status;
mod worker;

pub use commit::{Deadline, Ingest, Publish, PublishError, Published};
pub use pipeline::{Pipeline, StartError};
pub use pulse::ServiceStatus;
pub use settings::{DeliverySettings, DiskWatch, Role};
pub use status::PipelineStatus;
