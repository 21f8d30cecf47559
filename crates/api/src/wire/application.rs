//! Applications on the wire.

use std::collections::BTreeMap;

use postrider_domain::{AppId, Timestamp, names};
use postrider_store::{App, NewApp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patch::Patch;
use super::{app_uid, metadata_of, metadata_text, patched_rate, throttle_rate};
use crate::error::{ApiResult, InField};

/// An application to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationIn {
    /// Its name, for people.
    #[schema(min_length = 1, example = "Acme Inc.")]
    pub name: String,
    /// Your own id for it: letters, digits, `-`, `_` and `.`, at most 256, not beginning with `app_`.
    #[schema(example = "acme")]
    pub uid: Option<String>,
    /// Messages a second to all its endpoints together.
    #[schema(minimum = 1, maximum = 65535)]
    pub throttle_rate: Option<i64>,
    /// The older name of `throttleRate`.
    #[schema(minimum = 1, maximum = 65535, deprecated)]
    pub rate_limit: Option<i64>,
    /// Strings of your own, 4096 bytes of JSON at most.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl ApplicationIn {
    /// Checks it and makes it what the store takes.
    pub(crate) fn checked(self) -> ApiResult<NewApp> {
        names::check_display_name(&self.name).in_field("name")?;
        Ok(NewApp {
            uid: app_uid(self.uid)?,
            name: self.name,
            throttle_rate: throttle_rate(self.throttle_rate, self.rate_limit)?,
            metadata: metadata_text(&self.metadata.unwrap_or_default())?,
        })
    }
}

/// What to change of an application; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationPatch {
    /// Its name, for people.
    #[schema(min_length = 1)]
    pub name: Option<String>,
    /// Your own id for it; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub uid: Patch<String>,
    /// Messages a second to all its endpoints together; null removes the limit.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub throttle_rate: Patch<i64>,
    /// The older name of `throttleRate`.
    #[serde(default)]
    #[schema(value_type = Option<i64>, deprecated)]
    pub rate_limit: Patch<i64>,
    /// Strings of your own; replaces all of them.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl ApplicationPatch {
    /// The application as it is to be.
    pub(crate) fn applied_to(self, app: App) -> ApiResult<NewApp> {
        let mut new = NewApp {
            uid: app.uid,
            name: app.name,
            throttle_rate: app.throttle_rate,
            metadata: app.metadata,
        };
        if let Some(name) = self.name {
            names::check_display_name(&name).in_field("name")?;
            new.name = name;
        }
        if let Some(uid) = self.uid.said() {
            new.uid = app_uid(uid)?;
        }
        if let Some(rate) = patched_rate(self.throttle_rate, self.rate_limit)? {
            new.throttle_rate = rate;
        }
        if let Some(metadata) = self.metadata {
            new.metadata = metadata_text(&metadata)?;
        }
        Ok(new)
    }
}

/// An application.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationOut {
    /// Its id.
    #[schema(value_type = String, example = "app_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: AppId,
    /// Your own id for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its name.
    pub name: String,
    /// Messages a second to all its endpoints together.
    #[schema(required = true)]
    pub throttle_rate: Option<u16>,
    /// The older name of `throttleRate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(deprecated)]
    pub rate_limit: Option<u16>,
    /// Strings of your own.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<App> for ApplicationOut {
    fn from(app: App) -> Self {
        Self {
            id: app.id,
            uid: app.uid,
            name: app.name,
            throttle_rate: app.throttle_rate,
            rate_limit: app.throttle_rate,
            metadata: metadata_of(&app.metadata),
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body;

    #[test]
    fn the_older_name_of_the_rate_counts_where_the_newer_is_absent() {
        let checked = |text: &str| body::parse::<ApplicationIn>(text.as_bytes())?.checked();
        assert_eq!(
            checked(r#"{"name":"a","rateLimit":5}"#)
                .unwrap()
                .throttle_rate,
            Some(5)
        );
        let both = checked(r#"{"name":"a","rateLimit":5,"throttleRate":6}"#).unwrap();
        assert_eq!(both.throttle_rate, Some(6));
        let error = checked(r#"{"name":"a","rateLimit":0}"#).unwrap_err();
        assert_eq!(error.faults()[0].loc, ["body", "rateLimit"]);
    }

    #[test]
    fn wrong_values_are_refused_at_their_field() {
        for (text, field) in [
            (r#"{"name":""}"#, "name"),
            (r#"{"name":"a","uid":"app_x"}"#, "uid"),
            (r#"{"name":"a","uid":""}"#, "uid"),
            (r#"{"name":"a","throttleRate":65536}"#, "throttleRate"),
            (r#"{"name":"a","metadata":{"k":1}}"#, "metadata"),
        ] {
            let error = body::parse::<ApplicationIn>(text.as_bytes())
                .and_then(ApplicationIn::checked)
                .unwrap_err();
            assert_eq!(error.faults()[0].loc[1], field, "{text}");
        }
    }
}
