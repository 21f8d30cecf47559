//! What goes over the wire: types that end in `In`, `Patch` or `Out`.

pub(crate) mod application;
pub(crate) mod attempt;
pub(crate) mod authentication;
pub(crate) mod background_task;
pub(crate) mod batch;
pub(crate) mod endpoint;
pub(crate) mod endpoint_headers;
pub(crate) mod endpoint_out;
pub(crate) mod event_type;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod message;
pub(crate) mod message_in;
pub(crate) mod object;
pub(crate) mod openapi_import;
pub(crate) mod operational;
pub(crate) mod patch;
pub(crate) mod problem;
pub(crate) mod recovery;
pub(crate) mod settings;

use std::collections::BTreeMap;

use postrider_domain::{AppId, names};

use crate::error::{ApiResult, InField};

/// Strings by name, as callers keep them with their entities.
pub(crate) type Metadata = BTreeMap<String, String>;

/// Checks metadata and writes it as the store keeps it.
pub(crate) fn metadata_text(metadata: &Metadata) -> ApiResult<String> {
    names::check_metadata(metadata).in_field("metadata")?;
    serde_json::to_string(metadata).map_err(crate::error::ApiError::internal)
}

/// Reads metadata as the store keeps it.
pub(crate) fn metadata_of(text: &str) -> Metadata {
    // We wrote it; an entity whose metadata is broken is still worth showing.
    serde_json::from_str(text).unwrap_or_default()
}

/// Checks the rate under its name and its older one; the name wins.
pub(crate) fn throttle_rate(rate: Option<i64>, limit: Option<i64>) -> ApiResult<Option<u16>> {
    let (value, field) = match (rate, limit) {
        (Some(rate), _) => (rate, "throttleRate"),
        (None, Some(limit)) => (limit, "rateLimit"),
        (None, None) => return Ok(None),
    };
    names::check_throttle_rate(value).in_field(field).map(Some)
}

/// Checks the uid of an application or endpoint.
pub(crate) fn uid(uid: Option<String>, prefix: &str) -> ApiResult<Option<String>> {
    if let Some(uid) = &uid {
        names::check_uid(uid, prefix).in_field("uid")?;
    }
    Ok(uid)
}

/// Checks the uid of an application.
pub(crate) fn app_uid(text: Option<String>) -> ApiResult<Option<String>> {
    uid(text, AppId::PREFIX)
}
