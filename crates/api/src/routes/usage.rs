//! Statistics of a whole organisation, as background tasks that are done when begun.

use std::time::Duration;

use http::{Method, StatusCode};
use postrider_domain::{AppId, TaskKind, Timestamp};
use postrider_store::{NewTask, StoreError, Task, Work};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::access::OrgWide;
use crate::call::{Answer, Call};
use crate::error::{ApiError, ApiResult, Fault, VALUE_ERROR};
use crate::operation::Operation;
use crate::wire::background_task::TaskBegunOut;

/// The longest window: no attempt is kept longer.
const WINDOW: Duration = Duration::from_hours(90 * 24);
/// Applications that a caller may name.
const MAX_APPS: usize = 1000;

/// Which attempts to count.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppUsageIn {
    /// From when on.
    #[schema(format = DateTime)]
    pub since: String,
    /// Until when, at most 90 days later.
    #[schema(format = DateTime)]
    pub until: String,
    /// Only for these applications, by id or uid; all if absent.
    pub app_ids: Option<Vec<String>>,
}

/// A count that was begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppUsageOut {
    #[serde(flatten)]
    pub task: TaskBegunOut,
    /// The ids and uids that are no application's.
    pub unresolved_app_ids: Vec<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/stats/usage/app", "v1.statistics.aggregate-app-stats", apps)
            .says("Count the attempts of applications", "Counts the attempts made for each application in a window of at most 90 days. Ask the background task for the counts: `data.appStats[]` with `appId`, `appUid` and `messageDestinations`.")
            .takes::<AppUsageIn>(json!({"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}))
            .answers::<AppUsageOut>(202, "The task"),
        Operation::new(Method::PUT, "/api/v1/stats/usage/event-types", "v1.statistics.aggregate-event-types", event_types)
            .says("List the event types that applications ask for", "Lists for each application which event types its endpoints name, and whether one asks for all. Ask the background task for them: `data.event_types[]` with `appId`, `explicitlySubscribedEventTypes` and `hasCatchAllEndpoint`.")
            .answers::<TaskBegunOut>(202, "The task"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Statistics"))
    .collect()
}

async fn apps(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json::<AppUsageIn>()?;
    let window = window(&body)?;
    let store = &call.shared.store;
    let (apps, unresolved_app_ids) = match &body.app_ids {
        None => (None, Vec::new()),
        Some(names) => {
            let (known, unknown) = resolved(&call, names).await?;
            (Some(known), unknown)
        }
    };
    let usage = store
        .app_usage(call.access.org, apps.as_deref(), window)
        .await?;
    let stats: Vec<Value> = usage
        .into_iter()
        .map(|one| json!({"appId": one.app_id.to_string(), "appUid": one.uid, "messageDestinations": one.attempts}))
        .collect();
    let task = done(&call, TaskKind::AppStats, &json!({ "appStats": stats })).await?;
    Answer::json(
        StatusCode::ACCEPTED,
        &AppUsageOut {
            task: TaskBegunOut::from(&task),
            unresolved_app_ids,
        },
    )
}

fn window(body: &AppUsageIn) -> ApiResult<(Timestamp, Timestamp)> {
    let time = |text: &str, field| {
        crate::request::time::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(100).collect();
            let msg = format!("{shown:?} is no time: give one such as 2026-01-31T12:00:00Z");
            ApiError::invalid_field(field, msg)
        })
    };
    let (since, until) = (time(&body.since, "since")?, time(&body.until, "until")?);
    if since >= until {
        return Err(ApiError::invalid_field(
            "until",
            "not after since: give a later time",
        ));
    }
    if until.since(since) > WINDOW {
        return Err(ApiError::invalid_field(
            "since",
            "more than 90 days before until: give times closer together",
        ));
    }
    Ok((since, until))
}

/// The applications of these ids and uids, and the names that are none's.
async fn resolved(call: &Call<OrgWide>, names: &[String]) -> ApiResult<(Vec<AppId>, Vec<String>)> {
    if names.len() > MAX_APPS {
        let msg = format!(
            "{} are too many: name at most {MAX_APPS}, or leave it out for all",
            names.len()
        );
        return Err(ApiError::invalid_field("appIds", msg));
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        // PostgreSQL refuses to look for a NUL.
        let found = if name.contains('\0') {
            Err(StoreError::NotFound("application"))
        } else {
            call.shared.store.app(call.access.org, name).await
        };
        match found {
            Ok(app) => known.push(app.id),
            Err(StoreError::NotFound(_)) => unknown.push(name.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    if known.is_empty() {
        return Err(ApiError::invalid(vec![Fault::new(
            &["body", "appIds"],
            "none of them is an application: name at least one, or leave it out for all",
            VALUE_ERROR,
        )]));
    }
    Ok((known, unknown))
}

async fn event_types(call: Call<OrgWide>) -> ApiResult<Answer> {
    let usage = call.shared.store.event_type_usage(call.access.org).await?;
    let all: Vec<Value> = usage
        .into_iter()
        .map(|one| {
            json!({
                "appId": one.app_id.to_string(),
                "explicitlySubscribedEventTypes": one.named,
                "hasCatchAllEndpoint": one.has_catch_all,
            })
        })
        .collect();
    let task = done(
        &call,
        TaskKind::EventTypeAggregate,
        &json!({ "event_types": all }),
    )
    .await?;
    Answer::json(StatusCode::ACCEPTED, &TaskBegunOut::from(&task))
}

/// A task whose work is done.
async fn done(call: &Call<OrgWide>, kind: TaskKind, result: &Value) -> ApiResult<Task> {
    let new = NewTask {
        org_id: call.access.org,
        app_id: None,
        work: Work::Done { kind },
        result: Some(result.to_string()),
    };
    Ok(call.shared.store.create_task(new).await?)
}
