//! The codes that stand in texts of SQL, by their names.

use postrider_domain::{AttemptStatus, DeliveryState, TaskStatus};

/// Of deliveries: `delivery.state`.
pub(crate) const PENDING: i16 = DeliveryState::Pending.code();
pub(crate) const SUCCEEDED: i16 = DeliveryState::Succeeded.code();
pub(crate) const EXHAUSTED: i16 = DeliveryState::Exhausted.code();
pub(crate) const CANCELLED: i16 = DeliveryState::Cancelled.code();
pub(crate) const SKIPPED: i16 = DeliveryState::Skipped.code();

/// Of attempts: `delivery.last_status`.
pub(crate) const SUCCESS: i16 = AttemptStatus::Success.code();

/// Of background tasks: `task.status`.
pub(crate) const RUNNING: i16 = TaskStatus::Running.code();
pub(crate) const FINISHED: i16 = TaskStatus::Finished.code();
pub(crate) const FAILED: i16 = TaskStatus::Failed.code();
pub(crate) const CANCELED: i16 = TaskStatus::Canceled.code();

/// Of background tasks: `task.phase`.
pub(crate) const COUNTING: i16 = 0;
pub(crate) const WORKING: i16 = 1;
pub(crate) const TAKING_BACK: i16 = 2;
pub(crate) const OVER: i16 = 3;

/// Of nodes that others have given up: `node.lease_until`.
pub(crate) const GIVEN_UP: i64 = 0;
