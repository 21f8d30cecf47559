//! What Postrider's words mean: ids, times, event filters, the retry schedule,
//! endpoint health and the small state machines of a lane.
//!
//! **Invariant:** nothing here does I/O or reads a clock or a random source;
//! both come in as parameters, so that 72 hours pass in a test in a millisecond.

pub mod breaker;
pub mod bucket;
pub mod capability;
pub mod codes;
pub mod concurrency_limit;
pub mod filter;
pub mod header_family;
pub mod health;
pub mod id;
pub mod invalid;
pub mod jitter;
pub mod latency;
pub mod names;
pub mod org_settings;
pub mod retry;
pub mod scheme;
pub mod time;
pub mod url;

pub use breaker::{Allow, Breaker};
pub use bucket::Bucket;
pub use capability::{Capabilities, Capability};
pub use codes::{
    AttemptStatus, DeliveryState, DisabledReason, FailureKind, NextReason, TaskKind, TaskStatus,
    Trigger,
};
pub use concurrency_limit::{ConcurrencyLimit, Load};
pub use filter::Filter;
pub use header_family::HeaderFamily;
pub use health::{EndpointHealth, Health};
pub use id::{
    AppId, AttemptId, EndpointId, EventTypeId, IdError, InboxId, InboxRequestId, KeyId, MessageId,
    NodeId, OrgId, SecretId, SessionId, TaskId, TokenId,
};
pub use invalid::Invalid;
pub use latency::Latency;
pub use org_settings::{OrgSettings, Theme, ThemeMode};
pub use retry::{Next, NextInput, RetryPolicy};
pub use scheme::{Scheme, SchemeKind, Schemes};
pub use time::Timestamp;
