//! Background tasks: long work, done in chunks by the nodes that deliver.
//!
//! A task is a row. Each chunk is one transaction that moves the task's cursor together
//! with whatever the chunk changes, and only while the row still names the node, the
//! phase and the cursor that the chunk began with: so a process that dies at any moment
//! neither leaves anything out nor does anything twice, and whoever owns the row next
//! goes on behind the cursor.
//!
//! A task counts what there is to do, does it, and is over; one that is cancelled takes
//! back what it has put into lanes and nobody has begun.

pub(crate) mod pick;
mod preview;
pub(crate) mod purge;
pub(crate) mod replay;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod take_back;
pub(crate) mod usage;

use std::time::Duration;

use postrider_domain::{
    AppId, AttemptStatus, EndpointId, MessageId, OrgId, TaskId, TaskKind, TaskStatus, Timestamp,
};
use serde::{Deserialize, Serialize};

pub use self::preview::Preview;
use crate::stored::codes;

/// Deliveries or payloads that one transaction changes at most.
const CHUNK: usize = 500;

/// Which messages: those accepted from `since` until before `until`, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// From then on.
    pub since: Timestamp,
    /// Until before then.
    pub until: Timestamp,
}

impl Window {
    /// Everything that was accepted up to and including `now`.
    pub fn up_to(now: Timestamp) -> Self {
        Self {
            since: Timestamp::from_micros(0),
            until: now.plus(Duration::from_millis(1)),
        }
    }

    /// No real id is the floor of a time, so that what comes after it is all of it.
    fn first(self) -> MessageId {
        MessageId::floor(self.since)
    }

    fn end(self) -> MessageId {
        MessageId::floor(self.until)
    }
}

/// Conditions on a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// Only of these event types; all if empty.
    pub event_types: Vec<String>,
    /// Only of this channel.
    pub channel: Option<String>,
}

/// Which deliveries are made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Replayed {
    /// Those that ended without success, or were skipped since the endpoint was disabled.
    Failed,
    /// Those that were never made, or never tried.
    Missing,
    /// Whatever stands so, and fulfils the rest.
    Any {
        /// Only what stands so with the endpoint.
        status: Option<AttemptStatus>,
        /// Only what was last answered with this class: 0 (no answer), 100, 200, ... 500.
        status_class: Option<u16>,
        /// Conditions on the message.
        messages: Messages,
    },
}

impl Replayed {
    /// Whatever there is, however it stands.
    pub fn everything() -> Self {
        Self::Any {
            status: None,
            status_class: None,
            messages: Messages::default(),
        }
    }
}

/// What a task is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Make deliveries to an endpoint again.
    Replay {
        endpoint: EndpointId,
        /// Of which messages.
        window: Window,
        /// Which of them.
        which: Replayed,
    },
    /// Remove the application's payloads.
    Purge {
        /// Of which messages.
        window: Window,
    },
    /// Count the attempts of the organisation's applications.
    Attempts {
        /// Of attempts that began then.
        window: Window,
        /// Only of these applications; all if absent.
        apps: Option<Vec<AppId>>,
    },
    /// List the event types of which the organisation's applications ask.
    EventTypes,
}

impl Work {
    fn kind(&self) -> TaskKind {
        match self {
            Self::Replay { which, .. } => match which {
                Replayed::Failed => TaskKind::Recover,
                Replayed::Missing => TaskKind::ReplayMissing,
                Replayed::Any { .. } => TaskKind::BulkReplay,
            },
            Self::Purge { .. } => TaskKind::PurgeContent,
            Self::Attempts { .. } => TaskKind::AppStats,
            Self::EventTypes => TaskKind::EventTypeAggregate,
        }
    }

    fn window(&self) -> Option<Window> {
        match self {
            Self::Replay { window, .. } | Self::Purge { window } => Some(*window),
            Self::Attempts { .. } | Self::EventTypes => None,
        }
    }
}

/// A task to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    pub org_id: OrgId,
    pub app_id: Option<AppId>,
    /// What it is to do.
    pub work: Work,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Counting,
    Working,
    /// Cancelled: what waits because of it is taken back.
    TakingBack,
    Over,
}

impl Phase {
    const fn code(self) -> i16 {
        match self {
            Self::Counting => codes::COUNTING,
            Self::Working => codes::WORKING,
            Self::TakingBack => codes::TAKING_BACK,
            Self::Over => codes::OVER,
        }
    }
}

/// A background task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub org_id: OrgId,
    pub app_id: Option<AppId>,
    /// What it does.
    pub kind: TaskKind,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it is to do.
    pub work: Work,
    /// How many messages or applications it is about; `None` until they are counted.
    pub total: Option<u64>,
    /// How many of them are dealt with.
    pub done: u64,
    /// How many deliveries were put into their lane, or payloads removed.
    pub changed: u64,
    /// How many cannot be sent, since their payload is gone.
    pub lost: u64,
    /// What has come of it so far, if it is to count: a JSON object. Lists leave it out.
    pub result: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    pub(crate) phase: Phase,
    pub(crate) cursor: MessageId,
}

/// Which tasks a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those of this application.
    pub app: Option<AppId>,
    /// Only those that stand so; `Failed` includes the cancelled ones.
    pub status: Option<TaskStatus>,
    /// Only those that do this.
    pub kind: Option<TaskKind>,
}

/// What came of one step of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Moved,
    /// The endpoint has so much waiting that the task waits too.
    Full,
    /// It is over, or another's.
    Over,
}

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] = &[&[
    pick::STATEMENTS,
    replay::STATEMENTS,
    rows::STATEMENTS,
    run::STATEMENTS,
    take_back::STATEMENTS,
    usage::STATEMENTS,
]];
