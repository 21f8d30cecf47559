//! Applications: the customers of an organisation.

use http::{Method, StatusCode};
use postrider_domain::AppId;
use postrider_store::{App, AppFilter, AppUpdate, NewApp, Refusal, StoreError};
use serde_json::json;

use super::RACES;
use crate::access::{OfApp, OrgWide};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code, Fault};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut, ORDER_ASCENDING};
use crate::request::param::Param;
use crate::wire::application::{ApplicationIn, ApplicationOut, ApplicationPatch};

const GET_IF_EXISTS: Param<bool> = Param::flag(
    "get_if_exists",
    false,
    "Whether to return the application of this uid, unchanged, if there is one",
);

const NO_ENDPOINTS: Param<bool> = Param::flag(
    "exclude_apps_with_no_endpoints",
    false,
    "Whether to leave out those without an endpoint",
);
const DISABLED: Param<bool> = Param::flag(
    "exclude_apps_with_disabled_endpoints",
    false,
    "Whether to leave out those whose endpoints are all disabled",
);
const AT_PLAY: Param<bool> = Param::flag(
    "exclude_apps_with_svix_play_endpoints",
    false,
    "Whether to leave out those whose endpoints are all at play.svix.com",
);

const SEARCH: Param<Option<String>> = Param::text(
    "search",
    "Only the application of this id or, if it is no id, those whose name or uid contains this text, in upper or lower case",
);

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"name": "Acme Inc.", "uid": "acme"});
    vec![
        Operation::new(Method::GET, "/api/v1/app", "v1.application.list", list)
            .says("List applications", "All applications of the organisation, by id. With `search`, one call looks at 100,000 of them at most: where there are more, a page may hold fewer rows than asked for, even none, while `done` is false; go on with `iterator`.")
            .query(&[&SEARCH, &LIMIT, &ITERATOR, &ORDER_ASCENDING, &NO_ENDPOINTS, &DISABLED, &AT_PLAY])
            .lists::<ApplicationOut>("A page of applications"),
        Operation::new(Method::POST, "/api/v1/app", "v1.application.create", create)
            .says("Create an application", "Makes an application: one customer of yours, with endpoints of its own.")
            .query(&[&GET_IF_EXISTS])
            .takes::<ApplicationIn>(example())
            .answers::<ApplicationOut>(200, "It existed, and `get_if_exists` was true")
            .answers::<ApplicationOut>(201, "It was made")
            .fails(&[Code::Conflict]),
        Operation::new(Method::GET, "/api/v1/app/{app_id}", "v1.application.get", get)
            .says("Get an application", "One application, by id or uid.")
            .answers::<ApplicationOut>(200, "The application"),
        Operation::new(Method::PUT, "/api/v1/app/{app_id}", "v1.application.update", put)
            .says("Replace an application", "Replaces everything that you may set, or makes an application if there is none; the path's id does not become its uid.")
            .takes::<ApplicationIn>(example())
            .answers::<ApplicationOut>(200, "It was replaced")
            .answers::<ApplicationOut>(201, "It was made")
            .fails(&[Code::Conflict]),
        Operation::new(Method::PATCH, "/api/v1/app/{app_id}", "v1.application.patch", patch)
            .says("Change an application", "Changes what the body names; null removes.")
            .takes::<ApplicationPatch>(json!({"throttleRate": 100}))
            .answers::<ApplicationOut>(200, "It was changed")
            .fails(&[Code::Conflict]),
        Operation::new(Method::DELETE, "/api/v1/app/{app_id}", "v1.application.delete", delete)
            .says("Delete an application", "Deletes the application and its endpoints, and cancels what waits for them. Its uid is free again.")
            .answers_nothing(204, "It is deleted"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Application"))
    .collect()
}

/// An application that a request brings along for the application `name` of its path.
pub(super) fn on_the_fly(application: ApplicationIn, name: &str) -> ApiResult<NewApp> {
    let new = application.checked()?;
    let (msg, kind) = match &new.uid {
        Some(uid) if uid == name => return Ok(new),
        None => (
            "missing: give the uid that the path names".to_owned(),
            "application_uid_missing",
        ),
        Some(uid) => (
            format!("{uid:?} is not the application of the path: give the same uid in both"),
            "application_uid_mismatch",
        ),
    };
    let at = ["body", "application", "uid"];
    Err(ApiError::invalid(vec![Fault::new(&at, msg, kind)]))
}

async fn list(call: Call<OrgWide>) -> ApiResult<Answer> {
    let order = call.query.get(&ORDER_ASCENDING)?;
    let request = page::request::<AppId>(&call.query, order)?;
    let filter = AppFilter {
        with_endpoints: call.query.get(&NO_ENDPOINTS)?,
        not_all_disabled: call.query.get(&DISABLED)?,
        not_all_at_play: call.query.get(&AT_PLAY)?,
        text: call
            .query
            .get(&SEARCH)?
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()),
    };
    let (store, org) = (&call.shared.store, call.access.org);
    let found = store.apps(org, filter, request).await?;
    Answer::ok(&ListOut::found(
        found,
        |app| app.id.to_string(),
        ApplicationOut::from,
    ))
}

async fn create(call: Call<OrgWide>) -> ApiResult<Answer> {
    let get_if_exists = call.query.get(&GET_IF_EXISTS)?;
    let new = call.json::<ApplicationIn>()?.checked()?;
    let (store, org) = (&call.shared.store, call.access.org);
    let (app, created) = if get_if_exists && new.uid.is_some() {
        store.app_or_create(org, new).await?
    } else {
        (store.create_app(org, new).await?, true)
    };
    Answer::made(created, &ApplicationOut::from(app))
}

async fn get(call: Call<OfApp>) -> ApiResult<Answer> {
    Answer::ok(&ApplicationOut::from(call.access.app))
}

async fn put(call: Call<OrgWide>) -> ApiResult<Answer> {
    let new = call.json::<ApplicationIn>()?.checked()?;
    let (store, org) = (&call.shared.store, call.access.org);
    for _ in 0..RACES {
        match store.app(org, call.segment("app_id")?).await {
            Ok(app) => {
                if let Some(app) = write(&call, &app, new.clone()).await? {
                    return Answer::ok(&ApplicationOut::from(app));
                }
            }
            Err(StoreError::NotFound(_)) => {
                let app = store.create_app(org, new).await?;
                return Answer::json(StatusCode::CREATED, &ApplicationOut::from(app));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(outrun())
}

async fn patch(call: Call<OrgWide>) -> ApiResult<Answer> {
    for _ in 0..RACES {
        let patch = call.json::<ApplicationPatch>()?;
        let name = call.segment("app_id")?;
        let app = call.shared.store.app(call.access.org, name).await?;
        let settings = patch.applied_to(app.clone())?;
        if let Some(app) = write(&call, &app, settings).await? {
            return Answer::ok(&ApplicationOut::from(app));
        }
    }
    Err(outrun())
}

/// Writes the settings over `app`; nothing if somebody else was faster.
async fn write(call: &Call<OrgWide>, app: &App, settings: NewApp) -> ApiResult<Option<App>> {
    let update = AppUpdate {
        settings,
        config_version: app.config_version,
    };
    let (store, org) = (&call.shared.store, call.access.org);
    match store.update_app(org, app.id, update).await {
        Ok(app) => Ok(Some(app)),
        Err(StoreError::Conflict(Refusal::AppVersion)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn outrun() -> ApiError {
    ApiError::from(StoreError::Conflict(Refusal::AppVersion))
}

async fn delete(call: Call<OrgWide>) -> ApiResult<Answer> {
    let (store, org) = (&call.shared.store, call.access.org);
    let app = store.app(org, call.segment("app_id")?).await?;
    store.delete_app(org, app.id).await?;
    Ok(Answer::nothing())
}
