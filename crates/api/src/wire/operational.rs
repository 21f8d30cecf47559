//! Operational endpoints on the wire.

use std::collections::BTreeMap;

use postrider_domain::{DisabledReason, EndpointId, Timestamp};
use postrider_store::{Endpoint, OPERATIONAL_EVENTS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::EndpointIn;
use super::metadata_of;
use super::patch::Patch;
use crate::error::{ApiError, ApiResult};

/// An operational endpoint to be made, or to take another's place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationalEndpointIn {
    /// Where to send: http or https.
    #[schema(example = "https://example.com/operations")]
    pub url: String,
    /// Free text for whoever looks at it; receivers never see it.
    pub description: Option<String>,
    /// Your own id for it: letters, digits, `-`, `_` and `.`, at most 256, not beginning with `ep_`.
    pub uid: Option<String>,
    /// Messages a second.
    #[schema(minimum = 1, maximum = 65535)]
    pub throttle_rate: Option<i64>,
    /// The older name of `throttleRate`.
    #[schema(minimum = 1, maximum = 65535, deprecated)]
    pub rate_limit: Option<i64>,
    /// Whether nothing is sent.
    pub disabled: Option<bool>,
    /// Only these events; all if absent or empty.
    pub event_types: Option<Vec<String>>,
    /// The older name of `eventTypes`.
    #[schema(deprecated)]
    pub filter_types: Option<Vec<String>>,
    /// The signing secret, as an endpoint's. Made if absent. Only where the endpoint is made.
    pub secret: Option<String>,
    /// Strings of your own, 4096 bytes of JSON at most.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Custom headers, sent with every delivery.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub headers: Patch<BTreeMap<String, String>>,
}

impl OperationalEndpointIn {
    /// The same as an endpoint of an application, its events checked.
    pub(crate) fn into_endpoint(self) -> ApiResult<EndpointIn> {
        let event_types = self.event_types.or(self.filter_types);
        for name in event_types.iter().flatten() {
            if !OPERATIONAL_EVENTS.contains(&name.as_str()) {
                let msg = format!(
                    "{name:?} is no operational event: give some of {}, or leave it out for all",
                    OPERATIONAL_EVENTS.join(", ")
                );
                return Err(ApiError::invalid_field("eventTypes", msg));
            }
        }
        Ok(EndpointIn {
            url: self.url,
            description: self.description,
            uid: self.uid,
            throttle_rate: self.throttle_rate,
            rate_limit: self.rate_limit,
            disabled: self.disabled,
            event_types,
            filter_types: None,
            channels: None,
            secret: self.secret,
            metadata: self.metadata,
            version: None,
            headers: self.headers,
            timeout_seconds: Patch::Absent,
            retry_policy: Patch::Absent,
            header_family: Patch::Absent,
            signature_scheme: Patch::Absent,
            ..EndpointIn::default()
        })
    }
}

/// An operational endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationalEndpointOut {
    /// Its id.
    #[schema(value_type = String, example = "ep_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: EndpointId,
    /// Where to send, normalised.
    pub url: String,
    /// Free text for whoever looks at it; receivers never see it.
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
    /// Your own id for it.
    #[schema(required = true)]
    pub uid: Option<String>,
    /// The older name of `throttleRate`.
    #[schema(required = true, deprecated)]
    pub rate_limit: Option<u16>,
    /// Messages a second.
    #[schema(required = true)]
    pub throttle_rate: Option<u16>,
    /// Only these events; null: all.
    #[schema(required = true)]
    pub event_types: Option<Vec<String>>,
    /// The older name of `eventTypes`.
    #[schema(required = true, deprecated)]
    pub filter_types: Option<Vec<String>>,
}

impl From<Endpoint> for OperationalEndpointOut {
    fn from(endpoint: Endpoint) -> Self {
        let settings = endpoint.settings;
        Self {
            id: endpoint.id,
            url: settings.url,
            description: settings.description,
            metadata: metadata_of(&settings.metadata),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            disabled: settings.disabled,
            disabled_reason: endpoint.disabled_reason.map(DisabledReason::word),
            disabled_at: endpoint.disabled_at,
            uid: settings.uid,
            rate_limit: settings.throttle_rate,
            throttle_rate: settings.throttle_rate,
            filter_types: settings.event_types.clone(),
            event_types: settings.event_types,
        }
    }
}
