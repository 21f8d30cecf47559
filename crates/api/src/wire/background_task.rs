//! Background tasks on the wire.

use postrider_domain::{TaskId, TaskKind, TaskStatus, Timestamp};
use postrider_store::Task;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Where a task stands, as the wire knows it.
pub(crate) const STATUSES: &[&str] = &["running", "finished", "failed"];
/// Everything that a client may ask the list for; some of it is never in it.
pub(crate) const KINDS: &[&str] = &[
    "endpoint.replay",
    "endpoint.recover",
    "endpoint.bulk-replay",
    "application.purge_content",
    "application.stats",
    "event-type.aggregate",
    "message.broadcast",
    "sdk.generate",
];

/// A task that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskBegunOut {
    /// Its id: ask `/api/v1/background-task/{task_id}` how far it is.
    #[schema(value_type = String, example = "qtask_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: TaskId,
    /// Where it stands.
    #[schema(example = "running", pattern = "^(running|finished|failed)$")]
    pub status: &'static str,
    /// What it does.
    #[schema(example = "endpoint.recover")]
    pub task: &'static str,
    /// When it last moved.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A background task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackgroundTaskOut {
    #[serde(flatten)]
    pub task: TaskBegunOut,
    /// How far it is: `total` messages (of statistics: applications) it is about (null until
    /// they are counted), `done` of them dealt with, `messagesSent` put into the endpoint's queue (`messagesPurged`:
    /// payloads removed), `unrecoverable` whose payload is gone; `canceled` if it was,
    /// `error` if it failed. What statistics found is there when one task is asked for.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

impl From<&Task> for TaskBegunOut {
    fn from(task: &Task) -> Self {
        Self {
            id: task.id,
            status: match task.status {
                TaskStatus::Running => "running",
                TaskStatus::Finished => "finished",
                TaskStatus::Failed | TaskStatus::Canceled => "failed",
            },
            task: task.kind.word(),
            updated_at: task.updated_at,
        }
    }
}

impl From<Task> for BackgroundTaskOut {
    fn from(task: Task) -> Self {
        Self {
            task: TaskBegunOut::from(&task),
            data: data(&task),
        }
    }
}

fn data(task: &Task) -> Map<String, Value> {
    // We wrote it ourselves; a task whose result is broken is still worth showing.
    let mut data: Map<String, Value> = task
        .result
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut set = |name: &str, value: Value| data.insert(name.to_owned(), value);
    match task.kind {
        TaskKind::Recover | TaskKind::ReplayMissing | TaskKind::BulkReplay => {
            set("messagesSent", json!(task.changed));
            set("unrecoverable", json!(task.lost));
        }
        TaskKind::PurgeContent => {
            set("messagesPurged", json!(task.changed));
        }
        TaskKind::AppStats | TaskKind::EventTypeAggregate => {}
    }
    set("total", json!(task.total));
    set("done", json!(task.done));
    if task.status == TaskStatus::Canceled {
        set("canceled", json!(true));
    }
    if let Some(error) = &task.error {
        set("error", json!(error));
    }
    data
}
