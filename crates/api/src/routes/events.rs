//! What happens, as it happens: server-sent events.

use http::Method;

use crate::access::{OfApp, OrgWide};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiResult, Code};
use crate::event_stream::{self, Following};
use crate::live::Scope;
use crate::operation::Operation;

const ABOUT: &str = "Server-sent events (WHATWG HTML, \"Server-sent events\"), each a JSON object: `message.created` {appId, msgId, eventType, timestamp}; `attempt.made` {appId, endpointId, msgId, attemptId, status (0 success, 2 fail), statusCode, durationMs, timestamp, nextAttemptAt}; `endpoint.changed` {appId}: the application or one of its endpoints changed; `task.changed` {taskId, task, status, progress {total, done}}; `inbox.request` {inboxId, requestId}; `reset` {}: something was left out, read everything again. To go on after a break, send `last-event-id`: what happened in between comes again, and a little of what came before; after more than five minutes comes `reset`. Silence is broken every 15 seconds. A key or token that ends, ends its streams within seconds. Each node has a bounded number of streams, and each key, token and application of them.";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/api/v1/events",
            "v1.events.stream",
            of_organisation,
        )
        .says("Follow what happens", ABOUT)
        .answers_text("The events", event_stream::CONTENT_TYPE)
        .fails(&[Code::RateLimited]),
        Operation::new(
            Method::GET,
            "/api/v1/app/{app_id}/events/live",
            "v1.events.stream-app",
            of_application,
        )
        .says(
            "Follow what happens to an application",
            "As `/api/v1/events`, of this application alone.",
        )
        .answers_text("The events", event_stream::CONTENT_TYPE)
        .fails(&[Code::RateLimited]),
    ]
    .into_iter()
    .map(|operation| operation.tag("Events"))
    .collect()
}

async fn of_organisation(call: Call<Following<OrgWide>>) -> ApiResult<Answer> {
    let scope = Scope {
        org: call.access.access.org,
        app: None,
    };
    event_stream::stream(&call.shared, &call.access, scope).await
}

async fn of_application(call: Call<Following<OfApp>>) -> ApiResult<Answer> {
    let scope = Scope {
        org: call.access.access.org,
        app: Some(call.access.access.app.id),
    };
    event_stream::stream(&call.shared, &call.access, scope).await
}
