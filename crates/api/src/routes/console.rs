//! How the dashboard begins: a session for a sign-in link's code, and what it shows first.

use std::time::Duration;

use http::Method;
use postrider_store::StoreError;
use serde_json::json;

use crate::access::{Member, Public};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::wire::console::{ConsoleExchangeIn, ConsoleExchangeOut, PortalConfigOut};
use crate::wire::settings::SettingsOut;

/// For how long a session lasts.
const SESSION: Duration = Duration::from_hours(12);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/auth/console-exchange", "v1.authentication.console-exchange", exchange)
            .says("Exchange a sign-in link's code", "Gives a token that may for twelve hours do what a key of the organisation may; `POST /api/v1/auth/logout` ends it. A code works once, within ten minutes: `postrider login-link` makes one.")
            .takes::<ConsoleExchangeIn>(json!({"code": "prl_..."}))
            .answers::<ConsoleExchangeOut>(200, "The token")
            .fails(&[Code::NotFound])
            .tag("Authentication"),
        Operation::new(Method::GET, "/api/v1/portal/config", "v1.portal.config", config)
            .says("Get what the dashboard needs to begin", "The organisation's name, how the dashboard looks, and what this installation can do.")
            .answers::<PortalConfigOut>(200, "What it needs")
            .tag("Settings"),
    ]
}

async fn exchange(call: Call<Public>) -> ApiResult<Answer> {
    let body = call.json::<ConsoleExchangeIn>()?;
    let store = &call.shared.store;
    let ends = store.clock().now().plus(SESSION);
    match store.exchange_console_code(&body.code, ends).await {
        Ok((session, secret)) => Answer::ok(&ConsoleExchangeOut {
            token: secret.expose().to_owned(),
            expires_at: session.expires_at,
        }),
        Err(StoreError::NotFound(_)) => Err(ApiError::not_found(
            "The code is unknown, was used, or has expired: make a new link with `postrider login-link`",
        )),
        Err(error) => Err(error.into()),
    }
}

async fn config(call: Call<Member>) -> ApiResult<Answer> {
    let org = call.shared.cache.org(call.access.org).await?;
    let name = call.shared.store.org_name(call.access.org).await?;
    let settings = &call.shared.settings;
    Answer::ok(&PortalConfigOut {
        org_id: call.access.org,
        organisation_name: name,
        theme: SettingsOut::from(&org.settings).theme,
        inbox_enabled: settings.inbox,
        https_only: settings.https_only,
        public_url: settings.public_url.clone(),
        version: env!("CARGO_PKG_VERSION"),
    })
}
