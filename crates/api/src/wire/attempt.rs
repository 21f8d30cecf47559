//! Attempts on the wire.

use std::collections::BTreeMap;

use postrider_domain::scheme::Carries;
use postrider_domain::{AttemptId, AttemptStatus, EndpointId, MessageId, Scheme, Timestamp};
use postrider_store::{Attempt, Endpoint, Message};
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::EndpointOut;
use super::message::MessageOut;

/// What a caller wants to see of attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shows {
    /// Payloads and answers.
    pub content: bool,
    /// Cancelled ones by their own status; as a success otherwise, for clients that
    /// know no other.
    pub expanded: bool,
}

impl Shows {
    fn status(self, status: AttemptStatus) -> AttemptStatus {
        match status {
            AttemptStatus::Canceled if !self.expanded => AttemptStatus::Success,
            status => status,
        }
    }
}

/// One try to deliver a message to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageAttemptOut {
    /// Its id.
    #[schema(value_type = String, example = "atmpt_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: AttemptId,
    /// What was sent.
    #[schema(value_type = String)]
    pub msg_id: MessageId,
    /// To which endpoint.
    #[schema(value_type = String)]
    pub endpoint_id: EndpointId,
    /// To which URL.
    pub url: String,
    /// The beginning of the answer's body, or why there was none; `{}` without `with_content`.
    pub response: String,
    /// The answer's status; 0 without an answer.
    pub response_status_code: i16,
    /// How long it took.
    pub response_duration_ms: u64,
    /// How it ended: 0 success, 1 pending, 2 fail, 3 sending, 4 canceled.
    pub status: i16,
    /// The same as a word.
    #[schema(example = "success")]
    pub status_text: &'static str,
    /// What made it happen: 0 the schedule, 1 a person or a client.
    pub trigger_type: i16,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// 1 for the delivery's first attempt, and so on.
    pub attempt_number: i32,
    /// When the next attempt was then due; null: none was to follow.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub next_attempt_at: Option<Timestamp>,
    /// Why then, or why none was to follow.
    #[schema(example = "policy")]
    pub next_attempt_reason: &'static str,
    /// Why it failed: `dns`, `connect`, `tls`, `timeout`, `refused_address`, `reset`, `oversized` or `http`.
    #[schema(required = true)]
    pub failure: Option<&'static str>,
    /// The headers that were sent, without `user-agent`, which is the server's version, and what
    /// HTTP itself needs; null stands for the value of a custom header.
    pub request_headers: BTreeMap<String, Option<String>>,
    /// The headers of the answer, in their order; null without an answer or `with_content`.
    #[schema(required = true)]
    pub response_headers: Option<Vec<(String, String)>>,
    /// What was sent, without its payload; only with `with_msg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<MessageOut>,
}

impl MessageAttemptOut {
    /// The attempt, with the answer if `with_content`.
    pub(crate) fn new(attempt: Attempt, shows: Shows) -> Self {
        let with_content = shows.content;
        let status = shows.status(attempt.status);
        let response = match (with_content, attempt.response_body.as_deref()) {
            (false, _) => "{}".to_owned(),
            (true, Some(body)) if !body.is_empty() => String::from_utf8_lossy(body).into_owned(),
            (true, _) => attempt.failure_text.clone().unwrap_or_default(),
        };
        Self {
            request_headers: request_headers(&attempt),
            response_headers: attempt.response_headers.filter(|_| with_content),
            id: attempt.id,
            msg_id: attempt.message_id,
            endpoint_id: attempt.endpoint_id,
            url: attempt.url,
            response,
            response_status_code: attempt.http_status,
            response_duration_ms: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            status: status.code(),
            status_text: status.word(),
            msg: None,
            trigger_type: attempt.trigger.code(),
            timestamp: attempt.started_at,
            attempt_number: attempt.number,
            next_attempt_at: attempt.next_at,
            next_attempt_reason: attempt.next_reason.word(),
            failure: attempt.failure.map(postrider_domain::FailureKind::word),
        }
    }
}

/// What was sent, as far as it may be shown: our own headers, and the names of the custom ones.
fn request_headers(attempt: &Attempt) -> BTreeMap<String, Option<String>> {
    let prefix = attempt.header_family.word();
    let id = attempt.message_id.to_string();
    let seconds = attempt.started_at.seconds().to_string();
    let mut headers: BTreeMap<String, Option<String>> = attempt
        .header_names
        .iter()
        .map(|name| (name.clone(), None))
        .collect();
    let mut sent = |name: &str, value: &str| {
        headers.insert(name.to_owned(), Some(value.to_owned()));
    };
    sent(&format!("{prefix}-id"), &id);
    sent(&format!("{prefix}-attempt"), &attempt.number.to_string());
    sent(&format!("{prefix}-event-type"), &attempt.event_type);
    let content_type = attempt.content_type.as_deref();
    sent("content-type", content_type.unwrap_or("application/json"));
    let schemes = attempt.signature_scheme.as_slice();
    for (scheme, signature) in schemes.iter().zip(attempt.signature.lines()) {
        if *scheme == Scheme::Standard {
            sent(&format!("{prefix}-timestamp"), &seconds);
            sent(&format!("{prefix}-signature"), signature);
        }
        for header in scheme.headers() {
            match header.carries {
                Carries::Signature => sent(header.name, signature),
                Carries::Timestamp => sent(header.name, &seconds),
                Carries::Id => sent(header.name, &id),
                Carries::EventType => sent(header.name, &attempt.event_type),
                Carries::Retries if attempt.number > 1 => {
                    sent(header.name, &(attempt.number - 1).to_string());
                }
                Carries::Retries => {}
            }
        }
    }
    headers
}

/// A message and where it stands with an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointMessageOut {
    #[serde(flatten)]
    pub message: MessageOut,
    /// Where it stands: 0 success, 1 pending, 2 fail, 3 sending (a retry is due), 4 canceled.
    pub status: i16,
    /// The same as a word.
    pub status_text: &'static str,
    /// When the next attempt is due.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub next_attempt: Option<Timestamp>,
}

impl EndpointMessageOut {
    pub(crate) fn new(
        (message, status, next): (Message, AttemptStatus, Option<Timestamp>),
        shows: Shows,
    ) -> Self {
        let status = shows.status(status);
        Self {
            message: MessageOut::new(message, shows.content),
            status: status.code(),
            status_text: status.word(),
            next_attempt: next,
        }
    }
}

/// An endpoint and how the last attempt of a message to it ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageEndpointOut {
    #[serde(flatten)]
    pub endpoint: EndpointOut,
    /// How the last attempt ended: 0 success, 1 pending, 2 fail, 3 sending, 4 canceled.
    pub status: i16,
    /// The same as a word.
    pub status_text: &'static str,
    /// When the next attempt is due.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub next_attempt: Option<Timestamp>,
}

impl From<(Endpoint, AttemptStatus, Option<Timestamp>)> for MessageEndpointOut {
    fn from((endpoint, status, next): (Endpoint, AttemptStatus, Option<Timestamp>)) -> Self {
        Self {
            endpoint: endpoint.into(),
            status: status.code(),
            status_text: status.word(),
            next_attempt: next,
        }
    }
}
