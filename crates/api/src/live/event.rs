//! One event as a listener gets it.

use postrider_domain::{AppId, AttemptStatus, OrgId, Timestamp};
use postrider_store::{LoggedAttempt, LoggedMessage, LoggedRequest, Task};
use serde_json::{Value, json};

use super::Scope;
use crate::wire::background_task::BackgroundTaskOut;

/// What one look found.
#[derive(Debug)]
pub(crate) enum News {
    /// Something happened.
    Events(Vec<Event>),
    /// More happened than was looked at.
    Gap,
}

/// One thing that happened, as it goes over the wire: many listeners share it, and it
/// waits for the slowest of them.
#[derive(Debug)]
pub(crate) struct Event {
    /// To whose it happened.
    pub org: OrgId,
    /// To which application, if it was one.
    pub app: Option<AppId>,
    /// When it was written down: where a stream goes on from.
    pub at: Timestamp,
    pub frame: String,
}

impl Event {
    fn new((org, app): (OrgId, Option<AppId>), at: Timestamp, name: &str, data: &Value) -> Self {
        Self {
            org,
            app,
            at,
            frame: frame(at, name, data),
        }
    }

    pub(crate) fn message(org: OrgId, at: Timestamp, message: &LoggedMessage) -> Self {
        let data = json!({
            "appId": message.app_id,
            "msgId": message.id,
            "eventType": message.event_type,
            "timestamp": message.id.minted_at(),
        });
        Self::new((org, Some(message.app_id)), at, "message.created", &data)
    }

    pub(crate) fn attempt(org: OrgId, at: Timestamp, attempt: &LoggedAttempt) -> Self {
        let status = if attempt.succeeded {
            AttemptStatus::Success
        } else {
            AttemptStatus::Fail
        };
        let data = json!({
            "appId": attempt.app_id,
            "endpointId": attempt.endpoint_id,
            "msgId": attempt.message_id,
            "attemptId": attempt.id,
            "eventType": attempt.event_type,
            "status": status.code(),
            "statusCode": attempt.http_status,
            "durationMs": attempt.duration.as_millis() as u64,
            "timestamp": attempt.id.minted_at(),
            "nextAttemptAt": attempt.next_at,
        });
        Self::new((org, Some(attempt.app_id)), at, "attempt.made", &data)
    }

    pub(crate) fn changed(org: OrgId, at: Timestamp, app: AppId) -> Self {
        let data = json!({ "appId": app });
        Self::new((org, Some(app)), at, "endpoint.changed", &data)
    }

    pub(crate) fn request(at: Timestamp, request: &LoggedRequest) -> Self {
        let data = json!({ "inboxId": request.inbox_id, "requestId": request.id });
        Self::new((request.org_id, request.app_id), at, "inbox.request", &data)
    }

    pub(crate) fn task(org: OrgId, task: Task) -> Self {
        let (app, at) = (task.app_id, task.updated_at);
        let out = BackgroundTaskOut::from(task);
        let data = json!({
            "taskId": out.task.id,
            "task": out.task.task,
            "status": out.task.status,
            "progress": { "total": out.data.get("total"), "done": out.data.get("done") },
        });
        Self::new((org, app), at, "task.changed", &data)
    }

    /// Whether it is in this scope.
    pub(crate) fn is_in(&self, scope: &Scope) -> bool {
        self.org == scope.org && (scope.app.is_none() || scope.app == self.app)
    }
}

/// One event as it goes over the wire (WHATWG HTML, section 9.2.6). JSON has no line ends.
pub(crate) fn frame(at: Timestamp, name: &str, data: &Value) -> String {
    format!("id: {}\nevent: {name}\ndata: {data}\n\n", at.micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_frame_whatever_it_holds() {
        let text = frame(
            Timestamp::from_micros(5),
            "message.created",
            &json!({"eventType": "a\n\ndata: x"}),
        );
        assert_eq!(
            text,
            "id: 5\nevent: message.created\ndata: {\"eventType\":\"a\\n\\ndata: x\"}\n\n"
        );
    }
}
