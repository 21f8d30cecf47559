//! Statistics on the wire.

use std::time::Duration;

use postrider_domain::{AppId, EndpointId, NodeId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Counts of a span of time.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountsOut {
    /// Messages that were published; for one endpoint, those that were first tried there.
    pub messages: u64,
    /// Attempts that were made.
    pub attempts: u64,
    /// Those of them that a 2xx answered.
    pub succeeded: u64,
    /// The others.
    pub failed: u64,
    /// Milliseconds that half of the attempts did not exceed; null without attempts. Off by
    /// an eighth of its value at most, as the other two.
    #[schema(required = true)]
    pub p50_ms: Option<f64>,
    /// The same of 95 in a hundred.
    #[schema(required = true)]
    pub p95_ms: Option<f64>,
    /// The same of 99 in a hundred.
    #[schema(required = true)]
    pub p99_ms: Option<f64>,
}

/// One span of a series.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BucketOut {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    #[serde(flatten)]
    pub counts: CountsOut,
}

/// Statistics over time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TimeseriesOut {
    /// Where the first span begins: `since`, moved back to the beginning of its span.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Where the last span ends.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// How long a span is: `minute`, `hour` or `day`.
    #[schema(example = "hour", pattern = "^(minute|hour|day)$")]
    pub bucket: &'static str,
    /// Every span, also those in which nothing happened, oldest first.
    pub data: Vec<BucketOut>,
    /// All of them together.
    pub totals: CountsOut,
}

/// One span of an endpoint's series.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PointOut {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// Attempts that a 2xx answered.
    pub succeeded: u64,
    /// The others.
    pub failed: u64,
}

/// How an endpoint does.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum EndpointHealthSchema {
    /// Nothing is sent to it.
    Disabled,
    /// Its latest attempts failed.
    Failing,
    /// Some of its latest attempts succeeded.
    Healthy,
    /// Nothing was tried of late.
    Idle,
}

/// How an endpoint has done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointSeriesOut {
    /// The endpoint.
    #[schema(value_type = String)]
    pub id: EndpointId,
    /// Its application.
    #[schema(value_type = String)]
    pub app_id: AppId,
    /// Where it is.
    pub url: String,
    /// Whether nothing is sent to it.
    pub disabled: bool,
    /// Since when it has failed without a break; null if it has not.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub failing_since: Option<Timestamp>,
    /// How it does: `disabled`; `failing`, without a break or in the last span with attempts;
    /// `healthy`, where some of these succeeded; `idle`, where there were none in the window.
    #[schema(value_type = EndpointHealthSchema)]
    pub health: &'static str,
    /// Attempts of the window.
    pub attempts: u64,
    /// Those of them that a 2xx answered.
    pub succeeded: u64,
    /// The others.
    pub failed: u64,
    /// Milliseconds that half of the attempts did not exceed; null without attempts.
    #[schema(required = true)]
    pub p50_ms: Option<f64>,
    /// The same of 95 in a hundred.
    #[schema(required = true)]
    pub p95_ms: Option<f64>,
    /// Every span of the window, oldest first.
    pub series: Vec<PointOut>,
}

/// A node of the installation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeOut {
    /// Its id, new at every start.
    #[schema(value_type = String)]
    pub id: NodeId,
    /// What it does.
    #[schema(example = "all", pattern = "^(all|api|worker)$")]
    pub role: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it was last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub heartbeat_at: Timestamp,
    /// Whether it is within its lease.
    pub alive: bool,
}

/// An endpoint that has failed without a break.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailingEndpointOut {
    /// Its application.
    #[schema(value_type = String)]
    pub app_id: AppId,
    /// The endpoint.
    #[schema(value_type = String)]
    pub endpoint_id: EndpointId,
    /// Where it is.
    pub url: String,
    /// When the first of these failures was.
    #[schema(value_type = String, format = DateTime)]
    pub failing_since: Timestamp,
    /// When the last one was.
    #[schema(value_type = String, format = DateTime)]
    pub last_failure_at: Timestamp,
}

/// How the organisation's deliveries are doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverviewOut {
    /// Deliveries that wait for their turn or a retry; `backlogIsCapped`: at least so many.
    pub backlog: u64,
    /// Whether more wait than were counted.
    pub backlog_is_capped: bool,
    /// For how long the oldest delivery has been due; null if none is.
    #[schema(required = true)]
    pub oldest_due_age_seconds: Option<f64>,
    /// The nodes of the installation.
    pub nodes: Vec<NodeOut>,
    /// Endpoints that have failed without a break, the longest first; at most 100.
    pub failing_endpoints: Vec<FailingEndpointOut>,
    /// How many endpoints have failed without a break.
    pub failing: u64,
    /// Applications of the organisation.
    pub applications: u64,
    /// Their endpoints, disabled ones included.
    pub endpoints: u64,
    /// Endpoints to which nothing is sent.
    pub disabled: u64,
}

/// Milliseconds as people read them: to the hundredth.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

/// How the attempts of an endpoint ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsOut {
    /// A 2xx answer.
    pub success: u64,
    /// Always 0: an attempt is counted when it has ended.
    pub pending: u64,
    /// Always 0: an attempt is counted when it has ended.
    pub sending: u64,
    /// No 2xx answer.
    pub fail: u64,
    /// Ended by a person or by a change of the endpoint.
    pub canceled: u64,
}

/// How the ended attempts of an endpoint ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptStatsOut {
    /// A 2xx answer.
    pub success: u64,
    /// No 2xx answer.
    pub fail: u64,
    /// Ended by a person or by a change of the endpoint.
    pub canceled: u64,
}
