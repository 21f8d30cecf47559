//! API keys on the wire.

use postrider_domain::{AppId, KeyId, Timestamp};
use postrider_store::ApiKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyIn {
    /// What you call it.
    #[schema(min_length = 1, example = "billing service")]
    pub name: String,
    /// The only application that it opens, by id or uid; all if absent.
    pub app_id: Option<String>,
    /// Whether it may only read.
    #[serde(default)]
    pub read_only: bool,
    /// When it stops working; never if absent.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyOut {
    /// Its id.
    #[schema(value_type = String, example = "key_01jcH3kZ9rTnQv5bX7mD2w")]
    pub id: KeyId,
    /// What you call it.
    pub name: String,
    /// How its secret begins.
    #[schema(example = "prk_4fT")]
    pub hint: String,
    /// The only application that it opens; null: all.
    #[schema(value_type = Option<String>, required = true)]
    pub app_id: Option<AppId>,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub last_used_at: Option<Timestamp>,
    /// When it stops working.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub revoked_at: Option<Timestamp>,
}

impl From<ApiKey> for KeyOut {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            hint: key.hint,
            app_id: key.app_id,
            read_only: key.read_only,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A key that was just made, with its secret, which is never shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyOut {
    /// The secret: `prk_` and 43 letters and digits.
    pub key: String,
    #[serde(flatten)]
    pub rest: KeyOut,
}
