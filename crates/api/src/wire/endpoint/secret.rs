//! Endpoints' signing secrets on the wire.

use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::signature_scheme::SchemeType;

/// What deliveries are verified with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretOut {
    /// The `whsec_` secret, or the `whpk_` public key of an Ed25519 key; of other schemes than
    /// the standard the secret as it was given or made, without a prefix of ours.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub key: String,
    /// Until when each replaced secret still signs beside it, the latest first.
    #[schema(value_type = Vec<String>, format = DateTime)]
    pub replaced_until: Vec<Timestamp>,
}

/// A new signing secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotateIn {
    /// The new secret; made if absent. Of other schemes than the standard a text of 16 to
    /// 256 bytes, as the receiver has it.
    pub key: Option<String>,
    /// For how long the old secret signs beside the new one; 86400 if absent. 0 where a
    /// delivery carries one signature only: `github`, `slack` and `hmac`.
    #[schema(minimum = 0, maximum = 604_800)]
    pub grace_period_seconds: Option<i64>,
    /// Which scheme's secret; that of the endpoint's first if absent.
    pub scheme: Option<SchemeType>,
}
