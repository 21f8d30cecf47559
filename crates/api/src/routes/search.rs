//! Finding messages.

use http::Method;
use postrider_domain::MessageId;
use postrider_store::{DeliveryStatus, MessageQuery};

use super::message::{CHANNEL, TAG};
use crate::access::OfApp;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiResult;
use crate::operation::Operation;
use crate::request::page::{self, AFTER, BEFORE, ITERATOR, LIMIT, ListOut};
use crate::request::param::Param;
use crate::wire::search::FoundMessageOut;

const Q: Param<Option<String>> = Param::text(
    "q",
    "Only the message of this id or event id or, if there is none, those of this tag or whose event type begins so. Payloads are not searched",
);
const EVENT_TYPES: Param<Vec<String>> =
    Param::list("eventTypes", "Only messages of these event types");
const STATUS: Param<Option<&'static str>> = Param::word(
    "status",
    &["succeeded", "failing", "pending", "exhausted", "canceled"],
    "Only messages with a delivery that stands so; `succeeded`: with one, and none that stands otherwise but canceled",
);
const ENDPOINT_ID: Param<Option<String>> = Param::text(
    "endpointId",
    "Only messages for this endpoint, by id or uid; `status` and `destinations` are then that one's",
);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/api/v1/app/{app_id}/msg/search",
            "v1.message.search",
            search,
        )
        .says(
            "Search messages",
            "Messages without their payloads, newest first, each with how its deliveries stand. One call looks at a bounded number of messages: a page may hold fewer rows than asked for, even none, while `done` is false; go on with `iterator`.",
        )
        .query(&[&Q, &EVENT_TYPES, &CHANNEL, &TAG, &STATUS, &ENDPOINT_ID, &BEFORE, &AFTER, &LIMIT, &ITERATOR])
        .lists::<FoundMessageOut>("A page of messages")
        .tag("Message"),
    ]
}

async fn search(call: Call<OfApp>) -> ApiResult<Answer> {
    let (store, app) = (&call.shared.store, call.access.app.id);
    let within = page::in_time::<MessageId>(&call.query, store.clock().now())?;
    let status = call.query.get(&STATUS)?;
    let query = MessageQuery {
        text: call.query.get(&Q)?,
        event_types: call.query.get(&EVENT_TYPES)?,
        channel: call.query.get(&CHANNEL)?,
        tag: call.query.get(&TAG)?,
        status: status.map(|word| match word {
            "succeeded" => DeliveryStatus::Succeeded,
            "failing" => DeliveryStatus::Failing,
            "pending" => DeliveryStatus::Pending,
            "exhausted" => DeliveryStatus::Exhausted,
            _ => DeliveryStatus::Canceled,
        }),
        endpoint: match call.query.get(&ENDPOINT_ID)? {
            None => None,
            Some(name) => Some(store.endpoint(app, &name).await?.id),
        },
        before: within.before,
        after: within.after,
    };
    let found = store.search_messages(app, query, within.page).await?;
    Answer::ok(&ListOut::found(
        found,
        |row| row.message.id.to_string(),
        FoundMessageOut::from,
    ))
}
