//! Publishing: the hot path.
//!
//! The payload is never copied into a tree nor written anew: it stays a slice of the
//! request's body, which is what is stored, sent and answered.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use postrider_delivery::{Publish, PublishError, Published};
use postrider_domain::{MessageId, names};
use postrider_store::{AppConfig, StoreError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::application::on_the_fly;
use super::message::WITH_CONTENT;
use crate::access::OrgWide;
use crate::call::{Answer, Call};
use crate::error::{ApiError, ApiResult, Code, Fault, InField, JSON_ERROR};
use crate::idempotency;
use crate::operation::Operation;
use crate::request::body;
use crate::state::Shared;
use crate::wire::application::ApplicationIn;
use crate::wire::message::{MessageOut, wrapped};

/// How often a publish looks an application up again that changed under its hands.
pub(super) const STALE_TRIES: u32 = 5;

/// A message to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageIn<'a> {
    /// What kind of event it tells of: letters, digits, `-`, `_` and `.`, at most 256.
    #[serde(borrow)]
    #[schema(example = "invoice.paid")]
    pub event_type: Cow<'a, str>,
    /// What to send: a JSON object, sent byte for byte as it stands here.
    #[serde(borrow, default)]
    #[schema(value_type = Object, required = true)]
    pub payload: Option<&'a RawValue>,
    /// Another name of `payload`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Object>)]
    pub data: Option<&'a RawValue>,
    /// Your own id for it, once per application: letters, digits, `-`, `_` and `.`, at most 256.
    #[serde(borrow, default)]
    pub event_id: Option<Cow<'a, str>>,
    /// Its channels, 1 to 5: endpoints with channels get it only if they share one.
    pub channels: Option<Vec<String>>,
    /// For how many days the payload is kept.
    #[schema(minimum = 5, maximum = 90)]
    pub payload_retention_period: Option<i64>,
    /// Makes the application, if there is none of this uid; the uid must be that of the path.
    pub application: Option<ApplicationIn>,
    /// Changes to what is sent.
    pub transformations_params: Option<TransformationsParams>,
    #[schema(ignore)]
    deliver_at: Option<IgnoredAny>,
    #[schema(ignore)]
    payload_retention_hours: Option<IgnoredAny>,
    #[schema(ignore)]
    tags: Option<Vec<IgnoredAny>>,
}

/// Changes to what is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransformationsParams {
    /// A text to send in the payload's place, byte for byte.
    pub raw_payload: Option<String>,
    #[schema(ignore)]
    headers: Option<IgnoredAny>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/app/{app_id}/msg", "v1.message.create", publish)
            .says("Publish a message", "Stores the message and sends it to every endpoint of the application that wants it. 202 means that message and deliveries are durable. Repeated with the same `idempotency-key` and body, it answers as it did and stores nothing.")
            .query(&[WITH_CONTENT])
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
    let with_content = call.query.bool("with_content", true)?;
    let mut message: MessageIn<'_> = body::parse(&call.body)?;
    message.refuse_unbuilt()?;
    names::check_event_type(&message.event_type).in_field("eventType")?;
    let payload = message.take_payload(&call.body)?;
    let event_id = message.checked_event_id()?;
    let channels = message.checked_channels()?;
    let retention_days = match message.payload_retention_period {
        Some(days) => names::check_retention_days(days).in_field("payloadRetentionPeriod")?,
        None => call.shared.settings.default_payload_retention_days,
    };
    let name = call.segment("app_id")?;
    let application = message.application.take();
    let mut app = find_or_make(&call, name, application).await?;
    let idempotency = call
        .idempotency
        .as_ref()
        .map(|header| header.of_publish(call.access.org, app.id, &call.body));
    let mut tries = 0;
    let published = loop {
        let request = Publish {
            app: Arc::clone(&app),
            event_type: message.event_type.as_ref().to_owned(),
            payload: payload.clone(),
            event_id: event_id.clone(),
            channels: channels.clone(),
            retention_days,
            only: None,
            idempotency,
        };
        match call.shared.ingest.publish(request).await {
            Err(PublishError::Stale) if tries < STALE_TRIES => {
                tries += 1;
                call.shared.cache.forget_app(app.id);
                app = call.shared.cache.app(call.access.org, name).await?;
            }
            outcome => break outcome.map_err(refused)?,
        }
    };
    let shown = with_content.then_some(&payload);
    Ok(answer(
        &published,
        &message.event_type,
        event_id.as_deref(),
        channels.as_deref(),
        shown,
    ))
}

impl MessageIn<'_> {
    fn refuse_unbuilt(&self) -> ApiResult<()> {
        let headers = self
            .transformations_params
            .as_ref()
            .is_some_and(|params| params.headers.is_some());
        let field = if self.deliver_at.is_some() {
            "deliverAt"
        } else if self.payload_retention_hours.is_some() {
            "payloadRetentionHours"
        } else if self.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            "tags"
        } else if headers {
            "transformationsParams"
        } else {
            return Ok(());
        };
        let msg = if headers {
            "headers is not supported yet: leave it out"
        } else {
            "not supported yet: leave the field out"
        };
        Err(ApiError::invalid_field(field, msg))
    }

    /// The payload as a slice of the body, or the text that takes its place.
    fn take_payload(&mut self, body: &Bytes) -> ApiResult<Bytes> {
        let (value, field) = match (self.payload, self.data) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid_field(
                    "data",
                    "another name of payload, which is given too: give one of them",
                ));
            }
            (Some(value), None) => (value, "payload"),
            (None, Some(value)) => (value, "data"),
            (None, None) => return Err(not_an_object("payload", "missing: give this field")),
        };
        // serde has checked that it is JSON and cut it at both ends.
        if !value.get().starts_with('{') {
            return Err(not_an_object(
                field,
                "not a JSON object: give one, such as {\"id\": 1}",
            ));
        }
        Ok(
            match self
                .transformations_params
                .take()
                .and_then(|params| params.raw_payload)
            {
                Some(text) => Bytes::from(text),
                None => body.slice_ref(value.get().as_bytes()),
            },
        )
    }

    fn checked_event_id(&mut self) -> ApiResult<Option<String>> {
        let id = self.event_id.take().map(Cow::into_owned);
        if let Some(id) = &id {
            names::check_uid(id, MessageId::PREFIX).in_field("eventId")?;
        }
        Ok(id)
    }

    fn checked_channels(&mut self) -> ApiResult<Option<Vec<String>>> {
        let channels = self.channels.take();
        if let Some(channels) = &channels {
            names::check_message_channels(channels).in_field("channels")?;
        }
        Ok(channels)
    }
}

fn not_an_object(field: &str, msg: &str) -> ApiError {
    ApiError::invalid(vec![Fault::new(&["body", field], msg, JSON_ERROR)])
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

async fn make(
    shared: &Shared,
    org: postrider_domain::OrgId,
    name: &str,
    new: postrider_store::NewApp,
) -> ApiResult<Arc<AppConfig>> {
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
pub(super) fn answer(
    published: &Published,
    event_type: &str,
    event_id: Option<&str>,
    channels: Option<&[String]>,
    payload: Option<&Bytes>,
) -> Answer {
    let id = published.id;
    let shown = shown(payload);
    let mut body = String::with_capacity(192 + event_type.len() + shown.len());
    body.push_str("{\"id\":\"");
    body.push_str(&id.to_string());
    body.push_str("\",\"eventType\":\"");
    body.push_str(event_type);
    body.push_str("\",\"payload\":");
    body.push_str(&shown);
    body.push_str(",\"timestamp\":\"");
    body.push_str(&id.minted_at().to_string());
    body.push_str("\",\"eventId\":");
    push_text(&mut body, event_id);
    body.push_str(",\"channels\":");
    match channels {
        None => body.push_str("null"),
        Some(channels) => {
            body.push('[');
            for (at, channel) in channels.iter().enumerate() {
                if at > 0 {
                    body.push(',');
                }
                push_text(&mut body, Some(channel));
            }
            body.push(']');
        }
    }
    body.push('}');
    Answer::raw(StatusCode::ACCEPTED, body.into())
}

fn push_text(body: &mut String, text: Option<&str>) {
    match text {
        None => body.push_str("null"),
        Some(text) => {
            body.push('"');
            body.push_str(text);
            body.push('"');
        }
    }
}

/// The payload in the answer: always an object, as typed clients expect.
fn shown(payload: Option<&Bytes>) -> Cow<'_, str> {
    let Some(payload) = payload else {
        return Cow::Borrowed("{}");
    };
    match std::str::from_utf8(payload) {
        Ok(text) if text.starts_with('{') => Cow::Borrowed(text),
        Ok(text) => Cow::Owned(wrapped(text).get().to_owned()),
        // Both ways to a payload lead through text.
        Err(_) => Cow::Borrowed("{}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ApiResult<Bytes> {
        let body = Bytes::from(text.to_owned());
        let mut message: MessageIn<'_> = body::parse(&body)?;
        message.refuse_unbuilt()?;
        message.take_payload(&body)
    }

    #[test]
    fn a_payload_keeps_its_bytes_and_shares_them_with_the_body() {
        let payload = "{\"b\" : 1e400,\n \"a\":\"\\u0000é\\/\", \"a\":{}}";
        let body = Bytes::from(format!("{{\"eventType\":\"a\",\"payload\": {payload} }}"));
        let mut message: MessageIn<'_> = body::parse(&body).unwrap();
        let slice = message.take_payload(&body).unwrap();
        assert_eq!(slice, payload);
        assert!(body.as_ptr_range().contains(&slice.as_ptr()));
    }

    #[test]
    fn data_is_another_name_of_payload_and_both_are_refused() {
        assert_eq!(
            read(r#"{"eventType":"a","data":{"x":1}}"#).unwrap(),
            r#"{"x":1}"#
        );
        let error = read(r#"{"eventType":"a","data":{},"payload":{}}"#).unwrap_err();
        assert_eq!(error.faults()[0].loc, ["body", "data"]);
    }

    #[test]
    fn a_payload_must_be_a_json_object() {
        for bad in ["[1]", "1", "\"x\"", "null", "true"] {
            let error = read(&format!(r#"{{"eventType":"a","payload":{bad}}}"#)).unwrap_err();
            assert_eq!(error.faults()[0].loc, ["body", "payload"], "{bad}");
        }
        assert!(read(r#"{"eventType":"a"}"#).is_err());
        for broken in [
            r#"{"x":}"#,
            r#"{"x":"\q"}"#,
            "{\"x\":\"\n\"}",
            "{'x':1}",
            "{",
        ] {
            assert!(
                read(&format!(r#"{{"eventType":"a","payload":{broken}}}"#)).is_err(),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_raw_payload_takes_the_payloads_place() {
        let text =
            r#"{"eventType":"a","payload":{},"transformationsParams":{"rawPayload":"<a/>"}}"#;
        assert_eq!(read(text).unwrap(), "<a/>");
    }

    #[test]
    fn fields_that_are_not_built_are_refused_and_unknown_ones_ignored() {
        for (extra, field) in [
            (r#""deliverAt":"2030-01-01T00:00:00Z""#, "deliverAt"),
            (r#""payloadRetentionHours":5"#, "payloadRetentionHours"),
            (r#""tags":["a"]"#, "tags"),
            (
                r#""transformationsParams":{"headers":{}}"#,
                "transformationsParams",
            ),
        ] {
            let text = format!(r#"{{"eventType":"a","payload":{{}},{extra}}}"#);
            assert_eq!(read(&text).unwrap_err().faults()[0].loc, ["body", field]);
        }
        let text =
            r#"{"eventType":"a","payload":{},"deliverAt":null,"tags":[],"what":{"ever":[]}}"#;
        assert!(read(text).is_ok());
    }

    #[test]
    fn the_answer_is_json_whatever_the_payload() {
        let published = Published {
            id: MessageId::from_uuid(uuid::Uuid::nil()),
            replayed: false,
        };
        let channels = ["a".to_owned(), "b".to_owned()];
        for (payload, shown) in [
            (Some("{\"a\":\"\\u0000\"}"), json!({"a": "\0"})),
            (Some("<a b=\"\"/>"), json!({"rawPayload": "<a b=\"\"/>"})),
            (None, json!({})),
        ] {
            let payload = payload.map(Bytes::from);
            let answer = answer(
                &published,
                "a.b",
                Some("e-1"),
                Some(&channels),
                payload.as_ref(),
            );
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body["payload"], shown);
            assert_eq!(body["channels"], json!(["a", "b"]));
            assert_eq!(body["eventId"], "e-1");
            assert_eq!(body["id"], "msg_0000000000000000000000");
        }
    }
}
