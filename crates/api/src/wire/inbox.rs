//! Inboxes on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_domain::{EndpointId, InboxId, InboxRequestId, Timestamp};
use postrider_store::{Inbox, InboxRequest, InboxUpdate, Verification};
use postrider_verify::Verifier;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::patch::Patch;
use crate::error::{ApiError, ApiResult};

/// For how long an inbox lives, in seconds: a minute to a week; a day unless said.
const LIFE: std::ops::RangeInclusive<i64> = 60..=604_800;
const DAY: i64 = 86_400;
/// What an inbox may answer.
const STATUSES: std::ops::RangeInclusive<i64> = 200..=599;
/// The longest pause before the answer, in milliseconds.
const MAX_DELAY: i64 = 30_000;

/// An inbox to be made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboxIn {
    /// Ties it to an application, by id or uid; it is then seen by that application's keys too.
    pub app_id: Option<String>,
    /// For how many seconds it is there: 60 to 604800; a day if absent.
    #[schema(minimum = 60, maximum = 604_800)]
    pub ttl_seconds: Option<i64>,
}

impl InboxIn {
    /// For how many seconds it is there.
    pub(crate) fn life(&self) -> ApiResult<std::time::Duration> {
        let seconds = within("ttlSeconds", self.ttl_seconds.unwrap_or(DAY), &LIFE)?;
        Ok(std::time::Duration::from_secs(seconds.unsigned_abs()))
    }
}

/// What to change of an inbox.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboxPatch {
    /// Ties an inbox that has no application to one, by id or uid.
    pub app_id: Option<String>,
    /// The status that it answers with: 200 to 599; null: 204.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 200, maximum = 599)]
    pub answer_status: Patch<i64>,
    /// For how many milliseconds it waits before it answers: 0 to 30000.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 30_000)]
    pub answer_delay_ms: Patch<i64>,
    /// What requests are checked with: `whsec_...` or `whpk_...`; null: nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub secret: Patch<String>,
    /// Checks requests with the secrets that this endpoint has when they arrive, in place of
    /// `secret`; the inbox must have an application, whose endpoint it is, by id or uid.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub endpoint_id: Patch<String>,
}

/// A checked change, but for the endpoint, which is still a name.
pub(crate) struct CheckedInboxPatch {
    /// What to change.
    pub update: InboxUpdate,
    /// The application to tie it to, if that is said.
    pub app: Option<String>,
    /// The endpoint to check with, if that is said.
    pub endpoint: Patch<String>,
}

impl InboxPatch {
    /// Checks every value.
    pub(crate) fn checked(self) -> ApiResult<CheckedInboxPatch> {
        let answer_status = match self.answer_status {
            Patch::Absent => None,
            Patch::Null => Some(204),
            Patch::Value(status) => Some(within("answerStatus", status, &STATUSES)? as u16),
        };
        let answer_delay_ms = match self.answer_delay_ms {
            Patch::Absent => None,
            Patch::Null => Some(0),
            Patch::Value(delay) => Some(within("answerDelayMs", delay, &(0..=MAX_DELAY))? as u16),
        };
        if matches!(self.secret, Patch::Value(_)) && matches!(self.endpoint_id, Patch::Value(_)) {
            let msg = "given beside secret: give one of the two";
            return Err(ApiError::invalid_field("endpointId", msg));
        }
        if let Patch::Value(secret) = &self.secret
            && Verifier::new(secret).is_err()
        {
            let msg = "no secret to check with: give one that begins with whsec_ or whpk_";
            return Err(ApiError::invalid_field("secret", msg));
        }
        Ok(CheckedInboxPatch {
            update: InboxUpdate {
                app: None,
                answer_status,
                answer_delay_ms,
                secret: self.secret.said(),
                endpoint: None,
            },
            app: self.app_id,
            endpoint: self.endpoint_id,
        })
    }
}

fn within(field: &str, value: i64, allowed: &std::ops::RangeInclusive<i64>) -> ApiResult<i64> {
    if allowed.contains(&value) {
        return Ok(value);
    }
    let msg = format!(
        "{value} is out of bounds: give {} to {}",
        allowed.start(),
        allowed.end()
    );
    Err(ApiError::invalid_field(field, msg))
}

/// An inbox: a receiver inside the server, for trying things out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboxOut {
    /// Its id.
    #[schema(value_type = String)]
    pub id: InboxId,
    /// The application that it is tied to.
    #[schema(value_type = Option<String>, required = true)]
    pub app_id: Option<postrider_domain::AppId>,
    /// Where it receives: whoever knows this may send to it. Register it as an endpoint's URL.
    #[schema(example = "https://hooks.example.com/inbox/...")]
    pub url: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it goes, with all that it has received.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The status that it answers with.
    pub answer_status: u16,
    /// For how many milliseconds it waits before it answers.
    pub answer_delay_ms: u16,
    /// Whether requests are checked with a secret of its own.
    pub secret_set: bool,
    /// The endpoint whose secrets requests are checked with.
    #[schema(value_type = Option<String>, required = true)]
    pub endpoint_id: Option<EndpointId>,
}

impl InboxOut {
    /// The inbox, as it is reached under `base`.
    pub(crate) fn new(inbox: &Inbox, base: &str) -> Self {
        Self {
            id: inbox.id,
            app_id: inbox.app_id,
            url: format!("{}/inbox/{}", base.trim_end_matches('/'), inbox.token),
            created_at: inbox.id.minted_at(),
            expires_at: inbox.expires_at,
            answer_status: inbox.answer_status,
            answer_delay_ms: inbox.answer_delay_ms,
            secret_set: inbox.has_secret,
            endpoint_id: inbox.endpoint_id,
        }
    }
}

/// What checking a request gave.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerificationOut {
    /// `verified`, `failed`, or `noSecret` if there was nothing to check with.
    #[schema(example = "verified", pattern = "^(verified|failed|noSecret)$")]
    pub status: &'static str,
    /// Why it failed.
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// A header as it came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeaderOut {
    /// Its name, in lower case.
    pub name: String,
    /// Its value; what is not UTF-8 in it is replaced.
    pub value: String,
}

/// A request that an inbox received.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboxRequestOut {
    /// Its id.
    #[schema(value_type = String)]
    pub id: InboxRequestId,
    /// When it arrived.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Its method.
    pub method: String,
    /// What followed the inbox's own path, with the query.
    pub target: String,
    /// Its headers, in the order in which they came.
    pub headers: Vec<HeaderOut>,
    /// Its body.
    pub body: String,
    /// How the body is shown: `text`, or `base64` if it is not UTF-8.
    #[schema(example = "text", pattern = "^(text|base64)$")]
    pub body_encoding: &'static str,
    /// Bytes of the body.
    pub size: u64,
    /// The status that it was answered with.
    pub answer_status: u16,
    /// What checking it gave.
    pub verification: VerificationOut,
}

impl From<InboxRequest> for InboxRequestOut {
    fn from(request: InboxRequest) -> Self {
        let size = request.body.len() as u64;
        let (body, body_encoding) = match String::from_utf8(request.body) {
            Ok(text) => (text, "text"),
            Err(error) => (STANDARD.encode(error.as_bytes()), "base64"),
        };
        let (status, reason) = match request.verification {
            Verification::Verified => ("verified", None),
            Verification::Failed(reason) => ("failed", Some(reason)),
            Verification::NoSecret => ("noSecret", None),
        };
        Self {
            id: request.id,
            received_at: request.id.minted_at(),
            method: request.method,
            target: request.target,
            headers: request
                .headers
                .into_iter()
                .map(|(name, value)| HeaderOut { name, value })
                .collect(),
            body,
            body_encoding,
            size,
            answer_status: request.answer_status,
            verification: VerificationOut { status, reason },
        }
    }
}

/// An example of a change.
pub(crate) fn patch_example() -> serde_json::Value {
    json!({"answerStatus": 503, "answerDelayMs": 500})
}
