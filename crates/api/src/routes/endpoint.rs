//! Endpoints: where an application's events go.

use std::time::Duration;

use http::{Method, StatusCode};
use postrider_domain::{Capability, EndpointId, Timestamp};
use postrider_store::{
    Endpoint, EndpointSettings, EndpointStats, EndpointUpdate, NewEndpoint, NewSecret, Refusal,
    StoreError,
};
use serde_json::json;

use super::{RACES, endpoint_secret};
use crate::access::OfApp;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut, ORDER};
use crate::request::param::Param;
use crate::state::ApiSettings;
use crate::wire::endpoint::{EndpointIn, EndpointOut, EndpointPatch, Rules, secret_is_rotated};
use crate::wire::stats::{AttemptStatsOut, StatsOut};

/// The longest window of statistics, with five minutes for clocks that differ.
const STATS_WINDOW: Duration = Duration::from_mins(28 * 24 * 60 + 5);
/// The window of statistics unless asked.
const STATS_DEFAULT: Duration = Duration::from_hours(28 * 24);

const SINCE: Param<Option<Timestamp>> = Param::time(
    "since",
    "From when on to count: 28 days before `until` if absent",
);
const UNTIL: Param<Option<Timestamp>> = Param::time(
    "until",
    "Until when to count, at most 28 days after `since`: now if absent",
);

const ALL: &str = "/api/v1/app/{app_id}/endpoint";
const ONE: &str = "/api/v1/app/{app_id}/endpoint/{endpoint_id}";

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"url": "https://example.com/webhooks", "eventTypes": ["invoice.paid"]});
    vec![
        Operation::new(Method::GET, ALL, "v1.endpoint.list", list)
            .says("List endpoints", "All endpoints of the application, newest first.")
            .query(&[&LIMIT, &ITERATOR, &ORDER])
            .lists::<EndpointOut>("A page of endpoints"),
        Operation::new(Method::POST, ALL, "v1.endpoint.create", create)
            .says("Create an endpoint", "Makes an endpoint: the application's events go to its URL from the next publish on. A signing secret is made if none is given.")
            .takes::<EndpointIn>(example())
            .answers::<EndpointOut>(201, "It was made")
            .fails(&[Code::Conflict]),
        Operation::new(Method::GET, ONE, "v1.endpoint.get", get)
            .says("Get an endpoint", "One endpoint, by id or uid.")
            .answers::<EndpointOut>(200, "The endpoint"),
        Operation::new(Method::PUT, ONE, "v1.endpoint.update", put)
            .says("Replace an endpoint", "Replaces everything that you may set, or makes an endpoint if there is none. Left out, `headers`, `timeoutSeconds`, `retryPolicy`, `headerFamily` and `signatureScheme` stay as they are.")
            .takes::<EndpointIn>(example())
            .answers::<EndpointOut>(200, "It was replaced")
            .answers::<EndpointOut>(201, "It was made")
            .fails(&[Code::Conflict]),
        Operation::new(Method::PATCH, ONE, "v1.endpoint.patch", patch)
            .says("Change an endpoint", "Changes what the body names; null removes. Disabling an endpoint cancels what waits for it.")
            .takes::<EndpointPatch>(json!({"disabled": true}))
            .answers::<EndpointOut>(200, "It was changed")
            .fails(&[Code::Conflict]),
        Operation::new(Method::DELETE, ONE, "v1.endpoint.delete", delete)
            .says("Delete an endpoint", "Deletes the endpoint and cancels what waits for it; its history stays, its uid is free again.")
            .answers_nothing(204, "It is deleted"),
        Operation::new(Method::GET, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/stats", "v1.endpoint.get-stats", stats)
            .says("Count an endpoint's attempts", "How the attempts in a window of at most 28 days ended.")
            .query(&[&SINCE, &UNTIL])
            .answers::<StatsOut>(200, "The counts")
            .fails(&[Code::InvalidRange]),
        Operation::new(Method::GET, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/attempt-stats", "v1.endpoint.get-attempt-stats", attempt_stats)
            .says("Count an endpoint's ended attempts", "As `stats`, without the counts that are always 0.")
            .query(&[&SINCE, &UNTIL])
            .answers::<AttemptStatsOut>(200, "The counts")
            .fails(&[Code::InvalidRange]),
    ]
    .into_iter()
    .map(|operation| {
        if operation.method.is_safe() {
            operation
        } else {
            operation.asks(Capability::ManageEndpoint)
        }
    })
    .map(|operation| operation.tag("Endpoint"))
    .collect()
}

/// The endpoint that the path names.
pub(super) async fn named(call: &Call<OfApp>) -> ApiResult<Endpoint> {
    let name = call.segment("endpoint_id")?;
    Ok(call.shared.store.endpoint(call.access.app.id, name).await?)
}

async fn list(call: Call<OfApp>) -> ApiResult<Answer> {
    let order = call.query.get(&ORDER)?;
    let request = page::request::<EndpointId>(&call.query, order)?;
    let page = call
        .shared
        .store
        .endpoints(call.access.app.id, request)
        .await?;
    Answer::ok(&ListOut::new(
        page,
        |endpoint| endpoint.id.to_string(),
        EndpointOut::from,
    ))
}

async fn create(call: Call<OfApp>) -> ApiResult<Answer> {
    let body = call.json::<EndpointIn>()?;
    make(&call, body).await
}

async fn make(call: &Call<OfApp>, mut body: EndpointIn) -> ApiResult<Answer> {
    let api = &call.shared.settings;
    let (secret, given) = (body.secret.take(), body.take_secrets());
    let settings = body.checked(None, rules(api))?;
    let schemes = &settings.signature_scheme;
    let secrets =
        endpoint_secret::first_secrets(schemes, secret, given, &[], api.default_signature)?;
    event_types_exist(call, settings.event_types.as_deref()).await?;
    let new = NewEndpoint { settings, secrets };
    let endpoint = call
        .shared
        .store
        .create_endpoint(call.access.app.id, new)
        .await?;
    Answer::json(StatusCode::CREATED, &EndpointOut::from(endpoint))
}

async fn get(call: Call<OfApp>) -> ApiResult<Answer> {
    Answer::ok(&EndpointOut::from(named(&call).await?))
}

async fn put(call: Call<OfApp>) -> ApiResult<Answer> {
    let name = call.segment("endpoint_id")?;
    for _ in 0..RACES {
        let mut body = call.json::<EndpointIn>()?;
        let endpoint = match call.shared.store.endpoint(call.access.app.id, name).await {
            Ok(endpoint) => endpoint,
            Err(StoreError::NotFound(_)) => return make(&call, body).await,
            Err(error) => return Err(error.into()),
        };
        if body.secret.is_some() {
            return Err(secret_is_rotated());
        }
        let given = body.take_secrets();
        let settings = body.checked(
            Some(endpoint.settings.clone()),
            rules(&call.shared.settings),
        )?;
        event_types_exist(&call, settings.event_types.as_deref()).await?;
        let update = EndpointUpdate {
            secrets: new_secrets(&call, &endpoint, &settings, given).await?,
            settings,
            revision: endpoint.revision,
        };
        if let Some(endpoint) = write(&call, endpoint.id, update).await? {
            return Answer::ok(&EndpointOut::from(endpoint));
        }
    }
    Err(outrun())
}

async fn patch(call: Call<OfApp>) -> ApiResult<Answer> {
    for _ in 0..RACES {
        let mut patch = call.json::<EndpointPatch>()?;
        let endpoint = named(&call).await?;
        let filters = patch.filters();
        let given = patch.take_secrets();
        let settings = patch.applied_to(endpoint.settings.clone(), rules(&call.shared.settings))?;
        if filters {
            event_types_exist(&call, settings.event_types.as_deref()).await?;
        }
        let update = EndpointUpdate {
            secrets: new_secrets(&call, &endpoint, &settings, given).await?,
            settings,
            revision: endpoint.revision,
        };
        if let Some(endpoint) = write(&call, endpoint.id, update).await? {
            return Answer::ok(&EndpointOut::from(endpoint));
        }
    }
    Err(outrun())
}

fn rules(settings: &ApiSettings) -> Rules<'_> {
    Rules {
        https_only: settings.https_only,
        default_scheme: &settings.default_signature_scheme,
    }
}

/// The first secrets of the kinds of schemes that are new to the endpoint.
async fn new_secrets(
    call: &Call<OfApp>,
    endpoint: &Endpoint,
    settings: &EndpointSettings,
    given: Vec<NewSecret>,
) -> ApiResult<Vec<NewSecret>> {
    let schemes = &settings.signature_scheme;
    if *schemes == endpoint.settings.signature_scheme && given.is_empty() {
        return Ok(Vec::new());
    }
    let kept = call.shared.store.secrets(endpoint.id).await?;
    let kind = call.shared.settings.default_signature;
    endpoint_secret::first_secrets(schemes, None, given, &kept, kind)
}

/// Writes the settings; nothing if somebody else was faster.
async fn write(
    call: &Call<OfApp>,
    id: EndpointId,
    update: EndpointUpdate,
) -> ApiResult<Option<Endpoint>> {
    match call
        .shared
        .store
        .update_endpoint(call.access.app.id, id, update)
        .await
    {
        Ok(endpoint) => Ok(Some(endpoint)),
        Err(StoreError::Conflict(Refusal::EndpointRevision)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The endpoint was changed by others again and again.
pub(super) fn outrun() -> ApiError {
    ApiError::from(StoreError::Conflict(Refusal::EndpointRevision))
}

async fn delete(call: Call<OfApp>) -> ApiResult<Answer> {
    let endpoint = named(&call).await?;
    call.shared
        .store
        .delete_endpoint(call.access.app.id, endpoint.id)
        .await?;
    Ok(Answer::nothing())
}

async fn counted(call: &Call<OfApp>) -> ApiResult<EndpointStats> {
    let store = &call.shared.store;
    let now = store.clock().now();
    let (since, until) = window(call.query.get(&SINCE)?, call.query.get(&UNTIL)?, now)?;
    let endpoint = named(call).await?;
    Ok(store.endpoint_stats(endpoint.id, since, until).await?)
}

async fn attempt_stats(call: Call<OfApp>) -> ApiResult<Answer> {
    let stats = counted(&call).await?;
    Answer::ok(&AttemptStatsOut {
        success: stats.success,
        fail: stats.fail,
        canceled: stats.canceled,
    })
}

async fn stats(call: Call<OfApp>) -> ApiResult<Answer> {
    let stats = counted(&call).await?;
    Answer::ok(&StatsOut {
        success: stats.success,
        pending: stats.pending,
        sending: stats.sending,
        fail: stats.fail,
        canceled: stats.canceled,
    })
}

fn window(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    now: Timestamp,
) -> ApiResult<(Timestamp, Timestamp)> {
    let refuse = |detail: &str| Err(ApiError::new(Code::InvalidRange, detail));
    let until = until.unwrap_or(now);
    let since = since.unwrap_or_else(|| until.minus(STATS_DEFAULT));
    if until > now.plus(Duration::from_mins(5)) {
        return refuse("until is in the future: give a time up to now, or leave it out");
    }
    if since > until {
        return refuse("since is after until: give an earlier since");
    }
    if until.since(since) > STATS_WINDOW {
        return refuse("the window is longer than 28 days: give times closer together");
    }
    Ok((since, until))
}

/// An endpoint may only ask for event types that exist, are not archived, and are seen
/// by who asks.
async fn event_types_exist(call: &Call<OfApp>, names: Option<&[String]>) -> ApiResult<()> {
    let Some(names) = names else {
        return Ok(());
    };
    let access = &call.access;
    let known = call
        .shared
        .store
        .known_event_types(access.org, names, access.visibility.flags())
        .await?;
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => Err(ApiError::invalid_field(
            "eventTypes",
            format!(
                "{name:?} is no event type, or an archived one: create it first, or leave it out"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_statistics_is_at_most_28_days_and_not_in_the_future() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let day = Duration::from_hours(24);
        assert_eq!(window(None, None, now).unwrap(), (now.minus(day * 28), now));
        assert!(window(Some(now.minus(day * 29)), None, now).is_err());
        assert!(window(None, Some(now.plus(day)), now).is_err());
        assert!(window(Some(now), Some(now.minus(day)), now).is_err());
    }
}
