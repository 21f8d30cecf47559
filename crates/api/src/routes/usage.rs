//! Statistics of a whole organisation, counted by background tasks.

use std::time::Duration;

use http::{Method, StatusCode};
use postrider_domain::AppId;
use postrider_store::{NewTask, Task, Window, Work};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code, Fault, VALUE_ERROR};
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
            .answers::<AppUsageOut>(202, "The task")
            .fails(&[Code::RateLimited]),
        Operation::new(Method::PUT, "/api/v1/stats/usage/event-types", "v1.statistics.aggregate-event-types", event_types)
            .says("List the event types that applications ask for", "Lists for each application which event types its endpoints name, and whether one asks for all. Ask the background task for them: `data.event_types[]` with `appId`, `explicitlySubscribedEventTypes` and `hasCatchAllEndpoint`.")
            .answers::<TaskBegunOut>(202, "The task")
            .fails(&[Code::RateLimited]),
    ]
    .into_iter()
    .map(|operation| operation.tag("Statistics"))
    .collect()
}

async fn apps(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json::<AppUsageIn>()?;
    let window = window(&body)?;
    let (apps, unresolved_app_ids) = match &body.app_ids {
        None => (None, Vec::new()),
        Some(names) => {
            let (known, unknown) = resolved(&call, names).await?;
            (Some(known), unknown)
        }
    };
    let task = begun(&call, Work::Attempts { window, apps }).await?;
    Answer::json(
        StatusCode::ACCEPTED,
        &AppUsageOut {
            task: TaskBegunOut::from(&task),
            unresolved_app_ids,
        },
    )
}

fn window(body: &AppUsageIn) -> ApiResult<Window> {
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
    Ok(Window { since, until })
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
    let found = call.shared.store.apps_named(call.access.org, names).await?;
    let mut unknown = Vec::new();
    let mut known = Vec::with_capacity(names.len());
    for (name, app) in names.iter().zip(found) {
        match app {
            Some(app) => known.push(app),
            None => unknown.push(name.clone()),
        }
    }
    known.sort_unstable();
    known.dedup();
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
    let task = begun(&call, Work::EventTypes).await?;
    Answer::json(StatusCode::ACCEPTED, &TaskBegunOut::from(&task))
}

async fn begun(call: &Call<OrgWide>, work: Work) -> ApiResult<Task> {
    let new = NewTask {
        org_id: call.access.org,
        app_id: None,
        work,
    };
    Ok(call.shared.store.create_task(new).await?)
}
