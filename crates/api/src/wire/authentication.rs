//! Tokens of applications on the wire.

use std::time::Duration;

use postrider_domain::{AppId, Capabilities, Capability, OrgId, Timestamp, names};
use postrider_store::NewAppToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::application::ApplicationIn;
use crate::error::{ApiError, ApiResult, Fault, InField, VALUE_ERROR};
use crate::key_cache::{Caller, Credential};

/// The shortest and the longest life of a token, in seconds: an hour, seven days.
const LIFE: std::ops::RangeInclusive<i64> = 3600..=604_800;
/// Feature flags that a token carries at most.
const MAX_FLAGS: usize = 250;
/// Sessions that one call names at most.
const MAX_SESSIONS: usize = 250;
/// Bytes of a session's id.
const MAX_SESSION: usize = 256;

/// A token to be made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppPortalAccessIn {
    /// Makes the application, if there is none of this uid, which must be that of the path.
    pub application: Option<ApplicationIn>,
    /// What the token may do: `ViewBase`, always needed, reads everything but secrets; `ViewEndpointSecret` reads endpoints' secrets, `ManageEndpointSecret` also rotates them; `ManageEndpoint` makes, changes and deletes endpoints, secrets included; `CreateAttempts` sends again, recovers and sends examples; `ManageTransformations` changes transformations. Absent: all of them.
    #[schema(example = json!(["ViewBase", "CreateAttempts"]))]
    pub capabilities: Option<Vec<String>>,
    /// For how many seconds it works: 3600 to 604800, which is also what absent means.
    #[schema(minimum = 3600, maximum = 604_800)]
    pub expiry: Option<i64>,
    /// Event types that ask for a flag are hidden from a token without it.
    pub feature_flags: Option<Vec<String>>,
    /// Whether it may only read; then, unless `capabilities` say so, no secrets either.
    pub read_only: Option<bool>,
    /// A name for the session, by which tokens can be ended together.
    pub session_id: Option<String>,
}

impl AppPortalAccessIn {
    /// Checks all but the application.
    pub(crate) fn checked(self, now: Timestamp) -> ApiResult<CheckedAccess> {
        let read_only = self.read_only.unwrap_or(false);
        let capabilities = match self.capabilities {
            Some(words) => capabilities(&words)?,
            None if read_only => Capabilities::VIEW,
            None => Capabilities::ALL,
        };
        let life = seconds("expiry", self.expiry.unwrap_or(*LIFE.end()), &LIFE)?;
        if let Some(session) = &self.session_id {
            check_session(session, "sessionId")?;
        }
        Ok(CheckedAccess {
            session_id: self.session_id,
            read_only,
            capabilities,
            feature_flags: flags(self.feature_flags.unwrap_or_default())?,
            expires_at: now.plus(life),
        })
    }
}

/// A token to be made, but for its application.
pub(crate) struct CheckedAccess {
    session_id: Option<String>,
    read_only: bool,
    capabilities: Capabilities,
    feature_flags: Vec<String>,
    expires_at: Timestamp,
}

impl CheckedAccess {
    /// What the store takes.
    pub(crate) fn of(self, app_id: AppId) -> NewAppToken {
        NewAppToken {
            app_id,
            session_id: self.session_id,
            read_only: self.read_only,
            capabilities: self.capabilities,
            feature_flags: self.feature_flags,
            expires_at: self.expires_at,
        }
    }
}

fn capabilities(words: &[String]) -> ApiResult<Capabilities> {
    let known = || {
        let words: Vec<_> = Capability::ALL.iter().map(|known| known.word()).collect();
        words.join(", ")
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let capability = Capability::from_word(word).ok_or_else(|| {
            let msg = format!(
                "{:?} is no capability: give some of {}",
                short(word),
                known()
            );
            let at = format!("[{at}]");
            ApiError::invalid(vec![Fault::new(
                &["body", "capabilities", &at],
                msg,
                VALUE_ERROR,
            )])
        })?;
        found.push(capability);
    }
    if !found.contains(&Capability::ViewBase) {
        let msg = "without ViewBase, which is always needed: add it, or leave the list out";
        return Err(ApiError::invalid_field("capabilities", msg));
    }
    Ok(found.into_iter().collect())
}

fn flags(flags: Vec<String>) -> ApiResult<Vec<String>> {
    if flags.len() > MAX_FLAGS {
        let msg = format!(
            "{} flags are too many: give at most {MAX_FLAGS}",
            flags.len()
        );
        return Err(ApiError::invalid_field("featureFlags", msg));
    }
    for flag in &flags {
        names::check_event_type(flag).in_field("featureFlags")?;
    }
    Ok(flags)
}

fn seconds(field: &str, value: i64, within: &std::ops::RangeInclusive<i64>) -> ApiResult<Duration> {
    match u64::try_from(value) {
        Ok(seconds) if within.contains(&value) => Ok(Duration::from_secs(seconds)),
        _ => Err(ApiError::invalid_field(
            field,
            format!(
                "{value} is out of bounds: give {} to {} seconds",
                within.start(),
                within.end()
            ),
        )),
    }
}

fn check_session(session: &str, field: &str) -> ApiResult<()> {
    if session.is_empty() || session.len() > MAX_SESSION {
        let msg = format!(
            "{} bytes are no session's name: give 1 to {MAX_SESSION}",
            session.len()
        );
        return Err(ApiError::invalid_field(field, msg));
    }
    names::check_description(session).in_field(field)
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// A token, and a link with a code that is good for one more.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppPortalAccessOut {
    /// Where to send its holder: works once, within ten minutes.
    #[schema(example = "https://hooks.example.com/portal?org=org_...#code=prc_...")]
    pub url: String,
    /// The token: `prt_` and 43 letters and digits.
    pub token: String,
}

/// A code to be exchanged.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PortalExchangeIn {
    /// What follows `code=` in the link.
    pub code: String,
}

/// What a code was exchanged for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalExchangeOut {
    /// The token.
    pub token: String,
    /// The application that it opens.
    #[schema(value_type = String)]
    pub app_id: AppId,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Which tokens end, and when.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationTokenExpireIn {
    /// In how many seconds: 0, which is also what absent means, to 604800.
    #[schema(minimum = 0, maximum = 604_800)]
    pub expiry: Option<i64>,
    /// Only those of these sessions; absent or empty: all.
    pub session_ids: Option<Vec<String>>,
}

impl ApplicationTokenExpireIn {
    /// The sessions, and when their tokens end.
    pub(crate) fn checked(self, now: Timestamp) -> ApiResult<(Vec<String>, Timestamp)> {
        let grace = seconds("expiry", self.expiry.unwrap_or(0), &(0..=*LIFE.end()))?;
        let sessions = self.session_ids.unwrap_or_default();
        if sessions.len() > MAX_SESSIONS {
            let msg = format!(
                "{} sessions are too many: give at most {MAX_SESSIONS} at a time",
                sessions.len()
            );
            return Err(ApiError::invalid_field("sessionIds", msg));
        }
        for session in &sessions {
            check_session(session, "sessionIds")?;
        }
        Ok((sessions, now.plus(grace)))
    }
}

/// Who asks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhoamiOut {
    /// The organisation.
    #[schema(value_type = String)]
    pub env_id: OrgId,
    /// The application that the key or token is bound to.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<AppId>,
    /// What was shown: `RegionalAuthToken` for keys and tokens, `SvixJwt` for JWTs.
    pub permission_source: &'static str,
    /// The session that the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Whether it may only read.
    pub read_only: bool,
    /// What it may do.
    pub capabilities: Vec<&'static str>,
    /// Its feature flags; null: it needs none.
    #[schema(required = true)]
    pub feature_flags: Option<Vec<String>>,
}

impl From<Caller> for WhoamiOut {
    fn from(caller: Caller) -> Self {
        let (permission_source, session_id) = match caller.credential {
            Credential::Key | Credential::Session(_) => ("RegionalAuthToken", None),
            Credential::Token { session, .. } => ("RegionalAuthToken", session),
            Credential::Jwt { .. } => ("SvixJwt", None),
        };
        Self {
            env_id: caller.org,
            app_id: caller.app,
            permission_source,
            session_id: session_id.map(|session| session.as_ref().to_owned()),
            read_only: caller.read_only,
            capabilities: Capability::ALL
                .iter()
                .filter(|one| caller.capabilities.allows(**one))
                .map(|one| one.word())
                .collect(),
            feature_flags: caller.flags.map(|flags| flags.to_vec()),
        }
    }
}
