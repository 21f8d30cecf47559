//! What the dashboard needs to begin, on the wire.

use postrider_domain::{OrgId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::ThemeOut;

/// A code to be exchanged.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ConsoleExchangeIn {
    /// What follows `code=` in the sign-in link.
    pub code: String,
}

/// What a code was exchanged for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsoleExchangeOut {
    /// The token of the session: `prs_` and 43 letters and digits. It may do what a key of
    /// the organisation may.
    pub token: String,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What the dashboard needs to begin.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalConfigOut {
    /// The organisation.
    #[schema(value_type = String)]
    pub org_id: OrgId,
    /// Its name.
    pub organisation_name: String,
    /// How the dashboard looks.
    pub theme: ThemeOut,
    /// Whether inboxes can be made.
    pub inbox_enabled: bool,
    /// Whether an endpoint's URL must be https.
    pub https_only: bool,
    /// Where people reach this installation.
    #[schema(required = true)]
    pub public_url: Option<String>,
    /// The version of the server.
    pub version: &'static str,
}
