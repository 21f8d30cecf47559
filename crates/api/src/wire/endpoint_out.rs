//! What the API says about endpoints.

use std::collections::BTreeMap;

use postrider_domain::{DisabledReason, EndpointId, HeaderFamily, RetryPolicy, Schemes, Timestamp};
use postrider_store::Endpoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::{HeaderFamilySchema, RetryPolicySchema};
use super::metadata_of;
use super::signature_scheme::{SchemeType, SignatureSchemeSchema};

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointOut {
    /// Its id.
    #[schema(value_type = String, example = "ep_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: EndpointId,
    /// Where to send, normalised.
    pub url: String,
    /// For people.
    pub description: String,
    /// Strings of your own.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Whether nothing is sent.
    pub disabled: bool,
    /// Why nothing is sent: `manual`, `failing` (for five days) or `gone` (it answered 410).
    #[schema(required = true)]
    pub disabled_reason: Option<&'static str>,
    /// Since when nothing is sent.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub disabled_at: Option<Timestamp>,
    /// A number of your own.
    pub version: i32,
    /// Your own id for it.
    #[schema(required = true)]
    pub uid: Option<String>,
    /// The older name of `throttleRate`.
    #[schema(required = true, deprecated)]
    pub rate_limit: Option<u16>,
    /// Messages a second.
    #[schema(required = true)]
    pub throttle_rate: Option<u16>,
    /// Only these event types; null: all.
    #[schema(required = true)]
    pub event_types: Option<Vec<String>>,
    /// The older name of `eventTypes`.
    #[schema(required = true, deprecated)]
    pub filter_types: Option<Vec<String>>,
    /// Only messages of one of these channels; null: all.
    #[schema(required = true)]
    pub channels: Option<Vec<String>>,
    /// The deadline of one attempt, in seconds; null: the server's.
    #[schema(required = true)]
    pub timeout_seconds: Option<u8>,
    /// When failed attempts are repeated; null: as the server says.
    #[schema(value_type = Option<RetryPolicySchema>, required = true)]
    pub retry_policy: Option<RetryPolicy>,
    /// Which names the delivery's own headers go by.
    #[schema(value_type = HeaderFamilySchema)]
    pub header_family: HeaderFamily,
    /// How deliveries are signed: one scheme, or two at once.
    #[schema(value_type = Vec<SignatureSchemeSchema>)]
    pub signature_scheme: Schemes,
}

impl From<Endpoint> for EndpointOut {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            metadata: metadata_of(&endpoint.metadata),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            disabled: endpoint.disabled,
            disabled_reason: endpoint.disabled_reason.map(DisabledReason::word),
            disabled_at: endpoint.disabled_at,
            version: endpoint.version,
            uid: endpoint.uid,
            rate_limit: endpoint.throttle_rate,
            throttle_rate: endpoint.throttle_rate,
            filter_types: endpoint.event_types.clone(),
            event_types: endpoint.event_types,
            channels: endpoint.channels,
            timeout_seconds: endpoint.timeout_seconds,
            retry_policy: endpoint.retry_policy,
            header_family: endpoint.header_family,
            signature_scheme: endpoint.signature_scheme,
        }
    }
}

/// What deliveries are verified with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretOut {
    /// The `whsec_` secret, or the `whpk_` public key of an Ed25519 key; of other schemes than
    /// the standard the secret as it was given or made, without a prefix of ours.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub key: String,
    /// Until when each replaced secret still signs beside it, the latest first.
    #[schema(value_type = Vec<String>, format = DateTime)]
    pub replaced_until: Vec<Timestamp>,
}

/// A new signing secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotateIn {
    /// The new secret; made if absent. Of other schemes than the standard a text of 16 to
    /// 256 bytes, as the receiver has it.
    pub key: Option<String>,
    /// For how long the old secret signs beside the new one; 86400 if absent. 0 where a
    /// delivery carries one signature only: `github`, `slack` and `hmac`.
    #[schema(minimum = 0, maximum = 604_800)]
    pub grace_period_seconds: Option<i64>,
    /// Which scheme's secret; that of the endpoint's first if absent.
    pub scheme: Option<SchemeType>,
}

/// How the attempts of an endpoint ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsOut {
    /// A 2xx answer.
    pub success: u64,
    /// Always 0: an attempt is counted when it has ended.
    pub pending: u64,
    /// Always 0: an attempt is counted when it has ended.
    pub sending: u64,
    /// No 2xx answer.
    pub fail: u64,
    /// Ended by a person or by a change of the endpoint.
    pub canceled: u64,
}

/// How the ended attempts of an endpoint ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptStatsOut {
    /// A 2xx answer.
    pub success: u64,
    /// No 2xx answer.
    pub fail: u64,
    /// Ended by a person or by a change of the endpoint.
    pub canceled: u64,
}
