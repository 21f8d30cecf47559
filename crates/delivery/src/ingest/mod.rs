//! From a publisher's request to durable rows: the handle and the group committer.

mod handle;

pub(crate) use handle::Waiting;
pub use handle::{IdempotencyKey, Ingest, Publish, PublishError, Published};
