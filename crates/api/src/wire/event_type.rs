//! Event types on the wire.

use std::collections::BTreeMap;

use postrider_domain::{RetryPolicy, Timestamp, names};
use postrider_store::{EventType, NewEventType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::endpoint::RetryPolicySchema;
use super::object;
use super::patch::Patch;
use crate::error::{ApiError, ApiResult, Fault, InField, VALUE_ERROR};

/// The most bytes of an event type's schemas.
const MAX_SCHEMAS: usize = 256 * 1024;
/// The most feature flags of an event type.
const MAX_FLAGS: usize = 50;

/// An event type to be made or replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeIn {
    /// Its name: letters, digits, `-`, `_` and `.`, at most 256.
    #[schema(example = "invoice.paid")]
    pub name: Option<String>,
    /// What it tells of.
    #[schema(example = "An invoice was paid in full")]
    pub description: String,
    /// Whether lists hide it and endpoints cannot ask for it.
    #[serde(default)]
    pub archived: bool,
    /// Whether nobody should use it any more.
    #[serde(default)]
    pub deprecated: bool,
    /// JSON Schemas (draft 7) of its payload, by version.
    #[schema(value_type = Option<Object>)]
    pub schemas: Option<Box<RawValue>>,
    /// Who may see it: everybody if absent.
    pub feature_flags: Option<Vec<String>>,
    /// The older form of `featureFlags`, for one flag.
    #[schema(deprecated)]
    pub feature_flag: Option<String>,
    /// The group that lists show it under.
    pub group_name: Option<String>,
    /// When failed attempts of its messages are repeated, unless the endpoint says. PUT
    /// without it leaves it as it is; null: as the organisation has it.
    #[serde(default, deserialize_with = "object::patched")]
    #[schema(value_type = Option<RetryPolicySchema>)]
    pub retry_policy: Patch<RetryPolicy>,
}

impl EventTypeIn {
    /// Checks it and makes it what the store takes. `path_name` is the name that the
    /// path gives and beats that of the body.
    pub(crate) fn checked(self, path_name: Option<&str>) -> ApiResult<NewEventType> {
        let name = match path_name {
            Some(name) => name.to_owned(),
            None => self
                .name
                .ok_or_else(|| ApiError::invalid_field("name", "missing: give this field"))?,
        };
        names::check_event_type(&name).in_field("name")?;
        names::check_description(&self.description).in_field("description")?;
        Ok(NewEventType {
            name,
            description: self.description,
            archived: self.archived,
            deprecated: self.deprecated,
            schemas: self.schemas.as_deref().map(schemas_text).transpose()?,
            feature_flags: flags(
                self.feature_flags
                    .or_else(|| self.feature_flag.map(|flag| vec![flag])),
            )?,
            group_name: group_name(self.group_name)?,
            retry_policy: self.retry_policy.said(),
        })
    }
}

/// What to change of an event type; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypePatch {
    /// What it tells of.
    pub description: Option<String>,
    /// Whether lists hide it and endpoints cannot ask for it.
    pub archived: Option<bool>,
    /// Whether nobody should use it any more.
    pub deprecated: Option<bool>,
    /// JSON Schemas (draft 7) of its payload, by version; null removes them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub schemas: Patch<Box<RawValue>>,
    /// Who may see it; null: everybody.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub feature_flags: Patch<Vec<String>>,
    /// The older form of `featureFlags`, for one flag.
    #[serde(default)]
    #[schema(value_type = Option<String>, deprecated)]
    pub feature_flag: Patch<String>,
    /// The group that lists show it under; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub group_name: Patch<String>,
    /// When failed attempts of its messages are repeated, unless the endpoint says; null:
    /// as the organisation has it.
    #[serde(default, deserialize_with = "object::patched")]
    #[schema(value_type = Option<RetryPolicySchema>)]
    pub retry_policy: Patch<RetryPolicy>,
}

impl EventTypePatch {
    /// The event type as it is to be.
    pub(crate) fn applied_to(self, old: EventType) -> ApiResult<NewEventType> {
        let mut new = NewEventType {
            name: old.name,
            description: old.description,
            archived: self.archived.unwrap_or(old.archived),
            deprecated: self.deprecated.unwrap_or(old.deprecated),
            schemas: old.schemas,
            feature_flags: old.feature_flags,
            group_name: old.group_name,
            retry_policy: self.retry_policy.said(),
        };
        if let Some(description) = self.description {
            names::check_description(&description).in_field("description")?;
            new.description = description;
        }
        // `null` read into a raw value is the word, not nothing.
        if let Some(schemas) = self.schemas.said() {
            new.schemas = schemas.as_deref().map(schemas_text).transpose()?;
        }
        let one = match self.feature_flag {
            Patch::Absent => Patch::Absent,
            Patch::Null => Patch::Null,
            Patch::Value(flag) => Patch::Value(vec![flag]),
        };
        if let Some(said) = self.feature_flags.or(one).said() {
            new.feature_flags = flags(said)?;
        }
        if let Some(said) = self.group_name.said() {
            new.group_name = group_name(said)?;
        }
        Ok(new)
    }
}

fn flags(flags: Option<Vec<String>>) -> ApiResult<Option<Vec<String>>> {
    let flags = flags.filter(|flags| !flags.is_empty());
    names::check_event_types(flags.as_deref().unwrap_or_default()).in_field("featureFlags")?;
    match &flags {
        Some(list) if list.len() > MAX_FLAGS => Err(ApiError::invalid_field(
            "featureFlags",
            format!(
                "{} flags are too many: give at most {MAX_FLAGS}",
                list.len()
            ),
        )),
        _ => Ok(flags),
    }
}

fn group_name(name: Option<String>) -> ApiResult<Option<String>> {
    if let Some(name) = &name {
        names::check_event_type(name).in_field("groupName")?;
    }
    Ok(name)
}

/// Checks that each value is a JSON Schema of draft 7; keeps the text as it came.
fn schemas_text(raw: &RawValue) -> ApiResult<String> {
    let text = raw.get();
    if text.len() > MAX_SCHEMAS {
        let msg = format!(
            "the schemas take {} bytes: give at most {MAX_SCHEMAS}",
            text.len()
        );
        return Err(ApiError::invalid_field("schemas", msg));
    }
    let schemas: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|_| {
        ApiError::invalid_field(
            "schemas",
            "not an object: give JSON Schemas by version, such as {\"1\": {\"type\": \"object\"}}",
        )
    })?;
    for (version, schema) in &schemas {
        let checked = jsonschema::draft7::meta::validate(schema)
            .map_err(|error| format!("{error}: correct it"))
            .and_then(|()| crate::schema::compile(schema).map(|_| ()));
        checked.map_err(|error| {
            let msg = format!("not a JSON Schema of draft 7 that can be used: {error}");
            let msg: String = msg.chars().take(500).collect();
            ApiError::invalid(vec![Fault::new(
                &["body", "schemas", version],
                msg,
                VALUE_ERROR,
            )])
        })?;
    }
    Ok(text.to_owned())
}

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeOut {
    /// Its name.
    #[schema(example = "invoice.paid")]
    pub name: String,
    /// What it tells of.
    pub description: String,
    /// Whether lists hide it and endpoints cannot ask for it.
    pub archived: bool,
    /// Whether nobody should use it any more.
    pub deprecated: bool,
    /// JSON Schemas (draft 7) of its payload, by version; null in lists without `with_content`.
    #[schema(value_type = Option<Object>, required = true)]
    pub schemas: Option<Box<RawValue>>,
    /// Who may see it; null: everybody.
    #[schema(required = true)]
    pub feature_flags: Option<Vec<String>>,
    /// The first of `featureFlags`.
    #[schema(required = true, deprecated)]
    pub feature_flag: Option<String>,
    /// The group that lists show it under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// When failed attempts of its messages are repeated, unless the endpoint says.
    #[schema(value_type = Option<RetryPolicySchema>, required = true)]
    pub retry_policy: Option<RetryPolicy>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl EventTypeOut {
    /// The event type, with its schemas if `with_content`.
    pub(crate) fn new(event_type: EventType, with_content: bool) -> Self {
        Self {
            schemas: event_type
                .schemas
                .filter(|_| with_content)
                .and_then(|text| RawValue::from_string(text).ok()),
            feature_flag: event_type
                .feature_flags
                .as_ref()
                .and_then(|flags| flags.first().cloned()),
            feature_flags: event_type.feature_flags,
            name: event_type.name,
            description: event_type.description,
            archived: event_type.archived,
            deprecated: event_type.deprecated,
            group_name: event_type.group_name,
            retry_policy: event_type.retry_policy,
            created_at: event_type.created_at,
            updated_at: event_type.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body;

    fn checked(text: &str) -> ApiResult<NewEventType> {
        body::parse::<EventTypeIn>(text.as_bytes())?.checked(None)
    }

    #[test]
    fn schemas_are_kept_as_they_came_and_checked_as_draft_7() {
        let text = r#"{ "2": {"type": "object", "b": 1, "a": 2.50} }"#;
        let body = format!(r#"{{"name":"a","description":"","schemas":{text}}}"#);
        assert_eq!(checked(&body).unwrap().schemas.as_deref(), Some(text));
        for bad in [
            r#"{"1":{"type":"thing"}}"#,
            "[]",
            "5",
            r#""x""#,
            r#"{"1":[]}"#,
        ] {
            let body = format!(r#"{{"name":"a","description":"","schemas":{bad}}}"#);
            assert_eq!(
                checked(&body).unwrap_err().faults()[0].loc[1],
                "schemas",
                "{bad}"
            );
        }
    }

    #[test]
    fn no_schemas_and_no_flags_are_none() {
        let new =
            checked(r#"{"name":"a","description":"","schemas":null,"featureFlags":[]}"#).unwrap();
        assert_eq!((new.schemas, new.feature_flags), (None, None));
    }

    #[test]
    fn the_older_single_flag_counts() {
        let new = checked(r#"{"name":"a","description":"","featureFlag":"beta"}"#).unwrap();
        assert_eq!(new.feature_flags, Some(vec!["beta".to_owned()]));
    }
}
