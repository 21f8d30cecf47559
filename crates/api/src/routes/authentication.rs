//! Tokens of applications: made for an application's portal, exchanged, ended.

use std::time::Duration;

use http::Method;
use postrider_store::{App, StoreError};
use serde_json::json;

use super::application::on_the_fly;
use crate::access::{AppByOrg, Bearer, OrgWide, Public};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::key_cache::Credential;
use crate::operation::Operation;
use crate::wire::application::ApplicationIn;
use crate::wire::authentication::{
    AppPortalAccessIn, AppPortalAccessOut, ApplicationTokenExpireIn, PortalExchangeIn,
    PortalExchangeOut, WhoamiOut,
};

/// For how long the code of a link works.
const CODE_LIFE: Duration = Duration::from_mins(10);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/auth/app-portal-access/{app_id}", "v1.authentication.app-portal-access", access)
            .says("Give access to an application", "Makes a token that opens this application alone, and a link to its portal whose code can be exchanged once, within ten minutes, for another such token. Its `org` is no secret: it tells whose `frameAncestors` the page may be framed by.")
            .may_take::<AppPortalAccessIn>(json!({"capabilities": ["ViewBase", "CreateAttempts"], "expiry": 86400}))
            .answers::<AppPortalAccessOut>(200, "The link and the token"),
        Operation::new(Method::POST, "/api/v1/auth/dashboard-access/{app_id}", "v1.authentication.dashboard-access", dashboard)
            .says("Give access to an application (older name)", "As app-portal-access without a body: a token with every capability, for seven days.")
            .answers::<AppPortalAccessOut>(200, "The link and the token"),
        Operation::new(Method::POST, "/api/v1/auth/portal-exchange", "v1.authentication.portal-exchange", exchange)
            .says("Exchange a link's code", "Gives a token with the rights and the end of the one that the link was made with. A code works once.")
            .takes::<PortalExchangeIn>(json!({"code": "prc_..."}))
            .answers::<PortalExchangeOut>(200, "The token")
            .fails(&[Code::NotFound]),
        Operation::new(Method::POST, "/api/v1/auth/app/{app_id}/expire-all", "v1.authentication.expire-all", expire_all)
            .says("End an application's tokens", "Ends tokens that were made for this application, at once or in a while, on every node, and with them the codes of their links. API keys that are bound to the application stay.")
            .may_take::<ApplicationTokenExpireIn>(json!({"expiry": 60, "sessionIds": ["session-1"]}))
            .answers_nothing(204, "They end"),
        Operation::new(Method::POST, "/api/v1/auth/logout", "v1.authentication.logout", logout)
            .says("End this token", "The token that was shown works no more, on any node within a second. An API key cannot be logged out: revoke it.")
            .answers_nothing(204, "It is ended"),
        Operation::new(Method::GET, "/api/v1/auth/whoami", "v1.authentication.whoami", whoami)
            .says("Who am I", "Whose the key or token is, and what it may do.")
            .answers::<WhoamiOut>(200, "Who asks"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Authentication"))
    .collect()
}

async fn access(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json_or_nothing::<AppPortalAccessIn>()?;
    give(&call, body).await
}

async fn dashboard(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = AppPortalAccessIn::default();
    give(&call, body).await
}

async fn give(call: &Call<OrgWide>, mut body: AppPortalAccessIn) -> ApiResult<Answer> {
    let (store, org) = (&call.shared.store, call.access.org);
    let now = store.clock().now();
    // What is wrong with the rest is found before an application is made for it.
    let application = body.application.take();
    let checked = body.checked(now)?;
    let app = find_or_make(call, application).await?;
    let access = store
        .create_portal_access(org, checked.of(app.id), now.plus(CODE_LIFE))
        .await?;
    let base = call.shared.settings.public_url.as_deref().unwrap_or("");
    Answer::ok(&AppPortalAccessOut {
        url: format!(
            "{}/portal?org={org}#code={}",
            base.trim_end_matches('/'),
            access.code.expose()
        ),
        token: access.secret.expose().to_owned(),
    })
}

/// The application of the path, made on the fly if the request brings it; one that is
/// there stays as it is.
async fn find_or_make(call: &Call<OrgWide>, application: Option<ApplicationIn>) -> ApiResult<App> {
    let (store, org) = (&call.shared.store, call.access.org);
    let name = call.segment("app_id")?;
    let new = application
        .map(|application| on_the_fly(application, name))
        .transpose()?;
    match (store.app(org, name).await, new) {
        (Err(StoreError::NotFound(_)), Some(new)) => Ok(store.app_or_create(org, new).await?.0),
        (found, _) => Ok(found?),
    }
}

async fn exchange(call: Call<Public>) -> ApiResult<Answer> {
    let body = call.json::<PortalExchangeIn>()?;
    match call.shared.store.exchange_portal_code(&body.code).await {
        Ok((token, secret)) => Answer::ok(&PortalExchangeOut {
            token: secret.expose().to_owned(),
            app_id: token.app_id,
            expires_at: token.expires_at,
        }),
        Err(StoreError::NotFound(_)) => Err(ApiError::not_found(
            "The code is unknown, was used, or has expired: ask for a new link",
        )),
        Err(error) => Err(error.into()),
    }
}

async fn expire_all(call: Call<AppByOrg>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let body = call.json_or_nothing::<ApplicationTokenExpireIn>()?;
    let (sessions, at) = body.checked(store.clock().now())?;
    store
        .end_app_tokens(call.access.app.id, &sessions, at)
        .await?;
    Ok(Answer::nothing())
}

async fn logout(call: Call<Bearer>) -> ApiResult<Answer> {
    match &call.access.0.credential {
        Credential::Token { id, .. } => call.shared.store.end_app_token(*id).await?,
        Credential::Session(id) => call.shared.store.end_console_session(*id).await?,
        Credential::Jwt { hash, expires_at } if call.access.0.app.is_some() => {
            call.shared.store.revoke_jwt(*hash, *expires_at).await?;
        }
        Credential::Key | Credential::Jwt { .. } => {
            return Err(ApiError::forbidden(
                "Only a token of an application and a session of the console can be logged out: revoke a key with DELETE /api/v1/key/{key_id}",
            ));
        }
    }
    Ok(Answer::nothing())
}

async fn whoami(call: Call<Bearer>) -> ApiResult<Answer> {
    Answer::ok(&WhoamiOut::from(call.access.0))
}
