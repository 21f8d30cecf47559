//! Many messages in one request, on the wire.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::message::MessageOut;
use super::message_in::MessageIn;

/// The most messages of a batch.
pub(crate) const MAX_MESSAGES: usize = 1000;

/// Messages to be published.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BatchIn<'a> {
    /// 1 to 1,000 messages, as `POST /msg` takes each; `application` is not allowed.
    #[serde(borrow)]
    #[schema(value_type = Vec<MessageIn<'_>>, min_items = 1, max_items = 1000)]
    pub messages: Messages<'a>,
}

/// The texts of at most so many messages: a list that is longer is not read to its end.
#[derive(Debug)]
pub(crate) struct Messages<'a>(pub Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of 1 to {MAX_MESSAGES} messages")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
                let mut messages = Vec::new();
                while let Some(message) = seq.next_element::<&'de RawValue>()? {
                    if messages.len() == MAX_MESSAGES {
                        return Err(S::Error::custom(format!(
                            "more than {MAX_MESSAGES} messages: give 1 to {MAX_MESSAGES}"
                        )));
                    }
                    messages.push(message);
                }
                Ok(messages)
            }
        }
        deserializer.deserialize_seq(Read).map(Messages)
    }
}

/// What became of each message, in order.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described; written piece by piece")]
pub(crate) struct BatchOut {
    /// An entry for each message.
    pub data: Vec<BatchEntryOut>,
}

/// What became of a message.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described; written piece by piece")]
pub(crate) struct BatchEntryOut {
    /// What publishing it alone would have been answered with: 202 if it is durable.
    #[schema(example = 202)]
    pub status: u16,
    /// The message, if it is durable.
    pub message: Option<MessageOut>,
    /// Why it is not: what the body of the answer to it alone would have been.
    pub error: Option<BatchErrorOut>,
}

/// Why a message of a batch was not taken.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described; written piece by piece")]
pub(crate) struct BatchErrorOut {
    /// What kind of error it is.
    pub code: String,
    /// What is wrong and what to do: a text, or for `validation_error` a list of faults.
    pub detail: serde_json::Value,
}
