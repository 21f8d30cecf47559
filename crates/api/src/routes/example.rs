//! Sending an event type's example to one endpoint.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use postrider_delivery::{Deadline, Publish, PublishError};
use postrider_domain::{Capability, names};
use postrider_store::{Event, Refusal, StoreError};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::publish::{STALE_TRIES, refused, request, write_out};
use crate::access::OfApp;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code, InField};
use crate::operation::Operation;
use crate::wire::message::MessageOut;
use crate::wire::message_in::Checked;

/// An event type that every organisation has.
const PING: &str = "svix.ping";
const PING_EXAMPLE: &str = r#"{"success":true}"#;
/// The version of the schema that examples are taken from.
const VERSION: &str = "1";

/// Which example to send.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventExampleIn<'a> {
    /// The event type whose example it is, or `svix.ping`.
    #[schema(example = "invoice.paid")]
    pub event_type: String,
    /// Which of the schema's examples, from 0; the first if absent.
    #[schema(minimum = 0)]
    pub example_index: Option<i64>,
    /// A payload to send in the example's place: a JSON object. Only for keys of the organisation.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<&'a RawValue>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example", "v1.endpoint.send-example", send)
            .says("Send an example", "Sends an example of the event type to this endpoint alone, whatever event types and channels it asks for: one of the `examples` of its schema of version 1. The answer does not show the payload.")
            .asks(Capability::CreateAttempts)
            .takes::<EventExampleIn<'_>>(json!({"eventType": "invoice.paid"}))
            .answers::<MessageOut>(200, "It is durable, and on its way")
            .fails(&[Code::InvalidScheme, Code::EndpointDisabled, Code::RateLimited])
            .tag("Endpoint"),
    ]
}

async fn send(call: Call<OfApp>) -> ApiResult<Answer> {
    let body = call.json::<EventExampleIn<'_>>()?;
    names::check_event_type(&body.event_type).in_field("eventType")?;
    let (shared, org) = (&call.shared, call.access.org);
    let name = call.segment("app_id")?;
    let mut app = shared.cache.app(org, name).await?;
    let endpoint = shared
        .store
        .endpoint(app.id, call.segment("endpoint_id")?)
        .await?;
    if endpoint.settings.disabled {
        return Err(StoreError::Conflict(Refusal::EndpointDisabled).into());
    }
    let message = message(&body, payload(&call, &body).await?);
    let settings = shared.cache.org(org).await?;
    // As any message: it is stored and sent like one.
    shared.gate.take(&settings, shared.store.clock().now())?;
    let mut tries = 0;
    let published = loop {
        let request = Publish {
            only: Some(endpoint.id),
            ..request(shared, &settings, &app, &message, None)
        };
        match shared.ingest.publish(request, Deadline::default()).await {
            Err(PublishError::Stale) if tries < STALE_TRIES => {
                tries += 1;
                shared.cache.forget_app(app.id);
                app = shared.cache.app(org, name).await?;
            }
            outcome => break outcome.map_err(refused)?,
        }
    };
    let mut shown = String::new();
    write_out(&mut shown, &published, &message, false);
    Ok(Answer::raw(StatusCode::OK, shown.into()))
}

fn message(body: &EventExampleIn<'_>, payload: Bytes) -> Checked {
    Checked {
        event: Arc::new(Event {
            event_type: Arc::from(body.event_type.as_str()),
            payload: payload.clone(),
            ..Event::default()
        }),
        document: payload,
        retention: None,
        application: None,
    }
}

async fn payload(call: &Call<OfApp>, body: &EventExampleIn<'_>) -> ApiResult<Bytes> {
    if let Some(given) = body.payload {
        // Signed by us, it would let a customer forge whatever event they like.
        if call.access.is_bound {
            return Err(ApiError::invalid_field(
                "payload",
                "a key of this application alone cannot give one: leave it out for an example of the schema",
            ));
        }
        let text = given.get();
        if !text.starts_with('{') {
            return Err(ApiError::invalid_field(
                "payload",
                "not a JSON object: give one, or leave it out for an example of the schema",
            ));
        }
        return Ok(Bytes::copy_from_slice(text.as_bytes()));
    }
    if body.event_type == PING {
        return Ok(Bytes::from_static(PING_EXAMPLE.as_bytes()));
    }
    let store = &call.shared.store;
    let event_type = store.event_type(call.access.org, &body.event_type).await?;
    if !call
        .access
        .visibility
        .sees(event_type.feature_flags.as_deref())
    {
        return Err(ApiError::not_found("Entity not found"));
    }
    example(event_type.schemas.as_deref(), body.example_index)
}

/// The examples of a JSON Schema.
#[derive(Deserialize)]
struct Examples<'a> {
    #[serde(borrow, default)]
    examples: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    example: Option<&'a RawValue>,
}

/// The example of this index, byte for byte as the schema has it.
fn example(schemas: Option<&str>, index: Option<i64>) -> ApiResult<Bytes> {
    let none = || {
        ApiError::new(
            Code::InvalidScheme,
            "The event type's schema of version 1 has no example that is a JSON object: add one to its examples, or give a payload",
        )
    };
    let schemas: std::collections::HashMap<String, &RawValue> =
        serde_json::from_str(schemas.ok_or_else(none)?).map_err(|_| none())?;
    let schema = schemas.get(VERSION).ok_or_else(none)?;
    let found: Examples<'_> = serde_json::from_str(schema.get()).map_err(|_| none())?;
    let chosen = if found.examples.is_empty() {
        found.example.ok_or_else(none)?
    } else {
        let at = index.unwrap_or(0);
        let chosen = usize::try_from(at)
            .ok()
            .and_then(|at| found.examples.get(at));
        *chosen.ok_or_else(|| {
            let last = found.examples.len() - 1;
            let msg = format!("{at} is no example of the schema: give 0 to {last}");
            ApiError::invalid_field("exampleIndex", msg)
        })?
    };
    let text = chosen.get();
    if text.starts_with('{') {
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    } else {
        Err(none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_taken_from_the_first_version_as_it_stands_there() {
        let schemas = r#"{"2":{"examples":[{"no":1}]},"1":{"examples":[{"b": 1.50, "a":2}, 5]}}"#;
        assert_eq!(
            example(Some(schemas), None).unwrap(),
            r#"{"b": 1.50, "a":2}"#
        );
        assert_eq!(
            example(Some(schemas), Some(1)).unwrap_err().code(),
            Code::InvalidScheme
        );
        for index in [-1, 2] {
            let error = example(Some(schemas), Some(index)).unwrap_err();
            assert_eq!(error.faults()[0].loc, ["body", "exampleIndex"]);
        }
        assert_eq!(
            example(Some(r#"{"1":{"example":{}}}"#), Some(7)).unwrap(),
            "{}"
        );
        for none in [None, Some("{}"), Some(r#"{"1":true}"#), Some(r#"{"1":{}}"#)] {
            assert_eq!(example(none, None).unwrap_err().code(), Code::InvalidScheme);
        }
    }
}
