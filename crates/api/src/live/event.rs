//! One event as a listener gets it.

use postrider_domain::{AppId, AttemptStatus, InboxId, InboxRequestId, OrgId, Timestamp};
use postrider_store::{HappenedAttempt, HappenedMessage, Task};
use serde_json::{Value, json};

use super::Scope;
use crate::wire::background_task::BackgroundTaskOut;

/// What one look found.
#[derive(Debug)]
pub(super) enum News {
    /// Something happened.
    Events(Vec<Event>),
    /// More happened than was looked at.
    Gap,
}

/// One thing that happened.
#[derive(Debug)]
pub(super) struct Event {
    /// To whose it happened.
    pub org: OrgId,
    /// To which application, if it was one.
    pub app: Option<AppId>,
    /// When it was written down: where a stream goes on from.
    pub at: Timestamp,
    /// What happened.
    pub name: &'static str,
    /// What there is to know of it.
    pub data: Value,
}

impl Event {
    pub(super) fn message(org: OrgId, at: Timestamp, message: &HappenedMessage) -> Self {
        Self {
            org,
            app: Some(message.app_id),
            at,
            name: "message.created",
            data: json!({
                "appId": message.app_id,
                "msgId": message.id,
                "eventType": message.event_type,
                "timestamp": message.id.minted_at(),
            }),
        }
    }

    pub(super) fn attempt(org: OrgId, at: Timestamp, attempt: &HappenedAttempt) -> Self {
        let status = if attempt.succeeded {
            AttemptStatus::Success
        } else {
            AttemptStatus::Fail
        };
        Self {
            org,
            app: Some(attempt.app_id),
            at,
            name: "attempt.made",
            data: json!({
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
            }),
        }
    }

    pub(super) fn changed(org: OrgId, at: Timestamp, app: AppId) -> Self {
        Self {
            org,
            app: Some(app),
            at,
            name: "endpoint.changed",
            data: json!({ "appId": app }),
        }
    }

    pub(super) fn inbox(
        org: OrgId,
        at: Timestamp,
        (app, inbox, request): (Option<AppId>, InboxId, InboxRequestId),
    ) -> Self {
        Self {
            org,
            app,
            at,
            name: "inbox.request",
            data: json!({ "inboxId": inbox, "requestId": request }),
        }
    }

    pub(super) fn task(org: OrgId, task: Task) -> Self {
        let (app, at) = (task.app_id, task.updated_at);
        let out = BackgroundTaskOut::from(task);
        Self {
            org,
            app,
            at,
            name: "task.changed",
            data: json!({
                "taskId": out.task.id,
                "task": out.task.task,
                "status": out.task.status,
                "progress": { "total": out.data.get("total"), "done": out.data.get("done") },
            }),
        }
    }

    /// Whether it is in this scope.
    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        self.org == scope.org && (scope.app.is_none() || scope.app == self.app)
    }

    /// As it goes over the wire.
    pub(super) fn frame(&self, into: &mut String) {
        frame(into, self.at, self.name, &self.data);
    }
}

/// One event as it goes over the wire (WHATWG HTML, section 9.2.6). JSON has no line ends.
pub(super) fn frame(into: &mut String, at: Timestamp, name: &str, data: &Value) {
    use std::fmt::Write;
    // Writing to a string cannot fail.
    let _ = write!(into, "id: {}\nevent: {name}\ndata: {data}\n\n", at.micros());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_frame_whatever_it_holds() {
        let mut text = String::new();
        frame(
            &mut text,
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
