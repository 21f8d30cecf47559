//! An organisation's set-up as one document, to be carried into another.

use http::Method;
use postrider_domain::{OrgSettings, Timestamp};
use postrider_store::{EventType, Import};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::operation::Operation;
use crate::wire::event_type::{EventTypeIn, EventTypeOut};
use crate::wire::object;
use crate::wire::settings::{SettingsOut, SettingsPatch};

/// The version of the document.
const VERSION: u32 = 1;
/// Event types that one document may have.
const MAX_EVENT_TYPES: usize = 5000;

/// An organisation's set-up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentOut {
    /// The version of this document's shape.
    pub version: u32,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Every event type, archived ones too, with its schemas.
    pub event_types: Vec<EventTypeOut>,
    /// What the organisation decides for all its applications.
    pub settings: SettingsOut,
    /// Always empty: there are no connectors.
    #[schema(value_type = Vec<Object>)]
    pub connectors: Vec<Value>,
}

/// A set-up to be taken over.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentIn {
    /// Event types to make or overwrite; others stay.
    #[serde(default, deserialize_with = "object::list")]
    pub event_types: Option<Vec<EventTypeIn>>,
    /// Settings to change; others stay.
    #[serde(default, deserialize_with = "object::optional")]
    pub settings: Option<SettingsPatch>,
    /// Not supported: leave it out or empty.
    #[schema(value_type = Option<Vec<Object>>)]
    pub connectors: Option<Vec<IgnoredAny>>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/environment/export", "v1.environment.export", export)
            .says("Export the organisation's set-up", "Event types and settings as one document, which an import takes. It holds no secrets.")
            .answers::<EnvironmentOut>(200, "The document"),
        Operation::new(Method::POST, "/api/v1/environment/import", "v1.environment.import", import)
            .says("Import a set-up", "Makes or overwrites what the document has, all of it or nothing; what it does not have stays.")
            .takes::<EnvironmentIn>(json!({"eventTypes": [{"name": "invoice.paid", "description": "An invoice was paid in full"}]}))
            .answers_nothing(204, "It is taken over"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Environment"))
    .collect()
}

async fn export(call: Call<OrgWide>) -> ApiResult<Answer> {
    let (store, org) = (&call.shared.store, call.access.org);
    let event_types = store.all_event_types(org).await?;
    let settings = store.org_settings(org).await?;
    let out = |event_type: EventType| EventTypeOut::new(event_type, true);
    Answer::ok(&EnvironmentOut {
        version: VERSION,
        created_at: store.clock().now(),
        event_types: event_types.into_iter().map(out).collect(),
        settings: SettingsOut::from(&settings),
        connectors: Vec::new(),
    })
}

async fn import(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json::<EnvironmentIn>()?;
    if body.connectors.is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::invalid_field(
            "connectors",
            "not supported yet: leave them out",
        ));
    }
    let settings = body.settings.map(SettingsPatch::checked);
    let settings = settings
        .transpose()
        .map_err(|error| error.within(&["settings"]))?;
    let event_types = body.event_types.unwrap_or_default();
    if event_types.len() > MAX_EVENT_TYPES {
        let msg = format!(
            "{} are too many: give at most {MAX_EVENT_TYPES} at once",
            event_types.len()
        );
        return Err(ApiError::invalid_field("eventTypes", msg));
    }
    let mut new = Vec::with_capacity(event_types.len());
    for (at, event_type) in event_types.into_iter().enumerate() {
        let checked = event_type.checked(None);
        new.push(checked.map_err(|error| error.within(&["eventTypes", &format!("[{at}]")]))?);
    }
    let store = &call.shared.store;
    let import = Import {
        event_types: new,
        archived: Vec::new(),
    };
    let change = settings.map(|change| |settings: &mut OrgSettings| change.apply(settings));
    store
        .import_environment(call.access.org, import, change)
        .await?;
    // This node's next publish must not be faster than the news.
    call.shared.cache.forget_org(call.access.org);
    Ok(Answer::nothing())
}
