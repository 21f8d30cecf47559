//! Messages, once published: lists, one, and the removal of a payload.

use http::Method;
use postrider_domain::MessageId;
use postrider_store::MessageFilter;

use crate::access::{AppByOrg, OfApp};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiResult;
use crate::operation::Operation;
use crate::request::page::{self, AFTER, BEFORE, ITERATOR, InTime, LIMIT, ListOut};
use crate::request::param::Param;
use crate::request::query::Query;
use crate::wire::message::MessageOut;

pub(super) const CHANNEL: Param<Option<String>> =
    Param::text("channel", "Only messages of this channel");
pub(super) const TAG: Param<Option<String>> = Param::text("tag", "Only messages of this tag");
pub(super) const EVENT_TYPES: Param<Vec<String>> =
    Param::list("event_types", "Only messages of these event types");
pub(super) const WITH_CONTENT: Param<bool> =
    Param::flag("with_content", true, "Whether to show payloads and answers");

const ALL: &str = "/api/v1/app/{app_id}/msg";
const ONE: &str = "/api/v1/app/{app_id}/msg/{msg_id}";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, ALL, "v1.message.list", list)
            .says("List messages", "The application's messages, newest first.")
            .query(&[
                &LIMIT,
                &ITERATOR,
                &CHANNEL,
                &TAG,
                &EVENT_TYPES,
                &BEFORE,
                &AFTER,
                &WITH_CONTENT,
            ])
            .lists::<MessageOut>("A page of messages"),
        Operation::new(Method::GET, ONE, "v1.message.get", get)
            .says("Get a message", "One message, by id or event id.")
            .query(&[&WITH_CONTENT])
            .answers::<MessageOut>(200, "The message"),
        Operation::new(
            Method::DELETE,
            "/api/v1/app/{app_id}/msg/{msg_id}/content",
            "v1.message.expunge-content",
            expunge,
        )
        .says(
            "Delete a message's payload",
            "Removes the payload for good. What has not been delivered yet then never will be.",
        )
        .answers_nothing(204, "It is deleted"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Message"))
    .collect()
}

/// Reads what lists of messages are filtered by.
pub(super) fn filter<K>(query: &Query, within: &InTime<K>) -> ApiResult<MessageFilter> {
    Ok(MessageFilter {
        channel: query.get(&CHANNEL)?,
        tag: query.get(&TAG)?,
        event_types: query.get(&EVENT_TYPES)?,
        before: within.before,
        after: within.after,
        with_payload: query.get(&WITH_CONTENT)?,
    })
}

async fn list(call: Call<OfApp>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let within = page::in_time::<MessageId>(&call.query, store.clock().now())?;
    let filter = filter(&call.query, &within)?;
    let with_content = filter.with_payload;
    let page = store
        .messages(call.access.app.id, filter, within.page)
        .await?;
    Answer::ok(&ListOut::new(
        page,
        |message| message.id.to_string(),
        |message| MessageOut::new(message, with_content),
    ))
}

async fn get(call: Call<OfApp>) -> ApiResult<Answer> {
    let with_content = call.query.get(&WITH_CONTENT)?;
    let name = call.segment("msg_id")?;
    let message = call
        .shared
        .store
        .message(call.access.app.id, name, with_content)
        .await?;
    Answer::ok(&MessageOut::new(message, with_content))
}

async fn expunge(call: Call<AppByOrg>) -> ApiResult<Answer> {
    let (store, app) = (&call.shared.store, &call.access.app);
    let message = store
        .message(app.id, call.segment("msg_id")?, false)
        .await?;
    store.delete_payload(app.id, message.id).await?;
    Ok(Answer::nothing())
}
