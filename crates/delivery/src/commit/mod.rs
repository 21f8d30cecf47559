//! Group commit: from a publisher's request, and from an attempt's end, to durable rows.
//!
//! A committer takes what is waiting, writes it in one transaction, and answers all.
//! There is no timer: under low load a batch is one message; under high load the
//! previous commit's duration makes the batch. On SQLite one committer serves messages
//! and outcomes; on PostgreSQL each has its own, and outcomes may linger, since nobody
//! waits for them.

mod committer;
mod deadline;
mod fair;
mod handle;
mod messages;
mod outcomes;

pub(crate) use committer::Committer;
pub use deadline::Deadline;
pub(crate) use handle::{Arrival, Backlog, Waiting};
pub use handle::{Ingest, Publish, PublishError, Published};
pub(crate) use messages::Messages;
pub(crate) use outcomes::Outcomes;
