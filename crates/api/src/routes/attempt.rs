//! Attempts: the record of deliveries, and sending again by hand.

use std::collections::HashMap;

use http::{Method, StatusCode};
use postrider_domain::{AttemptId, AttemptStatus, Capability, EndpointId, MessageId};
use postrider_store::{Attempt, AttemptFilter, DeliveryFilter, Message, Order, Page};
use serde_json::json;

use super::endpoint::named;
use super::message::{self, CHANNEL, EVENT_TYPES, TAG, WITH_CONTENT};
use crate::access::{AppByOrg, OfApp};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::page::{self, AFTER, BEFORE, ITERATOR, InTime, LIMIT, ListOut};
use crate::request::param::{Param, Parameter};
use crate::request::query::Query;
use crate::wire::attempt::{EndpointMessageOut, MessageAttemptOut, MessageEndpointOut, Shows};
use crate::wire::message::MessageOut;

const STATUS: Param<Option<AttemptStatus>> = Param::status(
    "status",
    "Only those of this status: 0 success, 1 pending, 2 fail, 3 sending, 4 canceled",
);
const STATUS_CLASS: Param<Option<u16>> = Param::status_class(
    "status_code_class",
    "Only those answered with a status of this class; 0: not answered",
);
const ENDPOINT: Param<Option<String>> =
    Param::text("endpoint_id", "Only those to this endpoint, by id or uid");

const WITH_MSG: Param<bool> = Param::flag(
    "with_msg",
    false,
    "Whether to show the message of each attempt, without its payload",
);
const EXPANDED: Param<bool> = Param::flag(
    "expanded_statuses",
    true,
    "Whether to show what was canceled as 4; as 0 otherwise, for clients that know no 4",
);

/// What lists of a message's attempts ask.
const OF_A_MESSAGE: &[&dyn Parameter] = &[
    &LIMIT,
    &ITERATOR,
    &STATUS,
    &STATUS_CLASS,
    &CHANNEL,
    &TAG,
    &EVENT_TYPES,
    &ENDPOINT,
    &BEFORE,
    &AFTER,
    &WITH_CONTENT,
    &EXPANDED,
];

pub(super) fn operations() -> Vec<Operation> {
    [lists(), deprecated(), singles()]
        .concat()
        .into_iter()
        .map(|operation| operation.tag("Message Attempt"))
        .collect()
}

fn lists() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}", "v1.message-attempt.list-by-endpoint", by_endpoint)
            .says("List attempts by endpoint", "Every attempt to deliver to the endpoint, newest first.")
            .query(&[&LIMIT, &ITERATOR, &STATUS, &STATUS_CLASS, &CHANNEL, &TAG, &EVENT_TYPES, &BEFORE, &AFTER, &WITH_CONTENT, &WITH_MSG, &EXPANDED])
            .lists::<MessageAttemptOut>("A page of attempts"),
        Operation::new(Method::GET, "/api/v1/app/{app_id}/attempt/msg/{msg_id}", "v1.message-attempt.list-by-msg", by_message)
            .says("List attempts by message", "Every attempt to deliver the message, newest first.")
            .query(OF_A_MESSAGE)
            .lists::<MessageAttemptOut>("A page of attempts"),
        Operation::new(Method::GET, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/msg", "v1.message-attempt.list-attempted-messages", messages)
            .says("List an endpoint's messages", "The messages for the endpoint, newest first, each with where it stands; a retry that is due reads 3, sending.")
            .query(&[&LIMIT, &ITERATOR, &STATUS, &CHANNEL, &TAG, &EVENT_TYPES, &BEFORE, &AFTER, &WITH_CONTENT, &EXPANDED])
            .lists::<EndpointMessageOut>("A page of messages"),
        Operation::new(Method::GET, "/api/v1/app/{app_id}/msg/{msg_id}/endpoint", "v1.message-attempt.list-attempted-destinations", endpoints)
            .says("List a message's endpoints", "The endpoints that the message is for, deleted ones included, each with how the last attempt ended.")
            .query(&[&LIMIT, &ITERATOR])
            .lists::<MessageEndpointOut>("A page of endpoints"),
    ]
}

/// What the oldest clients call in place of [`lists`].
fn deprecated() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/api/v1/app/{app_id}/msg/{msg_id}/attempt",
            "v1.message-attempt.list-by-msg-deprecated",
            by_message,
        )
        .says(
            "List attempts by message (old)",
            "As `GET .../attempt/msg/{msg_id}`.",
        )
        .query(OF_A_MESSAGE)
        .lists::<MessageAttemptOut>("A page of attempts")
        .deprecated(),
        Operation::new(
            Method::GET,
            "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/attempt",
            "v1.message-attempt.list-by-endpoint-deprecated",
            by_message_at_endpoint,
        )
        .says(
            "List attempts by message and endpoint (old)",
            "As `GET .../attempt/msg/{msg_id}?endpoint_id={endpoint_id}`.",
        )
        .query(&[
            &LIMIT,
            &ITERATOR,
            &STATUS,
            &STATUS_CLASS,
            &CHANNEL,
            &TAG,
            &EVENT_TYPES,
            &BEFORE,
            &AFTER,
            &WITH_CONTENT,
            &EXPANDED,
        ])
        .lists::<MessageAttemptOut>("A page of attempts")
        .deprecated(),
    ]
}

fn singles() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}",
            "v1.message-attempt.get",
            get,
        )
        .says(
            "Get an attempt",
            "One attempt: what was sent, what came back, when the next one was due and why.",
        )
        .query(&[&EXPANDED])
        .answers::<MessageAttemptOut>(200, "The attempt"),
        Operation::new(
            Method::DELETE,
            "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content",
            "v1.message-attempt.expunge-content",
            expunge,
        )
        .says(
            "Delete what a receiver answered",
            "Removes the answer's body and headers for good; `EXPUNGED` takes the body's place.",
        )
        .answers_nothing(204, "It is deleted"),
        Operation::new(
            Method::POST,
            "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend",
            "v1.message-attempt.resend",
            resend,
        )
        .says(
            "Send a message again",
            "Makes one attempt now, outside the delivery's own schedule.",
        )
        .asks(Capability::CreateAttempts)
        .answers_json(202, "It will be sent", json!({}))
        .fails(&[Code::MissingPayload, Code::EndpointDisabled]),
    ]
}

/// The message that the path names.
async fn message(call: &Call<OfApp>) -> ApiResult<Message> {
    let name = call.segment("msg_id")?;
    Ok(call
        .shared
        .store
        .message(call.access.app.id, name, false)
        .await?)
}

fn filter(query: &Query, within: &InTime<AttemptId>) -> ApiResult<AttemptFilter> {
    Ok(AttemptFilter {
        status: query.get(&STATUS)?,
        status_class: query.get(&STATUS_CLASS)?,
        channel: query.get(&CHANNEL)?,
        tag: query.get(&TAG)?,
        event_types: query.get(&EVENT_TYPES)?,
        before: within.before,
        after: within.after,
        endpoint: None,
    })
}

fn shows(query: &Query) -> ApiResult<Shows> {
    Ok(Shows {
        content: query.get(&WITH_CONTENT)?,
        expanded: query.get(&EXPANDED)?,
    })
}

async fn by_endpoint(call: Call<OfApp>) -> ApiResult<Answer> {
    let (store, app) = (&call.shared.store, call.access.app.id);
    let within = page::in_time::<AttemptId>(&call.query, store.clock().now())?;
    let filter = filter(&call.query, &within)?;
    let shows = shows(&call.query)?;
    let with_msg = call.query.get(&WITH_MSG)?;
    let endpoint = named(&call).await?.id;
    let page = store
        .attempts_by_endpoint(app, endpoint, filter, within.page)
        .await?;
    let messages = if with_msg {
        messages_of(&call, &page.rows).await?
    } else {
        HashMap::new()
    };
    Answer::ok(&listed(page, shows, |id| messages.get(&id).cloned()))
}

/// The messages of these attempts by id.
async fn messages_of(
    call: &Call<OfApp>,
    attempts: &[Attempt],
) -> ApiResult<HashMap<MessageId, MessageOut>> {
    let mut ids: Vec<MessageId> = attempts.iter().map(|attempt| attempt.message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let store = &call.shared.store;
    let messages = store.messages_of(call.access.app.id, &ids).await?;
    Ok(messages
        .into_iter()
        .map(|message| (message.id, MessageOut::new(message, false)))
        .collect())
}

fn listed(
    page: Page<Attempt>,
    shows: Shows,
    message: impl Fn(MessageId) -> Option<MessageOut>,
) -> ListOut<MessageAttemptOut> {
    ListOut::new(
        page,
        |attempt| attempt.id.to_string(),
        |attempt| {
            let msg = message(attempt.message_id);
            MessageAttemptOut {
                msg,
                ..MessageAttemptOut::new(attempt, shows)
            }
        },
    )
}

async fn by_message(call: Call<OfApp>) -> ApiResult<Answer> {
    let endpoint = match call.query.get(&ENDPOINT)? {
        Some(name) => Some(endpoint(&call, &name).await?),
        None => None,
    };
    of_message(call, endpoint).await
}

async fn by_message_at_endpoint(call: Call<OfApp>) -> ApiResult<Answer> {
    let endpoint = endpoint(&call, call.segment("endpoint_id")?).await?;
    of_message(call, Some(endpoint)).await
}

/// An id may be a deleted endpoint's, whose attempts stay; it filters only.
async fn endpoint(call: &Call<OfApp>, name: &str) -> ApiResult<EndpointId> {
    match name.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(call
            .shared
            .store
            .endpoint(call.access.app.id, name)
            .await?
            .id),
    }
}

async fn of_message(call: Call<OfApp>, endpoint: Option<EndpointId>) -> ApiResult<Answer> {
    let (store, app) = (&call.shared.store, call.access.app.id);
    let within = page::in_time::<AttemptId>(&call.query, store.clock().now())?;
    let filter = AttemptFilter {
        endpoint,
        ..filter(&call.query, &within)?
    };
    let shows = shows(&call.query)?;
    let message = message(&call).await?.id;
    let page = store
        .attempts_by_message(app, message, filter, within.page)
        .await?;
    Answer::ok(&listed(page, shows, |_| None))
}

async fn messages(call: Call<OfApp>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let within = page::in_time::<MessageId>(&call.query, store.clock().now())?;
    let filter = DeliveryFilter {
        status: call.query.get(&STATUS)?,
        message: message::filter(&call.query, &within)?,
    };
    let shows = shows(&call.query)?;
    let endpoint = named(&call).await?.id;
    let page = store
        .endpoint_messages(call.access.app.id, endpoint, filter, within.page)
        .await?;
    Answer::ok(&ListOut::new(
        page,
        |row| row.0.id.to_string(),
        |row| EndpointMessageOut::new(row, shows),
    ))
}

async fn endpoints(call: Call<OfApp>) -> ApiResult<Answer> {
    let request = page::request::<EndpointId>(&call.query, Order::Ascending)?;
    let message = message(&call).await?.id;
    let store = &call.shared.store;
    let page = store
        .message_endpoints(call.access.app.id, message, request)
        .await?;
    Answer::ok(&ListOut::new(
        page,
        |row| row.0.id.to_string(),
        MessageEndpointOut::from,
    ))
}

fn attempt_id<A>(call: &Call<A>) -> ApiResult<AttemptId> {
    call.segment("attempt_id")?
        .parse()
        .map_err(|_| ApiError::not_found("Message attempt not found"))
}

async fn get(call: Call<OfApp>) -> ApiResult<Answer> {
    let (id, message) = (attempt_id(&call)?, message(&call).await?.id);
    let shows = Shows {
        content: true,
        expanded: call.query.get(&EXPANDED)?,
    };
    let store = &call.shared.store;
    let attempt = store.attempt(call.access.app.id, message, id).await?;
    Answer::ok(&MessageAttemptOut::new(attempt, shows))
}

async fn expunge(call: Call<AppByOrg>) -> ApiResult<Answer> {
    let (store, app) = (&call.shared.store, call.access.app.id);
    let id = attempt_id(&call)?;
    let message = store.message(app, call.segment("msg_id")?, false).await?.id;
    store.expunge_attempt(app, message, id).await?;
    Ok(Answer::nothing())
}

async fn resend(call: Call<OfApp>) -> ApiResult<Answer> {
    let (message, endpoint) = (message(&call).await?.id, named(&call).await?.id);
    call.shared
        .store
        .resend(call.access.app.id, message, endpoint)
        .await?;
    // The empty object matters: clients parse it.
    Answer::json(StatusCode::ACCEPTED, &json!({}))
}
