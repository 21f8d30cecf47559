//! What goes over the wire: types that end in `In`, `Patch` or `Out`.

pub(crate) mod application;
pub(crate) mod attempt;
pub(crate) mod authentication;
pub(crate) mod background_task;
pub(crate) mod batch;
pub(crate) mod console;
pub(crate) mod endpoint;
pub(crate) mod event_type;
pub(crate) mod health;
pub(crate) mod inbox;
pub(crate) mod key;
pub(crate) mod message;
pub(crate) mod message_in;
pub(crate) mod object;
pub(crate) mod openapi_import;
pub(crate) mod operational;
pub(crate) mod patch;
pub(crate) mod problem;
pub(crate) mod recovery;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod signature_scheme;
pub(crate) mod stats;

use std::collections::BTreeMap;

use postrider_domain::{AppId, names};

use self::patch::Patch;
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
    let checked = |value: Option<i64>, field| {
        let rate = value.map(names::check_throttle_rate).transpose();
        rate.in_field(field)
    };
    let (rate, limit) = (checked(rate, "throttleRate")?, checked(limit, "rateLimit")?);
    Ok(rate.or(limit))
}

/// As [`throttle_rate`], of an update: what the rate then is, if it says anything of it.
#[expect(
    clippy::option_option,
    reason = "`if let Some(rate)` then reads as what it does"
)]
pub(crate) fn patched_rate(rate: Patch<i64>, limit: Patch<i64>) -> ApiResult<Option<Option<u16>>> {
    let (rate, limit) = (rate.said(), limit.said());
    let named = throttle_rate(rate.flatten(), None)?;
    let older = throttle_rate(None, limit.flatten())?;
    Ok(rate.map(|_| named).or(limit.map(|_| older)))
}

/// Checks the uid of an application or endpoint.
pub(crate) fn uid(uid: Option<String>, prefix: &str) -> ApiResult<Option<String>> {
    if let Some(uid) = &uid {
        names::check_uid(uid, prefix).in_id("uid")?;
    }
    Ok(uid)
}

/// Checks the uid of an application.
pub(crate) fn app_uid(text: Option<String>) -> ApiResult<Option<String>> {
    uid(text, AppId::PREFIX)
}
