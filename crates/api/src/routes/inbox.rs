//! Inboxes: receivers inside the server, for trying things out.

use http::{Method, StatusCode};
use postrider_domain::{AppId, Capability, InboxId, InboxRequestId};
use postrider_store::{Entity, Inbox, NewInbox, Order, StoreError};
use serde_json::json;

use crate::access::Member;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut};
use crate::wire::inbox::{InboxIn, InboxOut, InboxPatch, InboxRequestOut, patch_example};
use crate::wire::patch::Patch;

/// Inboxes of an organisation at one time, and those of them that one application has: a
/// customer must leave some to others.
const MAX_INBOXES: u16 = 50;
const MAX_OF_APP: u16 = 10;

const ALL: &str = "/api/v1/inbox";
const ONE: &str = "/api/v1/inbox/{inbox_id}";
const REQUESTS: &str = "/api/v1/inbox/{inbox_id}/request";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, ALL, "v1.inbox.create", create)
            .says("Make an inbox", "Makes a URL inside this server that takes any request and keeps the last 200 of them, or the last 16 MiB, 256 KiB of body each, to be looked at: register it as an endpoint to see what a receiver would get. It goes by itself. An organisation has 50 at most, an application of it 10. The URL is an endpoint's like any other: deliveries reach it where the rules for addresses allow. Only where the operator has turned inboxes on.")
            .may_take::<InboxIn>(json!({"ttlSeconds": 3600}))
            .answers::<InboxOut>(201, "It was made")
            .fails(&[Code::NotFound, Code::LimitReached]),
        Operation::new(Method::GET, ALL, "v1.inbox.list", list)
            .says("List inboxes", "The organisation's inboxes, newest first, all in one page. A token of an application sees those of its application.")
            .lists::<InboxOut>("The inboxes")
            .fails(&[Code::NotFound]),
        Operation::new(Method::GET, ONE, "v1.inbox.get", get)
            .says("Get an inbox", "One inbox.")
            .answers::<InboxOut>(200, "The inbox"),
        Operation::new(Method::PATCH, ONE, "v1.inbox.patch", patch)
            .says("Change an inbox", "What it answers, when, and what it checks requests with.")
            .takes::<InboxPatch>(patch_example())
            .answers::<InboxOut>(200, "The inbox as it is now"),
        Operation::new(Method::DELETE, ONE, "v1.inbox.delete", delete)
            .says("Delete an inbox", "Removes the inbox with all that it has received.")
            .answers_nothing(204, "It is deleted"),
        Operation::new(Method::GET, REQUESTS, "v1.inbox.list-requests", requests)
            .says("List what an inbox received", "The requests that it has kept, newest first. A page ends early where they are large: go on with `iterator` until `done`.")
            .query(&[&LIMIT, &ITERATOR])
            .lists::<InboxRequestOut>("A page of requests"),
        Operation::new(Method::DELETE, REQUESTS, "v1.inbox.clear", clear)
            .says("Empty an inbox", "Removes all requests that it has kept.")
            .answers_nothing(204, "It is empty"),
    ]
    .into_iter()
    .map(|operation| {
        if operation.method.is_safe() {
            operation
        } else {
            operation.asks(Capability::ManageEndpoint)
        }
    })
    .map(|operation| operation.tag("Inbox"))
    .collect()
}

/// Fails where the operator has not turned inboxes on.
fn turned_on(call: &Call<Member>) -> ApiResult<()> {
    if call.shared.settings.inbox {
        return Ok(());
    }
    Err(ApiError::not_found(
        "Inboxes are turned off: the operator can turn them on with POSTRIDER_INBOX=true",
    ))
}

fn base(call: &Call<Member>) -> &str {
    call.shared.settings.public_url.as_deref().unwrap_or("")
}

async fn create(call: Call<Member>) -> ApiResult<Answer> {
    let body = call.json_or_nothing::<InboxIn>()?;
    let life = body.life()?;
    turned_on(&call)?;
    let store = &call.shared.store;
    let app_id = match &body.app_id {
        None => call.access.app,
        Some(name) => Some(application(&call, name).await?),
    };
    let new = NewInbox {
        org_id: call.access.org,
        app_id,
        expires_at: store.clock().now().plus(life),
    };
    match store.create_inbox(new, MAX_INBOXES, MAX_OF_APP).await {
        Ok(inbox) => Answer::json(StatusCode::CREATED, &InboxOut::new(&inbox, base(&call))),
        Err(StoreError::Conflict(_)) => Err(ApiError::new(
            Code::LimitReached,
            "The organisation has 50 inboxes, or the application 10: delete one, or wait until one has expired",
        )),
        Err(error) => Err(error.into()),
    }
}

/// The application of this name, if the caller may see it.
async fn application(call: &Call<Member>, name: &str) -> ApiResult<AppId> {
    let unknown = || ApiError::invalid_field("appId", "no application: give its id or uid");
    if name.contains('\0') {
        return Err(unknown());
    }
    let app = match call.shared.store.app(call.access.org, name).await {
        Err(StoreError::NotFound(_)) => return Err(unknown()),
        found => found?,
    };
    if call.access.app.is_some_and(|bound| bound != app.id) {
        return Err(unknown());
    }
    Ok(app.id)
}

async fn list(call: Call<Member>) -> ApiResult<Answer> {
    turned_on(&call)?;
    let store = &call.shared.store;
    let inboxes = store.inboxes(call.access.org, call.access.app).await?;
    let base = base(&call);
    let data = inboxes.into_iter().map(|inbox| InboxOut::new(&inbox, base));
    Answer::ok(&ListOut {
        data: data.collect(),
        iterator: None,
        prev_iterator: None,
        done: true,
    })
}

/// The inbox that the path names, if the caller may see it.
async fn named(call: &Call<Member>) -> ApiResult<Inbox> {
    turned_on(call)?;
    let unknown = || ApiError::not_found("Inbox not found");
    let id: InboxId = call.segment("inbox_id")?.parse().map_err(|_| unknown())?;
    let inbox = call.shared.store.inbox(call.access.org, id).await?;
    if call.access.app.is_some() && call.access.app != inbox.app_id {
        return Err(unknown());
    }
    Ok(inbox)
}

async fn get(call: Call<Member>) -> ApiResult<Answer> {
    let inbox = named(&call).await?;
    Answer::ok(&InboxOut::new(&inbox, base(&call)))
}

async fn patch(call: Call<Member>) -> ApiResult<Answer> {
    let mut checked = call.json::<InboxPatch>()?.checked()?;
    let inbox = named(&call).await?;
    let store = &call.shared.store;
    if let Some(name) = &checked.app {
        let app = application(&call, name).await?;
        if inbox.app_id.is_some_and(|tied| tied != app) {
            let msg = "the inbox is another application's: make one with this appId";
            return Err(ApiError::invalid_field("appId", msg));
        }
        checked.update.app = Some(app);
    }
    checked.update.endpoint = match (&checked.endpoint, inbox.app_id.or(checked.update.app)) {
        (Patch::Absent, _) => None,
        (Patch::Null, _) => Some(None),
        (Patch::Value(_), None) => {
            let msg = "given for an inbox without an application: give its appId too";
            return Err(ApiError::invalid_field("endpointId", msg));
        }
        (Patch::Value(name), Some(app)) => {
            // PostgreSQL refuses to look for a NUL.
            let found = if name.contains('\0') {
                Err(StoreError::NotFound(Entity::Endpoint))
            } else {
                store.endpoint(app, name).await
            };
            match found {
                Err(StoreError::NotFound(_)) => {
                    let msg = "no endpoint of the inbox's application: give its id or uid";
                    return Err(ApiError::invalid_field("endpointId", msg));
                }
                found => Some(Some(found?.id)),
            }
        }
    };
    let inbox = store
        .change_inbox(call.access.org, inbox.id, checked.update)
        .await?;
    Answer::ok(&InboxOut::new(&inbox, base(&call)))
}

async fn delete(call: Call<Member>) -> ApiResult<Answer> {
    let inbox = named(&call).await?;
    call.shared.store.delete_inbox(inbox.id).await?;
    Ok(Answer::nothing())
}

async fn requests(call: Call<Member>) -> ApiResult<Answer> {
    let page = page::request::<InboxRequestId>(&call.query, Order::Descending)?;
    let inbox = named(&call).await?;
    let page = call.shared.store.inbox_requests(inbox.id, page).await?;
    Answer::ok(&ListOut::new(
        page,
        |request| request.id.to_string(),
        InboxRequestOut::from,
    ))
}

async fn clear(call: Call<Member>) -> ApiResult<Answer> {
    let inbox = named(&call).await?;
    call.shared.store.clear_inbox(inbox.id).await?;
    Ok(Answer::nothing())
}
