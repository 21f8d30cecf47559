//! Event types: the catalogue of an organisation.

use http::{Method, StatusCode};
use postrider_store::{EventType, Order};
use serde_json::json;

use crate::access::{Member, OrgWide};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut, ORDER_ASCENDING};
use crate::request::param::Param;
use crate::wire::event_type::{EventTypeIn, EventTypeOut, EventTypePatch};

const ALL: &str = "/api/v1/event-type";
const ONE: &str = "/api/v1/event-type/{event_type_name}";

const INCLUDE_ARCHIVED: Param<bool> = Param::flag(
    "include_archived",
    false,
    "Whether to list archived ones too",
);
const WITH_CONTENT: Param<bool> = Param::flag("with_content", false, "Whether to show schemas");
const EXPUNGE: Param<bool> = Param::flag(
    "expunge",
    false,
    "Whether to remove it for good instead of archiving it",
);

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"name": "invoice.paid", "description": "An invoice was paid in full"});
    vec![
        Operation::new(Method::GET, ALL, "v1.event-type.list", list)
            .says("List event types", "By name. A key of one application does not see those behind feature flags; a token sees those of which it has a flag.")
            .query(&[&LIMIT, &ITERATOR, &ORDER_ASCENDING, &INCLUDE_ARCHIVED, &WITH_CONTENT])
            .lists::<EventTypeOut>("A page of event types"),
        Operation::new(Method::POST, ALL, "v1.event-type.create", create)
            .says("Create an event type", "An archived one of its name is revived and overwritten.")
            .takes::<EventTypeIn>(example())
            .answers::<EventTypeOut>(201, "It was made")
            .fails(&[Code::EventTypeExists]),
        Operation::new(Method::GET, ONE, "v1.event-type.get", get)
            .says("Get an event type", "One event type, by name, archived or not.")
            .answers::<EventTypeOut>(200, "The event type"),
        Operation::new(Method::PUT, ONE, "v1.event-type.update", put)
            .says("Replace an event type", "Replaces it, or makes one of this name if there is none.")
            .takes::<EventTypeIn>(json!({"description": "An invoice was paid in full"}))
            .answers::<EventTypeOut>(200, "It was replaced")
            .answers::<EventTypeOut>(201, "It was made"),
        Operation::new(Method::PATCH, ONE, "v1.event-type.patch", patch)
            .says("Change an event type", "Changes what the body names; null removes.")
            .takes::<EventTypePatch>(json!({"deprecated": true}))
            .answers::<EventTypeOut>(200, "It was changed"),
        Operation::new(Method::DELETE, ONE, "v1.event-type.delete", delete)
            .says("Archive or remove an event type", "Archived, it is hidden from lists, endpoints cannot ask for it, and creating it again revives it. Messages may still carry its name.")
            .query(&[&EXPUNGE])
            .answers_nothing(204, "It is archived or removed"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Event Type"))
    .collect()
}

/// Whether this caller sees the event type.
fn is_visible(member: &Member, event_type: &EventType) -> bool {
    member.visibility.sees(event_type.feature_flags.as_deref())
}

async fn list(call: Call<Member>) -> ApiResult<Answer> {
    // Checked, and otherwise without effect: the list is by name.
    call.query.get(&ORDER_ASCENDING)?;
    let request = page::request::<String>(&call.query, Order::Ascending)?;
    let include_archived = call.query.get(&INCLUDE_ARCHIVED)?;
    let with_content = call.query.get(&WITH_CONTENT)?;
    let store = &call.shared.store;
    let page = store
        .event_types(call.access.org, include_archived, request)
        .await?;
    let page = ListOut::new(
        page,
        |event_type| event_type.name.clone(),
        |event_type| {
            is_visible(&call.access, &event_type)
                .then(|| EventTypeOut::new(event_type, with_content))
        },
    );
    Answer::ok(&page.flattened())
}

async fn create(call: Call<OrgWide>) -> ApiResult<Answer> {
    let new = call.json::<EventTypeIn>()?.checked(None)?;
    let event_type = call
        .shared
        .store
        .create_event_type(call.access.org, new)
        .await?;
    // This node's next publish must not be faster than the news.
    call.shared.cache.forget_org(call.access.org);
    Answer::json(StatusCode::CREATED, &EventTypeOut::new(event_type, true))
}

async fn get(call: Call<Member>) -> ApiResult<Answer> {
    let name = call.segment("event_type_name")?;
    let event_type = call.shared.store.event_type(call.access.org, name).await?;
    if !is_visible(&call.access, &event_type) {
        return Err(ApiError::not_found("Entity not found"));
    }
    Answer::ok(&EventTypeOut::new(event_type, true))
}

async fn put(call: Call<OrgWide>) -> ApiResult<Answer> {
    let name = call.segment("event_type_name")?;
    let new = call.json::<EventTypeIn>()?.checked(Some(name))?;
    let (event_type, created) = call
        .shared
        .store
        .put_event_type(call.access.org, new)
        .await?;
    call.shared.cache.forget_org(call.access.org);
    Answer::made(created, &EventTypeOut::new(event_type, true))
}

async fn patch(call: Call<OrgWide>) -> ApiResult<Answer> {
    let patch = call.json::<EventTypePatch>()?;
    let name = call.segment("event_type_name")?;
    let event_type: EventType = call
        .shared
        .store
        .change_event_type(call.access.org, name, |old| patch.applied_to(old))
        .await?;
    call.shared.cache.forget_org(call.access.org);
    Answer::ok(&EventTypeOut::new(event_type, true))
}

async fn delete(call: Call<OrgWide>) -> ApiResult<Answer> {
    let expunge = call.query.get(&EXPUNGE)?;
    let name = call.segment("event_type_name")?;
    call.shared
        .store
        .delete_event_type(call.access.org, name, expunge)
        .await?;
    call.shared.cache.forget_org(call.access.org);
    Ok(Answer::nothing())
}
