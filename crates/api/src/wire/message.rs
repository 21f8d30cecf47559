//! Messages on the wire, as they are read; publishing has its own fast way.

use postrider_domain::{MessageId, Timestamp};
use postrider_store::Message;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageOut {
    /// Its id: the `webhook-id` of its deliveries.
    #[schema(value_type = String, example = "msg_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: MessageId,
    /// What kind of event it tells of.
    #[schema(example = "invoice.paid")]
    pub event_type: String,
    /// The payload as published; `{}` without `with_content`, `{"expired":true}` once it
    /// is gone, `{"rawPayload":"..."}` if it is no JSON object.
    #[schema(value_type = Object)]
    pub payload: Box<RawValue>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Your own id for it.
    #[schema(required = true)]
    pub event_id: Option<String>,
    /// Its channels.
    #[schema(required = true)]
    pub channels: Option<Vec<String>>,
    /// Words to find it by; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

impl MessageOut {
    /// The message, with its payload if `with_content`.
    pub(crate) fn new(message: Message, with_content: bool) -> Self {
        Self {
            id: message.id,
            event_type: message.event_type,
            payload: if with_content {
                payload(message.payload)
            } else {
                raw("{}")
            },
            timestamp: message.id.minted_at(),
            event_id: message.event_id,
            channels: message.channels,
            tags: message.tags,
        }
    }
}

/// JSON that we wrote ourselves.
fn raw(text: &str) -> Box<RawValue> {
    // Never fails on the constants above and below; null would still be JSON.
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A payload as the wire shows it: always an object, as typed clients expect.
fn payload(bytes: Option<Vec<u8>>) -> Box<RawValue> {
    let Some(bytes) = bytes else {
        return raw(r#"{"expired":true}"#);
    };
    let text = String::from_utf8_lossy(&bytes);
    if is_object(&text)
        && let Ok(value) = RawValue::from_string(text.clone().into_owned())
    {
        return value;
    }
    wrapped(&text)
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && text.ends_with('}')
}

/// A payload that is no JSON object, in one.
pub(crate) fn wrapped(text: &str) -> Box<RawValue> {
    raw(&serde_json::json!({ "rawPayload": text }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_shown_as_it_came_and_always_as_an_object() {
        for (stored, shown) in [
            (
                r#"{"b":1,"a":2.50,"c":"\u0000"}"#,
                r#"{"b":1,"a":2.50,"c":"\u0000"}"#,
            ),
            ("[1]", r#"{"rawPayload":"[1]"}"#),
            ("<xml a=\"1\"/>", r#"{"rawPayload":"<xml a=\"1\"/>"}"#),
        ] {
            assert_eq!(payload(Some(stored.into())).get(), shown);
        }
        assert_eq!(payload(None).get(), r#"{"expired":true}"#);
    }
}
