//! Removing payloads by the many, and asking whether a message would be sent at all.

use http::{Method, StatusCode};
use postrider_domain::names;
use postrider_store::{NewTask, Window, Work};
use serde_json::json;

use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code, InField};
use crate::operation::Operation;
use crate::wire::background_task::TaskBegunOut;
use crate::wire::recovery::{BulkExpungeIn, BulkExpungeOut, PrecheckIn, PrecheckOut};

/// Messages that one request names at most.
const MAX_IDS: usize = 1_000;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/app/{app_id}/msg/expunge-all-contents", "v1.message.expunge-all-contents", all)
            .says("Delete all payloads", "Removes the payloads of every message that the application has, for good, in a background task. What has not been delivered yet then never will be.")
            .answers::<TaskBegunOut>(202, "The task has begun")
            .fails(&[Code::RateLimited]),
        Operation::new(Method::POST, "/api/v1/app/{app_id}/msg/bulk-expunge", "v1.message.bulk-expunge", some)
            .says("Delete several payloads", "Removes the payloads of up to 1,000 messages for good. What has not been delivered yet then never will be.")
            .may_take::<BulkExpungeIn>(json!({"ids": ["msg_01jcH3kZ9rTnQv5bX7mD2w", "order-17"]}))
            .answers::<BulkExpungeOut>(200, "What became of each"),
        Operation::new(Method::POST, "/api/v1/app/{app_id}/msg/precheck/active", "v1.message.precheck", precheck)
            .says("Ask whether a message would be sent", "Whether the application has an endpoint, not disabled, that wants such a message.")
            .takes::<PrecheckIn>(json!({"eventType": "invoice.paid", "channels": ["project_1"]}))
            .answers::<PrecheckOut>(200, "Whether it would"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Message"))
    .collect()
}

async fn all(call: Call<OrgWide>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let app = store.app(call.access.org, call.segment("app_id")?).await?;
    let new = NewTask {
        org_id: call.access.org,
        app_id: Some(app.id),
        work: Work::Purge {
            window: Window::up_to(store.clock().now()),
        },
    };
    let task = store.create_task(new).await?;
    Answer::json(StatusCode::ACCEPTED, &TaskBegunOut::from(&task))
}

async fn some(call: Call<OrgWide>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let ids = call
        .json_or_nothing::<BulkExpungeIn>()?
        .ids
        .unwrap_or_default();
    if ids.len() > MAX_IDS {
        let count = ids.len();
        return Err(ApiError::invalid_field(
            "ids",
            format!("{count} are too many: give at most {MAX_IDS} at a time"),
        ));
    }
    let app = store.app(call.access.org, call.segment("app_id")?).await?;
    let found = store.delete_payloads(app.id, &ids).await?;
    let word = |found| if found { "expunged" } else { "not-found" };
    let results = ids.into_iter().zip(found.into_iter().map(word)).collect();
    Answer::ok(&BulkExpungeOut { results })
}

async fn precheck(call: Call<OrgWide>) -> ApiResult<Answer> {
    let message = call.json::<PrecheckIn>()?;
    names::check_event_type(&message.event_type).in_field("eventType")?;
    if let Some(channels) = &message.channels {
        names::check_message_channels(channels).in_field("channels")?;
    }
    let channels = message.channels.unwrap_or_default();
    // As it is at this moment: the publish that follows is planned on no older one.
    let app = call
        .shared
        .store
        .app(call.access.org, call.segment("app_id")?)
        .await?;
    let app = call
        .shared
        .cache
        .app_at_least(app.id, app.config_version)
        .await?;
    let active = app.endpoints.iter().any(|endpoint| {
        !endpoint.settings.disabled && endpoint.filter.wants(&message.event_type, &channels)
    });
    Answer::ok(&PrecheckOut { active })
}
