//! What endpoints' fields may hold: each is checked under its name.

use postrider_domain::{Schemes, names};
use postrider_store::EndpointSettings;

use crate::error::{ApiError, ApiResult, InField};

/// What the operator decides about endpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// Whether a URL must be https.
    pub https_only: bool,
    /// How deliveries are signed where an endpoint says nothing.
    pub default_scheme: &'a Schemes,
}

impl Rules<'_> {
    /// What an endpoint is before its first settings.
    pub(super) fn blank(self) -> EndpointSettings {
        EndpointSettings {
            signature_scheme: self.default_scheme.clone(),
            ..EndpointSettings::default()
        }
    }
}

/// An endpoint's secret is not part of an update.
pub(crate) fn secret_is_rotated() -> ApiError {
    ApiError::invalid_field(
        "secret",
        "cannot be changed here: use POST .../secret/rotate, which keeps the old one for a while",
    )
}

pub(super) fn url(text: &str, https_only: bool) -> ApiResult<String> {
    postrider_domain::url::parse(text, https_only)
        .in_field("url")
        .map(Into::into)
}

pub(super) fn description(text: String) -> ApiResult<String> {
    names::check_description(&text).in_field("description")?;
    Ok(text)
}

pub(super) fn version(number: i64) -> ApiResult<i32> {
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
pub(super) fn event_types(list: Option<Vec<String>>) -> ApiResult<Option<Vec<String>>> {
    let list = list.filter(|list| !list.is_empty());
    names::check_event_types(list.as_deref().unwrap_or_default()).in_field("eventTypes")?;
    Ok(list)
}

pub(super) fn channels(list: Option<Vec<String>>) -> ApiResult<Option<Vec<String>>> {
    if let Some(list) = &list {
        names::check_endpoint_channels(list).in_field("channels")?;
    }
    Ok(list)
}
