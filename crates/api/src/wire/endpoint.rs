//! Endpoints on the wire: what may be said of one, and what is answered of it.

pub(crate) mod headers;
mod rules;
mod schema;
pub(crate) mod secret;

use std::collections::BTreeMap;

use postrider_domain::{
    DisabledReason, EndpointId, HeaderFamily, RetryPolicy, Schemes, Timestamp, names,
};
use postrider_store::{Endpoint, EndpointSettings, NewSecret};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::headers::checked_headers;
pub(crate) use self::rules::{Rules, secret_is_rotated};
use self::rules::{channels, description, event_types, url, version};
use self::schema::HeaderFamilySchema;
pub(crate) use self::schema::RetryPolicySchema;
use super::object;
use super::patch::Patch;
use super::signature_scheme::{SchemesIn, SignatureSchemeSchema, SignatureSchemesSchema};
use super::{metadata_of, metadata_text, patched_rate, throttle_rate, uid};
use crate::error::{ApiError, ApiResult, InField};

/// An endpoint to be made, or to take another's place.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointIn {
    /// Where to send: http or https.
    #[schema(example = "https://example.com/webhooks")]
    pub url: String,
    /// Free text for whoever looks at it; receivers never see it.
    #[serde(default)]
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
    #[serde(default)]
    pub disabled: Option<bool>,
    /// Only these event types; all if absent or empty.
    pub event_types: Option<Vec<String>>,
    /// The older name of `eventTypes`.
    #[schema(deprecated)]
    pub filter_types: Option<Vec<String>>,
    /// Only messages of one of these channels, 1 to 10; all if absent.
    pub channels: Option<Vec<String>>,
    /// The signing secret: `whsec_` and base64 of 24 to 75 bytes, or `whsk_` and base64 of
    /// an Ed25519 key pair; a text of 16 to 256 bytes where `signatureScheme` begins with
    /// another one than the standard. Made if absent. Only where the endpoint is made.
    pub secret: Option<String>,
    /// Strings of your own, 4096 bytes of JSON at most.
    pub metadata: Option<BTreeMap<String, String>>,
    /// A number of your own.
    #[schema(minimum = 1, maximum = 65535)]
    pub version: Option<i64>,
    /// Custom headers, sent with every delivery.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub headers: Patch<BTreeMap<String, String>>,
    /// The deadline of one attempt, in seconds.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 30)]
    pub timeout_seconds: Patch<i64>,
    /// When failed attempts are repeated.
    #[serde(default, deserialize_with = "object::patched")]
    #[schema(value_type = Option<RetryPolicySchema>)]
    pub retry_policy: Patch<RetryPolicy>,
    /// Which names the delivery's own headers go by.
    #[serde(default)]
    #[schema(value_type = Option<HeaderFamilySchema>)]
    pub header_family: Patch<HeaderFamily>,
    /// How deliveries are signed; as the server says if absent, where the endpoint is made.
    #[serde(default)]
    #[schema(value_type = Option<SignatureSchemesSchema>)]
    pub signature_scheme: Patch<SchemesIn>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub unbuilt: Unsupported,
}

/// Fields that we know and have not built.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Unsupported {
    ordered: Option<bool>,
}

impl Unsupported {
    fn refuse(&self) -> ApiResult<()> {
        if self.ordered == Some(true) {
            return Err(ApiError::invalid_field(
                "ordered",
                "true is not supported yet: leave the field out",
            ));
        }
        Ok(())
    }
}

/// What a caller says about settings that the older clients do not know: what is left
/// out stays.
struct Ours {
    headers: Patch<BTreeMap<String, String>>,
    timeout_seconds: Patch<i64>,
    retry_policy: Patch<RetryPolicy>,
    header_family: Patch<HeaderFamily>,
    signature_scheme: Patch<SchemesIn>,
}

impl Ours {
    fn apply(self, settings: &mut EndpointSettings, rules: Rules<'_>) -> ApiResult<()> {
        let mut changed = "headers";
        if let Some(headers) = self.headers.said() {
            settings.headers = checked_headers(headers.unwrap_or_default())?;
        }
        if let Some(seconds) = self.timeout_seconds.said() {
            settings.timeout_seconds = seconds
                .map(names::check_timeout_seconds)
                .transpose()
                .in_field("timeoutSeconds")?
                .and_then(|seconds| u8::try_from(seconds).ok());
        }
        if let Some(policy) = self.retry_policy.said() {
            settings.retry_policy = policy;
        }
        if let Some(family) = self.header_family.said() {
            settings.header_family = family.unwrap_or_default();
        }
        if let Some(said) = self.signature_scheme.said() {
            settings.signature_scheme =
                said.map_or_else(|| rules.default_scheme.clone(), |said| said.schemes);
            changed = "signatureScheme";
        }
        let names = settings.headers.keys().map(String::as_str);
        settings
            .signature_scheme
            .check_beside(names)
            .in_field(changed)
    }
}

impl EndpointIn {
    /// Takes the secrets that came with the schemes.
    pub(crate) fn take_secrets(&mut self) -> Vec<NewSecret> {
        take_secrets(&mut self.signature_scheme)
    }

    /// Checks it and makes it settings. Of `old` stay those that older clients do not
    /// know. Whether the event types exist is left to the caller.
    pub(crate) fn checked(
        self,
        old: Option<EndpointSettings>,
        rules: Rules<'_>,
    ) -> ApiResult<EndpointSettings> {
        self.unbuilt.refuse()?;
        let mut settings = old.unwrap_or_else(|| rules.blank());
        settings.url = url(&self.url, rules.https_only)?;
        settings.uid = uid(self.uid, EndpointId::PREFIX)?;
        settings.description = description(self.description.unwrap_or_default())?;
        settings.throttle_rate = throttle_rate(self.throttle_rate, self.rate_limit)?;
        settings.disabled = self.disabled.unwrap_or(false);
        settings.event_types = event_types(self.event_types.or(self.filter_types))?;
        settings.channels = channels(self.channels)?;
        settings.metadata = metadata_text(&self.metadata.unwrap_or_default())?;
        settings.version = version(self.version.unwrap_or(1))?;
        Ours {
            headers: self.headers,
            timeout_seconds: self.timeout_seconds,
            retry_policy: self.retry_policy,
            header_family: self.header_family,
            signature_scheme: self.signature_scheme,
        }
        .apply(&mut settings, rules)?;
        Ok(settings)
    }
}

/// What to change of an endpoint; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointPatch {
    /// Where to send: http or https.
    pub url: Option<String>,
    /// Free text for whoever looks at it; receivers never see it.
    pub description: Option<String>,
    /// Your own id for it; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub uid: Patch<String>,
    /// Messages a second; null removes the limit.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub throttle_rate: Patch<i64>,
    /// The older name of `throttleRate`.
    #[serde(default)]
    #[schema(value_type = Option<i64>, deprecated)]
    pub rate_limit: Patch<i64>,
    /// Whether nothing is sent.
    pub disabled: Option<bool>,
    /// Only these event types; null or empty: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub event_types: Patch<Vec<String>>,
    /// The older name of `eventTypes`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, deprecated)]
    pub filter_types: Patch<Vec<String>>,
    /// Only messages of one of these channels; null: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub channels: Patch<Vec<String>>,
    /// Strings of your own; replaces all of them.
    pub metadata: Option<BTreeMap<String, String>>,
    /// A number of your own.
    #[schema(minimum = 1, maximum = 65535)]
    pub version: Option<i64>,
    /// Custom headers; replaces all of them.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub headers: Patch<BTreeMap<String, String>>,
    /// The deadline of one attempt, in seconds; null: the server's.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 30)]
    pub timeout_seconds: Patch<i64>,
    /// When failed attempts are repeated; null: as the server says.
    #[serde(default, deserialize_with = "object::patched")]
    #[schema(value_type = Option<RetryPolicySchema>)]
    pub retry_policy: Patch<RetryPolicy>,
    /// Which names the delivery's own headers go by.
    #[serde(default)]
    #[schema(value_type = Option<HeaderFamilySchema>)]
    pub header_family: Patch<HeaderFamily>,
    /// How deliveries are signed; null: as the server says.
    #[serde(default)]
    #[schema(value_type = Option<SignatureSchemesSchema>)]
    pub signature_scheme: Patch<SchemesIn>,
    #[serde(default)]
    #[schema(ignore)]
    pub secret: Option<IgnoredAny>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub unbuilt: Unsupported,
}

impl EndpointPatch {
    /// Whether the endpoint gets another filter of event types.
    pub(crate) fn filters(&self) -> bool {
        self.event_types != Patch::Absent || self.filter_types != Patch::Absent
    }

    /// Takes the secrets that came with the schemes.
    pub(crate) fn take_secrets(&mut self) -> Vec<NewSecret> {
        take_secrets(&mut self.signature_scheme)
    }

    /// The settings as they are to be. Whether the event types exist is left to the caller.
    pub(crate) fn applied_to(
        self,
        mut settings: EndpointSettings,
        rules: Rules<'_>,
    ) -> ApiResult<EndpointSettings> {
        self.unbuilt.refuse()?;
        if self.secret.is_some() {
            return Err(secret_is_rotated());
        }
        if let Some(text) = self.url {
            settings.url = url(&text, rules.https_only)?;
        }
        if let Some(text) = self.description {
            settings.description = description(text)?;
        }
        if let Some(text) = self.uid.said() {
            settings.uid = uid(text, EndpointId::PREFIX)?;
        }
        if let Some(rate) = patched_rate(self.throttle_rate, self.rate_limit)? {
            settings.throttle_rate = rate;
        }
        if let Some(list) = self.event_types.or(self.filter_types).said() {
            settings.event_types = event_types(list)?;
        }
        if let Some(list) = self.channels.said() {
            settings.channels = channels(list)?;
        }
        if let Some(metadata) = self.metadata {
            settings.metadata = metadata_text(&metadata)?;
        }
        if let Some(number) = self.version {
            settings.version = version(number)?;
        }
        settings.disabled = self.disabled.unwrap_or(settings.disabled);
        Ours {
            headers: self.headers,
            timeout_seconds: self.timeout_seconds,
            retry_policy: self.retry_policy,
            header_family: self.header_family,
            signature_scheme: self.signature_scheme,
        }
        .apply(&mut settings, rules)?;
        Ok(settings)
    }
}

fn take_secrets(said: &mut Patch<SchemesIn>) -> Vec<NewSecret> {
    match said {
        Patch::Value(said) => std::mem::take(&mut said.secrets),
        Patch::Absent | Patch::Null => Vec::new(),
    }
}

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointOut {
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
            version: settings.version,
            uid: settings.uid,
            rate_limit: settings.throttle_rate,
            throttle_rate: settings.throttle_rate,
            filter_types: settings.event_types.clone(),
            event_types: settings.event_types,
            channels: settings.channels,
            timeout_seconds: settings.timeout_seconds,
            retry_policy: settings.retry_policy,
            header_family: settings.header_family,
            signature_scheme: settings.signature_scheme,
        }
    }
}

#[cfg(test)]
mod tests;
