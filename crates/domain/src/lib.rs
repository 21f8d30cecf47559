//! What Postrider's words mean: ids, times, event filters, the retry schedule,
//! endpoint health and the small state machines of a lane.
//!
//! **Invariant:** nothing here does I/O or reads a clock or a random source;
//! both come in as parameters, so that 72 hours pass in a test in a millisecond.

pub mod id;
pub mod outcome;
pub mod time;

pub use id::{
    AppId, AttemptId, EndpointId, EventTypeId, IdError, KeyId, MessageId, NodeId, OrgId, SecretId,
    TaskId,
};
pub use outcome::{AttemptStatus, DeliveryState, DisabledReason, FailureKind, NextReason, Trigger};
pub use time::Timestamp;
