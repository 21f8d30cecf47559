//! Statistics over time, from the roll-ups that are kept as attempts are recorded.

use std::time::Duration;

use http::Method;
use postrider_domain::{AppId, EndpointHealth, EndpointId, Timestamp};
use postrider_store::{
    Bucket, Counts, MonitorFilter, MonitoredEndpoint, Order, Overview, StatScope, StatWindow,
};

use crate::access::{Member, OrgWide};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut};
use crate::request::param::Param;
use crate::wire::stats::{
    BucketOut, CountsOut, EndpointSeriesOut, FailingEndpointOut, NodeOut, OverviewOut, PointOut,
    TimeseriesOut, millis,
};

/// Spans of one answer, at most.
const MAX_BUCKETS: u64 = 1_500;
/// Spans of all the endpoints of one answer together, at most.
const MAX_POINTS: u64 = 20_000;
/// The window unless asked.
const DEFAULT_WINDOW: Duration = Duration::from_hours(24);

const SINCE: Param<Option<Timestamp>> =
    Param::time("since", "From when on: 24 hours before `until` if absent");
const UNTIL: Param<Option<Timestamp>> = Param::time("until", "Until when: now if absent");
const BUCKET: Param<Option<&'static str>> = Param::word(
    "bucket",
    &["minute", "hour", "day"],
    "How long a span is, `hour` if absent. Minutes are kept for 3 days, hours for 90; `minute` cannot be asked for an endpoint and an event type together",
);
const APP: Param<Option<String>> = Param::text("app", "Only this application, by id or uid");
const ENDPOINT: Param<Option<String>> = Param::text(
    "endpoint",
    "Only this endpoint, by id or uid; its application must be said too, unless the token is bound to it",
);
const EVENT_TYPE: Param<Option<String>> = Param::text("eventType", "Only this event type");
const FAILING: Param<bool> = Param::flag(
    "failing",
    false,
    "Only endpoints that have failed without a break",
);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/stats/timeseries", "v1.statistics.timeseries", timeseries)
            .says("Get statistics over time", "Messages, attempts and how long these took, span by span, of the organisation, an application, an endpoint or an event type. A token of an application sees its own. What has just happened is counted within a few seconds. At most 1,500 spans.")
            .query(&[&SINCE, &UNTIL, &BUCKET, &APP, &ENDPOINT, &EVENT_TYPE])
            .answers::<TimeseriesOut>(200, "The series")
            .fails(&[Code::NotFound]),
        Operation::new(Method::GET, "/api/v1/stats/endpoints", "v1.statistics.endpoints", endpoints)
            .says("Get statistics of endpoints", "How each endpoint has done, newest endpoints first, with a short series each: for a list of endpoints in one call. A token of an application sees its own.")
            .query(&[&APP, &ENDPOINT, &SINCE, &UNTIL, &BUCKET, &FAILING, &LIMIT, &ITERATOR])
            .lists::<EndpointSeriesOut>("A page of endpoints")
            .fails(&[Code::NotFound]),
        Operation::new(Method::GET, "/api/v1/stats/overview", "v1.statistics.overview", overview)
            .says("Get an overview", "What waits, what fails, and who works: how the organisation's deliveries are doing now.")
            .answers::<OverviewOut>(200, "The overview"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Statistics"))
    .collect()
}

/// The spans that a request asks for.
struct Spans {
    bucket: Bucket,
    window: StatWindow,
}

impl Spans {
    fn read<A>(call: &Call<A>) -> ApiResult<Self> {
        let now = call.shared.store.clock().now();
        let bucket = match call.query.get(&BUCKET)? {
            Some("minute") => Bucket::Minute,
            Some("day") => Bucket::Day,
            _ => Bucket::Hour,
        };
        // The present counts too, be it the first moment of a span.
        let until = call
            .query
            .get(&UNTIL)?
            .unwrap_or_else(|| now.plus(Duration::from_micros(1)));
        let since = call
            .query
            .get(&SINCE)?
            .unwrap_or_else(|| until.minus(DEFAULT_WINDOW));
        if since >= until {
            let msg = "not before until: give an earlier time";
            return Err(ApiError::invalid_query("since", msg));
        }
        let window = bucket.window(since, until);
        let spans = Self { bucket, window };
        if spans.buckets() > MAX_BUCKETS {
            let msg = format!(
                "{} spans of a {} are too many: ask for at most {MAX_BUCKETS}, or for longer ones",
                spans.buckets(),
                bucket.word()
            );
            return Err(ApiError::invalid_query("since", msg));
        }
        if let Some(kept) = bucket.kept()
            && window.since < now.minus(kept)
        {
            let msg = format!(
                "longer ago than spans of a {} are kept, which is {} days: ask for longer ones",
                bucket.word(),
                kept.as_secs() / 86_400
            );
            return Err(ApiError::invalid_query("since", msg));
        }
        Ok(spans)
    }

    fn buckets(&self) -> u64 {
        let span = self.window.until.since(self.window.since);
        span.as_secs() / self.bucket.span().as_secs()
    }

    /// Every span, with what was counted in it; `counted` is in order.
    fn filled(&self, counted: Vec<(Timestamp, Counts)>) -> Vec<(Timestamp, Counts)> {
        let mut counted = counted.into_iter().peekable();
        (0..self.buckets())
            .map(|at| {
                let start = self.window.since.plus(self.bucket.span() * at as u32);
                let counts = counted.next_if(|(time, _)| *time <= start);
                (start, counts.map(|(_, counts)| counts).unwrap_or_default())
            })
            .collect()
    }
}

fn counts_out(counts: &Counts) -> CountsOut {
    let at = |percent| counts.latency.percentile(percent).map(millis);
    CountsOut {
        messages: counts.messages,
        attempts: counts.succeeded + counts.failed,
        succeeded: counts.succeeded,
        failed: counts.failed,
        p50_ms: at(50.0),
        p95_ms: at(95.0),
        p99_ms: at(99.0),
    }
}

/// The application that is asked about: for a key or token that is bound to one, its own.
async fn app(call: &Call<Member>) -> ApiResult<Option<AppId>> {
    let Some(name) = call.query.get(&APP)? else {
        return Ok(call.access.app);
    };
    let app = call.shared.store.app(call.access.org, &name).await?;
    if call.access.app.is_some_and(|bound| bound != app.id) {
        return Err(ApiError::not_found("Application not found"));
    }
    Ok(Some(app.id))
}

/// The endpoint that is asked about, if one is.
async fn endpoint(call: &Call<Member>, app: Option<AppId>) -> ApiResult<Option<EndpointId>> {
    let Some(name) = call.query.get(&ENDPOINT)? else {
        return Ok(None);
    };
    let Some(app) = app else {
        let msg = "given without its application: give app too";
        return Err(ApiError::invalid_query("endpoint", msg));
    };
    Ok(Some(call.shared.store.endpoint(app, &name).await?.id))
}

async fn timeseries(call: Call<Member>) -> ApiResult<Answer> {
    let spans = Spans::read(&call)?;
    let app = app(&call).await?;
    let store = &call.shared.store;
    let scope = match (app, endpoint(&call, app).await?) {
        (_, Some(endpoint)) => StatScope::Endpoint(endpoint),
        (Some(app), None) => StatScope::App(app),
        (None, None) => StatScope::Org(call.access.org),
    };
    let event_type = call.query.get(&EVENT_TYPE)?;
    if matches!(scope, StatScope::Endpoint(_))
        && event_type.is_some()
        && spans.bucket == Bucket::Minute
    {
        let msg = "given with an endpoint and an event type, whose minutes are not counted apart: ask for hours or days, or for one of the two";
        return Err(ApiError::invalid_query("bucket", msg));
    }
    let counted = store
        .stat_series(scope, event_type.as_deref(), spans.bucket, spans.window)
        .await?;
    let mut totals = Counts::default();
    for (_, counts) in &counted {
        totals.merge(counts);
    }
    let data = spans.filled(counted).into_iter();
    Answer::ok(&TimeseriesOut {
        since: spans.window.since,
        until: spans.window.until,
        bucket: spans.bucket.word(),
        data: data
            .map(|(start, counts)| BucketOut {
                start,
                counts: counts_out(&counts),
            })
            .collect(),
        totals: counts_out(&totals),
    })
}

async fn endpoints(call: Call<Member>) -> ApiResult<Answer> {
    let spans = Spans::read(&call)?;
    let failing = call.query.get(&FAILING)?;
    let request = page::request::<EndpointId>(&call.query, Order::Descending)?;
    if spans.buckets() * u64::from(request.limit) > MAX_POINTS {
        let msg = format!(
            "{} endpoints with {} spans each are too many: ask for fewer of either",
            request.limit,
            spans.buckets()
        );
        return Err(ApiError::invalid_query("limit", msg));
    }
    let app = app(&call).await?;
    let filter = MonitorFilter {
        app,
        endpoint: endpoint(&call, app).await?,
        failing,
    };
    let store = &call.shared.store;
    let page = store
        .monitored_endpoints(call.access.org, filter, request)
        .await?;
    let ids: Vec<_> = page.rows.iter().map(|row| row.id).collect();
    let mut series = store
        .endpoint_series(&ids, spans.bucket, spans.window)
        .await?;
    Answer::ok(&ListOut::new(
        page,
        |row| row.id.to_string(),
        |row| {
            let counted = series.remove(&row.id).unwrap_or_default();
            endpoint_out(row, &spans, counted)
        },
    ))
}

fn endpoint_out(
    endpoint: MonitoredEndpoint,
    spans: &Spans,
    counted: Vec<(Timestamp, Counts)>,
) -> EndpointSeriesOut {
    let mut totals = Counts::default();
    for (_, counts) in &counted {
        totals.merge(counts);
    }
    let totals = counts_out(&totals);
    let series = spans.filled(counted);
    let tried = series
        .iter()
        .map(|(_, counts)| (counts.succeeded, counts.failed));
    let is_failing = endpoint.failing_since.is_some();
    EndpointSeriesOut {
        health: EndpointHealth::of(endpoint.disabled, is_failing, tried).word(),
        id: endpoint.id,
        app_id: endpoint.app_id,
        url: endpoint.url,
        disabled: endpoint.disabled,
        failing_since: endpoint.failing_since,
        attempts: totals.attempts,
        succeeded: totals.succeeded,
        failed: totals.failed,
        p50_ms: totals.p50_ms,
        p95_ms: totals.p95_ms,
        series: series
            .into_iter()
            .map(|(start, counts)| PointOut {
                start,
                succeeded: counts.succeeded,
                failed: counts.failed,
            })
            .collect(),
    }
}

async fn overview(call: Call<OrgWide>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let now = store.clock().now();
    let nodes = store.nodes().await?;
    let overview = store.overview(call.access.org).await?;
    Answer::ok(&overview_out(overview, nodes, now))
}

fn overview_out(
    overview: Overview,
    nodes: Vec<postrider_store::NodeRow>,
    now: Timestamp,
) -> OverviewOut {
    OverviewOut {
        backlog: overview.backlog,
        backlog_is_capped: overview.backlog_is_capped,
        oldest_due_age_seconds: overview.oldest_due.map(|due| now.since(due).as_secs_f64()),
        nodes: nodes
            .into_iter()
            .map(|node| NodeOut {
                id: node.id,
                role: node.role,
                started_at: node.started_at,
                heartbeat_at: node.heartbeat_at,
                alive: node.lease_until > now,
            })
            .collect(),
        failing: overview.failing.len() as u64,
        failing_endpoints: overview
            .failing
            .into_iter()
            .take(100)
            .map(|one| FailingEndpointOut {
                app_id: one.app_id,
                endpoint_id: one.endpoint_id,
                url: one.url,
                failing_since: one.failing_since,
                last_failure_at: one.last_failure_at,
            })
            .collect(),
        applications: overview.applications,
        endpoints: overview.endpoints,
        disabled: overview.disabled,
    }
}
