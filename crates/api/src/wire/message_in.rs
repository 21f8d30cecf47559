//! A message as it comes, and once it is checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{MessageId, names};
use postrider_store::Event;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::application::ApplicationIn;
use super::object;
use crate::error::{ApiError, ApiResult, Fault, InField, JSON_ERROR, VALUE_ERROR};

const HOUR: Duration = Duration::from_hours(1);
/// The most bytes of a content type.
const MAX_CONTENT_TYPE: usize = 128;

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
    #[schema(value_type = Option<String>)]
    pub event_id: Option<Cow<'a, str>>,
    /// Its channels, 1 to 10: endpoints with channels get it only if they share one.
    pub channels: Option<Vec<String>>,
    /// Words to find it by, 1 to 10: letters, digits, `-`, `_`, `.`, `:` and `+`.
    pub tags: Option<Vec<String>>,
    /// For how many days the payload is kept.
    #[schema(minimum = 1, maximum = 90)]
    pub payload_retention_period: Option<i64>,
    /// For how many hours the payload is kept, in place of `payloadRetentionPeriod`.
    #[schema(minimum = 1, maximum = 2160)]
    pub payload_retention_hours: Option<i64>,
    /// Makes the application, if there is none of this uid; the uid must be that of the path.
    #[serde(default, deserialize_with = "object::optional")]
    pub application: Option<ApplicationIn>,
    /// Changes to what is sent.
    #[serde(default, deserialize_with = "object::optional")]
    pub transformations_params: Option<TransformationsParams>,
    #[schema(ignore)]
    deliver_at: Option<IgnoredAny>,
}

/// Changes to what is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransformationsParams {
    /// A text to send in the payload's place, byte for byte.
    pub raw_payload: Option<String>,
    /// Headers of the delivery: `content-type` alone, `application/json` if absent.
    pub headers: Option<BTreeMap<String, String>>,
}

/// A message that keeps to every rule but the organisation's own.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What is kept and sent.
    pub event: Arc<Event>,
    /// The payload as JSON, which schemas are asked about.
    pub document: Bytes,
    /// For how long the payload is kept, if the message says.
    pub retention: Option<Duration>,
    pub application: Option<ApplicationIn>,
}

impl MessageIn<'_> {
    /// Checks it. Its payload becomes a slice of `body`, of which it was parsed.
    pub(crate) fn checked(self, body: &Bytes) -> ApiResult<Checked> {
        if self.deliver_at.is_some() {
            let msg = "not supported yet: leave the field out";
            return Err(ApiError::invalid_field("deliverAt", msg));
        }
        names::check_event_type(&self.event_type).in_field("eventType")?;
        let document = self.document(body)?;
        if let Some(id) = &self.event_id {
            names::check_uid(id, MessageId::PREFIX).in_id("eventId")?;
        }
        if let Some(channels) = &self.channels {
            names::check_message_channels(channels).in_field("channels")?;
        }
        // Clients send an empty list for none.
        let tags = self.tags.as_ref().filter(|tags| !tags.is_empty());
        if let Some(tags) = tags {
            names::check_tags(tags).in_field("tags")?;
        }
        let tags = tags.cloned();
        let retention = self.retention()?;
        let (raw, headers) = match self.transformations_params {
            Some(params) => (params.raw_payload, params.headers),
            None => (None, None),
        };
        Ok(Checked {
            event: Arc::new(Event {
                event_type: Arc::from(self.event_type),
                payload: raw.map_or_else(|| document.clone(), Bytes::from),
                content_type: headers.map_or(Ok(None), content_type)?,
                event_id: self.event_id.map(Cow::into_owned),
                channels: self.channels,
                tags,
            }),
            document,
            retention,
            application: self.application,
        })
    }

    fn document(&self, body: &Bytes) -> ApiResult<Bytes> {
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
        Ok(body.slice_ref(value.get().as_bytes()))
    }

    fn retention(&self) -> ApiResult<Option<Duration>> {
        match (self.payload_retention_period, self.payload_retention_hours) {
            (None, None) => Ok(None),
            (Some(days), None) => names::check_retention_days(days)
                .in_field("payloadRetentionPeriod")
                .map(|days| Some(HOUR * 24 * u32::from(days))),
            (None, Some(hours)) => names::check_retention_hours(hours)
                .in_field("payloadRetentionHours")
                .map(|hours| Some(HOUR * u32::from(hours))),
            (Some(_), Some(_)) => Err(ApiError::invalid_field(
                "payloadRetentionHours",
                "given together with payloadRetentionPeriod: give one of them",
            )),
        }
    }
}

fn not_an_object(field: &str, msg: &str) -> ApiError {
    ApiError::invalid(vec![Fault::new(&["body", field], msg, JSON_ERROR)])
}

fn content_type(headers: BTreeMap<String, String>) -> ApiResult<Option<Arc<str>>> {
    let mut found = None;
    for (name, value) in headers {
        let shown: String = name.chars().take(60).collect();
        let refused = |msg: String| {
            let loc = ["body", "transformationsParams", "headers", &shown];
            Err(ApiError::invalid(vec![Fault::new(&loc, msg, VALUE_ERROR)]))
        };
        if !name.eq_ignore_ascii_case("content-type") {
            return refused(format!(
                "{shown:?} cannot be set by a message: set content-type alone, and other headers at the endpoint"
            ));
        }
        let plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let typed = value
            .split_once('/')
            .is_some_and(|(kind, rest)| !kind.trim().is_empty() && !rest.trim().is_empty());
        if !plain || !typed || value.len() > MAX_CONTENT_TYPE {
            let value: String = value.chars().take(60).collect();
            return refused(format!(
                "{value:?} is no content type: give one such as \"application/xml\", at most {MAX_CONTENT_TYPE} bytes"
            ));
        }
        found = Some(Arc::from(value.trim()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body;

    fn read(text: &str) -> ApiResult<Checked> {
        let body = Bytes::from(text.to_owned());
        let message: MessageIn<'_> = body::parse(&body)?;
        message.checked(&body)
    }

    #[test]
    fn a_payload_keeps_its_bytes_and_shares_them_with_the_body() {
        let payload = "{\"b\" : 1e400,\n \"a\":\"\\u0000é\\/\", \"a\":{}}";
        let body = Bytes::from(format!("{{\"eventType\":\"a\",\"payload\": {payload} }}"));
        let message: MessageIn<'_> = body::parse(&body).unwrap();
        let slice = message.checked(&body).unwrap().event.payload.clone();
        assert_eq!(slice, payload);
        assert!(body.as_ptr_range().contains(&slice.as_ptr()));
    }

    #[test]
    fn data_is_another_name_of_payload_and_both_are_refused() {
        let read_one = read(r#"{"eventType":"a","data":{"x":1}}"#).unwrap();
        assert_eq!(read_one.event.payload, r#"{"x":1}"#);
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
    fn a_raw_payload_takes_the_payloads_place_under_its_content_type() {
        let text = r#"{"eventType":"a","payload":{},"transformationsParams":{"rawPayload":"<a/>","headers":{"Content-Type":"application/xml; charset=utf-8"}}}"#;
        let message = read(text).unwrap();
        assert_eq!(
            (&*message.event.payload, &*message.document),
            (&b"<a/>"[..], &b"{}"[..])
        );
        assert_eq!(
            message.event.content_type.as_deref(),
            Some("application/xml; charset=utf-8")
        );
        for bad in [
            r#"{"x-other":"a"}"#,
            r#"{"content-type":"xml"}"#,
            r#"{"content-type":"a/b\r\nx: y"}"#,
            r#"{"content-type":"a/é"}"#,
        ] {
            let text = format!(
                r#"{{"eventType":"a","payload":{{}},"transformationsParams":{{"headers":{bad}}}}}"#
            );
            let error = read(&text).unwrap_err();
            assert_eq!(
                error.faults()[0].loc[..3],
                ["body", "transformationsParams", "headers"]
            );
        }
    }

    #[test]
    fn a_payload_is_kept_for_days_or_for_hours() {
        let kept = |field: &str| {
            read(&format!(r#"{{"eventType":"a","payload":{{}},{field}}}"#)).map(|m| m.retention)
        };
        assert_eq!(
            kept(r#""payloadRetentionPeriod":1"#).unwrap(),
            Some(HOUR * 24)
        );
        assert_eq!(
            kept(r#""payloadRetentionHours":5"#).unwrap(),
            Some(HOUR * 5)
        );
        assert_eq!(kept(r#""payloadRetentionHours":null"#).unwrap(), None);
        for (bad, field) in [
            (r#""payloadRetentionPeriod":0"#, "payloadRetentionPeriod"),
            (r#""payloadRetentionPeriod":91"#, "payloadRetentionPeriod"),
            (r#""payloadRetentionHours":0"#, "payloadRetentionHours"),
            (r#""payloadRetentionHours":2161"#, "payloadRetentionHours"),
            (
                r#""payloadRetentionHours":24,"payloadRetentionPeriod":1"#,
                "payloadRetentionHours",
            ),
        ] {
            assert_eq!(kept(bad).unwrap_err().faults()[0].loc, ["body", field]);
        }
    }

    #[test]
    fn fields_that_are_not_built_are_refused_and_unknown_ones_ignored() {
        let error = read(r#"{"eventType":"a","payload":{},"deliverAt":"2030-01-01T00:00:00Z"}"#);
        assert_eq!(error.unwrap_err().faults()[0].loc, ["body", "deliverAt"]);
        let fine = r#"{"eventType":"a","payload":{},"deliverAt":null,"tags":[],"x":[1,{"y":2}],"transformationsParams":{"z":1}}"#;
        assert_eq!(read(fine).unwrap().event.tags, None);
    }
}
