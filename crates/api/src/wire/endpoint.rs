//! Endpoints on the wire.

use std::collections::BTreeMap;

use postrider_domain::{EndpointId, HeaderFamily, RetryPolicy, names};
use postrider_store::EndpointSettings;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use super::endpoint_headers::checked_headers;
use super::object;
use super::patch::Patch;
use super::{metadata_text, patched_rate, throttle_rate, uid};
use crate::error::{ApiError, ApiResult, InField};

/// When failed attempts are repeated.
#[derive(ToSchema)]
#[serde(
    tag = "type",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum RetryPolicySchema {
    /// Growing delays with jitter, the last attempt at the horizon.
    #[serde(rename_all = "camelCase")]
    Exponential {
        /// The delay after the first attempt, 1 to 86400; 5 if absent.
        #[schema(minimum = 1, maximum = 86_400)]
        initial_seconds: Option<u64>,
        /// What each delay is multiplied by, 1 to 10; 3 if absent.
        #[schema(minimum = 1, maximum = 10)]
        factor: Option<f64>,
        /// No delay is longer, 1 to 604800; 21600 if absent.
        #[schema(minimum = 1, maximum = 604_800)]
        max_interval_seconds: Option<u64>,
        /// How long after the beginning the last attempt is made, 60 to 1209600; 259200 if absent.
        #[schema(minimum = 60, maximum = 1_209_600)]
        horizon_seconds: Option<u64>,
    },
    /// Delays since the previous attempt, at most 100; one attempt more than there are delays.
    Schedule {
        /// The delays in seconds.
        seconds: Vec<u64>,
    },
}

/// Which names the delivery's own headers go by.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum HeaderFamilySchema {
    /// `webhook-id` and so on: Standard Webhooks.
    Webhook,
    /// `svix-id` and so on.
    Svix,
}

/// An endpoint to be made, or to take another's place.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointIn {
    /// Where to send: http or https.
    #[schema(example = "https://example.com/webhooks")]
    pub url: String,
    /// For people.
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
    /// an Ed25519 key pair. Made if absent. Only where the endpoint is made.
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
    #[serde(flatten)]
    #[schema(ignore)]
    pub unbuilt: Unbuilt,
}

/// Fields that we know and have not built.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Unbuilt {
    ordered: Option<bool>,
    signature_scheme: Option<IgnoredAny>,
}

impl Unbuilt {
    fn refuse(&self) -> ApiResult<()> {
        if self.ordered == Some(true) {
            return Err(ApiError::invalid_field(
                "ordered",
                "true is not supported yet: leave the field out",
            ));
        }
        if self.signature_scheme.is_some() {
            return Err(ApiError::invalid_field(
                "signatureScheme",
                "not supported yet: leave the field out; the kind of secret decides how deliveries are signed",
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
}

impl Ours {
    fn apply(self, settings: &mut EndpointSettings) -> ApiResult<()> {
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
        Ok(())
    }
}

/// What an endpoint is before its first settings.
fn blank() -> EndpointSettings {
    EndpointSettings {
        uid: None,
        url: String::new(),
        description: String::new(),
        metadata: "{}".to_owned(),
        version: 1,
        disabled: false,
        event_types: None,
        channels: None,
        throttle_rate: None,
        timeout_seconds: None,
        retry_policy: None,
        header_family: HeaderFamily::default(),
        headers: BTreeMap::new(),
    }
}

impl EndpointIn {
    /// Checks it and makes it settings. Of `old` stay those that older clients do not
    /// know. Whether the event types exist is left to the caller.
    pub(crate) fn checked(
        self,
        old: Option<EndpointSettings>,
        https_only: bool,
    ) -> ApiResult<EndpointSettings> {
        self.unbuilt.refuse()?;
        let mut settings = old.unwrap_or_else(blank);
        settings.url = url(&self.url, https_only)?;
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
        }
        .apply(&mut settings)?;
        Ok(settings)
    }
}

/// What to change of an endpoint; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointPatch {
    /// Where to send: http or https.
    pub url: Option<String>,
    /// For people.
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
    #[serde(default)]
    #[schema(ignore)]
    pub secret: Option<IgnoredAny>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub unbuilt: Unbuilt,
}

impl EndpointPatch {
    /// Whether the endpoint gets another filter of event types.
    pub(crate) fn filters(&self) -> bool {
        self.event_types != Patch::Absent || self.filter_types != Patch::Absent
    }

    /// The settings as they are to be. Whether the event types exist is left to the caller.
    pub(crate) fn applied_to(
        self,
        mut settings: EndpointSettings,
        https_only: bool,
    ) -> ApiResult<EndpointSettings> {
        self.unbuilt.refuse()?;
        if self.secret.is_some() {
            return Err(secret_is_rotated());
        }
        if let Some(text) = self.url {
            settings.url = url(&text, https_only)?;
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
        }
        .apply(&mut settings)?;
        Ok(settings)
    }
}

/// An endpoint's secret is not part of an update.
pub(crate) fn secret_is_rotated() -> ApiError {
    ApiError::invalid_field(
        "secret",
        "cannot be changed here: use POST .../secret/rotate, which keeps the old one for a while",
    )
}

fn url(text: &str, https_only: bool) -> ApiResult<String> {
    postrider_domain::url::parse(text, https_only)
        .in_field("url")
        .map(Into::into)
}

fn description(text: String) -> ApiResult<String> {
    names::check_description(&text).in_field("description")?;
    Ok(text)
}

fn version(number: i64) -> ApiResult<i32> {
    u16::try_from(number)
        .ok()
        .filter(|number| *number >= 1)
        .map(i32::from)
        .ok_or_else(|| {
            let msg = format!("{number} is out of bounds: give 1 to 65535");
            ApiError::invalid_field("version", msg)
        })
}

/// Checks the names; an empty list is no filter, as svix-react sends it.
fn event_types(list: Option<Vec<String>>) -> ApiResult<Option<Vec<String>>> {
    let list = list.filter(|list| !list.is_empty());
    names::check_event_types(list.as_deref().unwrap_or_default()).in_field("eventTypes")?;
    Ok(list)
}

fn channels(list: Option<Vec<String>>) -> ApiResult<Option<Vec<String>>> {
    if let Some(list) = &list {
        names::check_endpoint_channels(list).in_field("channels")?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body;

    fn made(text: &str) -> ApiResult<EndpointSettings> {
        body::parse::<EndpointIn>(text.as_bytes())?.checked(None, false)
    }

    fn patched(old: EndpointSettings, text: &str) -> ApiResult<EndpointSettings> {
        body::parse::<EndpointPatch>(text.as_bytes())?.applied_to(old, false)
    }

    #[test]
    fn a_url_is_normalised_and_an_empty_filter_is_none() {
        let settings =
            made(r#"{"url":"http://Example.com","filterTypes":[],"description":null}"#).unwrap();
        assert_eq!(settings.url, "http://example.com/");
        assert_eq!(settings.event_types, None);
        assert_eq!(settings.version, 1);
    }

    #[test]
    fn wrong_values_are_refused_at_their_field() {
        for (rest, field) in [
            (r#""uid":"ep_1""#, "uid"),
            (r#""version":0"#, "version"),
            (r#""timeoutSeconds":31"#, "timeoutSeconds"),
            (
                r#""retryPolicy":{"type":"schedule","seconds":[604801]}"#,
                "retryPolicy",
            ),
            (r#""retryPolicy":{"type":"never"}"#, "retryPolicy"),
            (r#""headerFamily":"hook""#, "headerFamily"),
            (r#""headers":{"host":"x"}"#, "headers"),
            (r#""channels":[]"#, "channels"),
            (r#""eventTypes":["a b"]"#, "eventTypes"),
            (r#""ordered":true"#, "ordered"),
            (r#""signatureScheme":"v1""#, "signatureScheme"),
        ] {
            let text = format!(r#"{{"url":"http://a",{rest}}}"#);
            assert_eq!(made(&text).unwrap_err().faults()[0].loc[1], field, "{rest}");
        }
    }

    #[test]
    fn replacing_keeps_what_older_clients_do_not_know() {
        let old = made(
            r#"{"url":"http://a","uid":"u","timeoutSeconds":9,"headerFamily":"svix","headers":{"x-a":"1"},"disabled":true}"#,
        )
        .unwrap();
        let new = body::parse::<EndpointIn>(br#"{"url":"http://b"}"#)
            .unwrap()
            .checked(Some(old), false)
            .unwrap();
        assert_eq!(new.timeout_seconds, Some(9));
        assert_eq!(new.header_family, HeaderFamily::Svix);
        assert_eq!(new.headers.len(), 1);
        assert_eq!((new.uid, new.disabled), (None, false));
    }

    #[test]
    fn null_clears_and_absence_keeps() {
        let old = made(
            r#"{"url":"http://a","uid":"u","throttleRate":5,"channels":["c"],"timeoutSeconds":9}"#,
        )
        .unwrap();
        assert_eq!(patched(old.clone(), "{}").unwrap(), old);
        let new = patched(
            old,
            r#"{"uid":null,"throttleRate":null,"channels":null,"timeoutSeconds":null}"#,
        )
        .unwrap();
        assert_eq!((new.uid, new.throttle_rate), (None, None));
        assert_eq!((new.channels, new.timeout_seconds), (None, None));
    }

    #[test]
    fn a_secret_in_an_update_is_refused_with_the_way_to_rotate() {
        let old = made(r#"{"url":"http://a"}"#).unwrap();
        let error = patched(old, r#"{"secret":"whsec_x"}"#).unwrap_err();
        assert!(error.faults()[0].msg.contains("secret/rotate"));
    }
}
