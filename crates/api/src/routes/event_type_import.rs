//! Event types out of an OpenAPI document.

use http::Method;
use postrider_domain::OrgSettings;
use postrider_store::{EventType, Import, NewEventType};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::operation::Operation;
use crate::wire::openapi_import;

/// An OpenAPI document with webhooks.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenApiImportIn {
    /// The document as JSON. Give this or `specRaw`.
    #[schema(value_type = Option<Object>)]
    pub spec: Option<serde_json::Value>,
    /// The document as text, YAML or JSON.
    pub spec_raw: Option<String>,
    /// Whether to say only what would change.
    #[serde(default)]
    pub dry_run: Option<bool>,
    /// Whether to archive all event types that the document does not have.
    #[serde(default)]
    pub replace_all: Option<bool>,
}

/// An event type as the document describes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTypeFromOpenApi {
    /// Its name.
    pub name: String,
    /// What it tells of.
    pub description: String,
    /// JSON Schemas by version: the document's is version 1.
    #[schema(value_type = Option<Object>, required = true)]
    pub schemas: Option<Box<RawValue>>,
    /// Whether nobody should use it any more.
    pub deprecated: bool,
    /// The group that lists show it under.
    #[schema(required = true)]
    pub group_name: Option<String>,
    /// Who may see it; null: everybody.
    #[schema(required = true)]
    pub feature_flags: Option<Vec<String>>,
}

/// What an import changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenApiImportedData {
    /// The names of the event types that were changed, archived ones included; none in a dry run.
    pub modified: Vec<String>,
    /// The event types that are made or changed.
    pub to_modify: Vec<EventTypeFromOpenApi>,
    /// The names of the event types that are archived, since the document does not have them.
    pub to_archive: Vec<String>,
}

/// What an import has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenApiImportOut {
    /// What it changes.
    pub data: OpenApiImportedData,
}

pub(super) fn operations() -> Vec<Operation> {
    let example = json!({"dryRun": true, "spec": {
        "openapi": "3.1.0",
        "info": {"title": "Invoices", "version": "1"},
        "webhooks": {"invoice.paid": {"post": {
            "description": "An invoice was paid in full",
            "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}
        }}}
    }});
    vec![
        Operation::new(Method::POST, "/api/v1/event-type/import/openapi", "v1.event-type.import-openapi", import)
            .says("Import event types from OpenAPI", "Makes or changes an event type for each of the document's `webhooks` (OpenAPI 3.1) or `x-webhooks` (3.0), all of them or none. What a schema refers to within the document comes along; what leads out of it is refused, never fetched. An archived event type is revived; groups and feature flags stay as they are.")
            .takes::<OpenApiImportIn>(example)
            .answers::<OpenApiImportOut>(200, "What was changed, or would be")
            .tag("Event Type"),
    ]
}

async fn import(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json::<OpenApiImportIn>()?;
    let (dry_run, replace_all) = (
        body.dry_run.unwrap_or(false),
        body.replace_all.unwrap_or(false),
    );
    // Large documents take a while to read: not on a thread that serves others.
    let wanted = tokio::task::spawn_blocking(move || wanted(body))
        .await
        .map_err(ApiError::internal)??;
    let (store, org) = (&call.shared.store, call.access.org);
    let old = store.all_event_types(org).await?;
    let changed: Vec<NewEventType> = wanted
        .iter()
        .filter_map(|new| changed(new, old.iter().find(|old| old.name == new.name)))
        .collect();
    let archived: Vec<String> = old
        .into_iter()
        .filter(|old| replace_all && !old.archived)
        .map(|old| old.name)
        .filter(|name| !wanted.iter().any(|new| new.name == *name))
        .collect();
    let mut modified: Vec<String> = changed.iter().map(|new| new.name.clone()).collect();
    modified.extend(archived.iter().cloned());
    let to_modify = changed.iter().cloned().map(shown).collect();
    let to_archive = archived.clone();
    if dry_run {
        modified.clear();
    } else {
        let import = Import {
            event_types: changed,
            archived,
        };
        store
            .import_environment(org, import, None::<fn(&mut OrgSettings)>)
            .await?;
        // This node's next publish must not be faster than the news.
        call.shared.cache.forget_org(org);
    }
    Answer::ok(&OpenApiImportOut {
        data: OpenApiImportedData {
            modified,
            to_modify,
            to_archive,
        },
    })
}

/// The event types of the document.
fn wanted(body: OpenApiImportIn) -> ApiResult<Vec<NewEventType>> {
    let (spec, field) = match (body.spec, body.spec_raw) {
        (Some(spec), None) => (spec, "spec"),
        (None, Some(text)) => (openapi_import::parse(&text)?, "specRaw"),
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid_field(
                "specRaw",
                "given beside spec: give one of them",
            ));
        }
        (None, None) => {
            return Err(ApiError::invalid_field(
                "spec",
                "missing: give spec, or specRaw",
            ));
        }
    };
    openapi_import::event_types(&spec, field)?
        .into_iter()
        .map(|event_type| {
            let name = event_type.name.clone().unwrap_or_default();
            event_type
                .checked(None)
                .map_err(|error| error.within(&[field, "webhooks", &name]))
        })
        .collect()
}

/// The event type as it is to be, if it is not so yet.
fn changed(new: &NewEventType, old: Option<&EventType>) -> Option<NewEventType> {
    let Some(old) = old else {
        return Some(new.clone());
    };
    let new = NewEventType {
        feature_flags: old.feature_flags.clone(),
        group_name: old.group_name.clone(),
        ..new.clone()
    };
    let same = !old.archived
        && new.description == old.description
        && new.deprecated == old.deprecated
        && new.schemas == old.schemas;
    (!same).then_some(new)
}

fn shown(new: NewEventType) -> EventTypeFromOpenApi {
    EventTypeFromOpenApi {
        name: new.name,
        description: new.description,
        // It was checked to be JSON.
        schemas: new
            .schemas
            .and_then(|text| RawValue::from_string(text).ok()),
        deprecated: new.deprecated,
        group_name: new.group_name,
        feature_flags: new.feature_flags,
    }
}
