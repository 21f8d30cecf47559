//! Publishing: the hot path.
//!
//! The payload is never copied into a tree nor written anew: it stays a slice of the
//! request's body, which is what is stored, sent and answered.
//!
//! Next on a message's way: `crates/delivery/src/commit/handle.rs`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use postrider_delivery::{Publish, PublishError, Published};
use postrider_domain::OrgId;
use postrider_store::{AppConfig, NewApp, OrgConfig, PublishKey, StoreError};
use serde_json::json;

use super::application::on_the_fly;
use super::message::WITH_CONTENT;
use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::idempotency;
use crate::operation::Operation;
use crate::request::body;
use crate::state::Shared;
use crate::wire::application::ApplicationIn;
use crate::wire::message::{MessageOut, wrapped};
use crate::wire::message_in::{Checked, MessageIn};

/// How often a publish looks an application up again that changed under its hands.
pub(super) const STALE_TRIES: u32 = 5;
const DAY: Duration = Duration::from_hours(24);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/app/{app_id}/msg", "v1.message.create", publish)
            .says("Publish a message", "Stores the message and sends it to every endpoint of the application that wants it. 202 means that message and deliveries are durable. Repeated with the same `idempotency-key` and body, it answers as it did and stores nothing.")
            .query(&[&WITH_CONTENT])
            .takes::<MessageIn<'_>>(json!({
                "eventType": "invoice.paid",
                "payload": {"invoice": "in_1", "amount": 4200, "currency": "EUR"}
            }))
            .answers::<MessageOut>(202, "It is durable")
            .fails(&[Code::Conflict, Code::IdempotencyMismatch, Code::RateLimited])
            .tag("Message")
            .keeps_keys(),
    ]
}

async fn publish(call: Call<OrgWide>) -> ApiResult<Answer> {
    let with_content = call.query.get(&WITH_CONTENT)?;
    let shared = &call.shared;
    let message: MessageIn<'_> = body::parse(&call.body)?;
    let mut message = message.checked(&call.body)?;
    let application = message.application.take();
    let name = call.segment("app_id")?;
    let found = async {
        let org = shared.cache.org(call.access.org).await?;
        let gate = &shared.gate;
        gate.check(
            &shared.cache,
            &org,
            &message.event.event_type,
            &message.document,
        )
        .await?;
        Ok((org, find_or_make(&call, name, application).await?))
    };
    let (org, mut app) = call.in_time(found).await?;
    let now = shared.store.clock().now();
    shared.gate.take(&org, now)?;
    let key = call
        .idempotency
        .as_ref()
        .map(|header| header.of_publish((call.access.org, app.id), &call.body, now));
    let mut tries = 0;
    let published = loop {
        let request = request(shared, &org, &app, &message, key);
        match shared.ingest.publish(request, call.deadline).await {
            Err(PublishError::Stale) if tries < STALE_TRIES => {
                tries += 1;
                shared.cache.forget_app(app.id);
                let again = shared.cache.app(call.access.org, name);
                app = call.in_time(async { Ok(again.await?) }).await?;
            }
            outcome => break outcome.map_err(refused)?,
        }
    };
    let mut body = String::with_capacity(256 + message.document.len());
    write_out(&mut body, &published, &message, with_content);
    Ok(Answer::raw(StatusCode::ACCEPTED, body.into()))
}

/// What the committer is handed.
pub(super) fn request(
    shared: &Shared,
    org: &OrgConfig,
    app: &Arc<AppConfig>,
    message: &Checked,
    key: Option<PublishKey>,
) -> Publish {
    let days = org.settings.payload_retention_days;
    let days = days.unwrap_or(shared.settings.default_payload_retention_days);
    Publish {
        app: Arc::clone(app),
        event: Arc::clone(&message.event),
        retention: message.retention.unwrap_or(DAY * u32::from(days)),
        only: None,
        key,
    }
}

/// The application of the path, made on the fly if the message brings it.
async fn find_or_make(
    call: &Call<OrgWide>,
    name: &str,
    application: Option<ApplicationIn>,
) -> ApiResult<Arc<AppConfig>> {
    let (shared, org) = (&call.shared, call.access.org);
    let Some(application) = application else {
        return Ok(shared.cache.app(org, name).await?);
    };
    let new = on_the_fly(application, name)?;
    match shared.cache.app(org, name).await {
        Err(StoreError::NotFound(_)) => Box::pin(make(shared, org, name, new)).await,
        found => Ok(found?),
    }
}

async fn make(shared: &Shared, org: OrgId, name: &str, new: NewApp) -> ApiResult<Arc<AppConfig>> {
    shared.store.app_or_create(org, new).await?;
    Ok(shared.cache.app(org, name).await?)
}

/// What a publisher hears when nothing was stored.
pub(super) fn refused(error: PublishError) -> ApiError {
    match error {
        PublishError::Overloaded { retry_after } => ApiError::new(
            Code::RateLimited,
            "Too many messages wait to be stored: try again",
        )
        .retry_after(retry_after),
        PublishError::DiskLow => ApiError::disk_low("no message is taken").caused_by(error),
        PublishError::EventIdTaken => ApiError::new(
            Code::Conflict,
            "A message with this eventId exists in the application: choose another eventId, or leave it out",
        ),
        PublishError::IdempotencyMismatch => idempotency::mismatch(),
        PublishError::Refused => ApiError::internal(error),
        _ => ApiError::unavailable(Duration::from_secs(1)).caused_by(error),
    }
}

/// Writes the answer. Names hold nothing that JSON would escape, and the payload is
/// JSON already, so that nothing is parsed or written twice.
pub(super) fn write_out(
    body: &mut String,
    published: &Published,
    message: &Checked,
    with_content: bool,
) {
    let (id, event) = (published.id, &*message.event);
    body.push_str("{\"id\":\"");
    body.push_str(&id.to_string());
    body.push_str("\",\"eventType\":\"");
    body.push_str(&event.event_type);
    body.push_str("\",\"payload\":");
    body.push_str(&shown(message, with_content));
    body.push_str(",\"timestamp\":\"");
    body.push_str(&id.minted_at().to_string());
    body.push_str("\",\"eventId\":");
    match &event.event_id {
        None => body.push_str("null"),
        Some(event_id) => push_text(body, event_id),
    }
    body.push_str(",\"channels\":");
    match &event.channels {
        None => body.push_str("null"),
        Some(channels) => push_list(body, channels),
    }
    if let Some(tags) = &event.tags {
        body.push_str(",\"tags\":");
        push_list(body, tags);
    }
    body.push('}');
}

fn push_list(body: &mut String, texts: &[String]) {
    body.push('[');
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        push_text(body, text);
    }
    body.push(']');
}

fn push_text(body: &mut String, text: &str) {
    body.push('"');
    body.push_str(text);
    body.push('"');
}

/// The payload in the answer: always an object, as typed clients expect.
fn shown(message: &Checked, with_content: bool) -> Cow<'_, str> {
    if !with_content {
        return Cow::Borrowed("{}");
    }
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or("{}");
    let payload = &message.event.payload;
    if payload.as_ptr() == message.document.as_ptr() {
        // The document itself, which is an object.
        return Cow::Borrowed(text(payload));
    }
    let raw = text(payload);
    // A raw payload may begin as an object does and be none.
    if raw.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(raw).is_ok() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(wrapped(raw).get().to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use postrider_domain::MessageId;
    use postrider_store::Event;

    use super::*;

    #[test]
    fn the_answer_is_json_whatever_the_payload() {
        let published = Published {
            id: MessageId::from_uuid(uuid::Uuid::nil()),
            replayed: false,
        };
        let names = Some(vec!["a".to_owned(), "b:+".to_owned()]);
        for (payload, with_content, shown) in [
            ("{\"a\":\"\\u0000\"}", true, json!({"a": "\0"})),
            ("<a b=\"\"/>", true, json!({"rawPayload": "<a b=\"\"/>"})),
            ("{no json", true, json!({"rawPayload": "{no json"})),
            ("{\"a\":1}", false, json!({})),
        ] {
            let message = Checked {
                event: Arc::new(Event {
                    event_type: "a.b".into(),
                    payload: payload.to_owned().into(),
                    event_id: Some("e-1".to_owned()),
                    channels: names.clone(),
                    tags: names.clone(),
                    content_type: None,
                }),
                document: Bytes::new(),
                retention: None,
                application: None,
            };
            let mut text = String::new();
            write_out(&mut text, &published, &message, with_content);
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(body["payload"], shown);
            assert_eq!(
                (&body["channels"], &body["tags"]),
                (&json!(["a", "b:+"]), &json!(["a", "b:+"]))
            );
            assert_eq!(body["eventId"], "e-1");
            assert_eq!(body["id"], "msg_0000000000000000000000");
        }
    }
}
