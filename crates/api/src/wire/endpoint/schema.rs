//! How the rules of endpoints that lie in `domain` are described.

use utoipa::ToSchema;

/// When failed attempts are repeated.
#[derive(ToSchema)]
#[serde(
    tag = "type",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum RetryPolicySchema {
    /// Growing delays with jitter, the last attempt at the horizon.
    #[serde(rename_all = "camelCase")]
    Exponential {
        /// The delay after the first attempt, 1 to 86400; 5 if absent.
        #[schema(minimum = 1, maximum = 86_400)]
        initial_seconds: Option<u64>,
        /// What each delay is multiplied by, 1 to 10; 3 if absent.
        #[schema(minimum = 1, maximum = 10)]
        factor: Option<f64>,
        /// No delay is longer, 1 to 604800; 21600 if absent.
        #[schema(minimum = 1, maximum = 604_800)]
        max_interval_seconds: Option<u64>,
        /// How long after the beginning the last attempt is made, 60 to 1209600; 259200 if absent.
        #[schema(minimum = 60, maximum = 1_209_600)]
        horizon_seconds: Option<u64>,
    },
    /// Delays since the previous attempt, at most 100; one attempt more than there are delays.
    Schedule {
        /// The delays in seconds.
        seconds: Vec<u64>,
    },
}

/// Which names the delivery's own headers go by.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum HeaderFamilySchema {
    /// `webhook-id` and so on: Standard Webhooks.
    Webhook,
    /// `svix-id` and so on.
    Svix,
}
