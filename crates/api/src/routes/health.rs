//! How the server is, for probes and monitoring.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::access::Public;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::operation::Operation;
use crate::wire::health::{HealthOut, PartOut, Status};

/// A database that takes longer to answer counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/health", "v1.health.get", get)
            .says(
                "Ask how the server is",
                "Whether this node is ready, part by part.",
            )
            .answers::<HealthOut>(200, "Everything that this node has works")
            .answers::<HealthOut>(503, "Something does not work"),
        Operation::new(Method::GET, "/api/v1/health/ping", "v1.health.ping", ping)
            .says(
                "Ask whether the server is there",
                "Answers without looking at anything.",
            )
            .answers_nothing(204, "It is there"),
        Operation::new(Method::GET, "/metrics", "metrics", metrics)
            .says("Read the metrics", "In Prometheus's text format.")
            .answers_text("The metrics", METRICS_TYPE),
    ]
    .into_iter()
    .map(|operation| operation.tag("Health"))
    .collect()
}

/// Prometheus's text format, version 0.0.4.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

async fn get(call: Call<Public>) -> ApiResult<Answer> {
    let database = tokio::time::timeout(PATIENCE, call.shared.store.has_keys()).await;
    let pipeline = call.shared.ingest.status();
    let part = |works: Option<bool>| PartOut {
        status: match works {
            Some(true) => Status::Ok,
            Some(false) => Status::Error,
            None => Status::Absent,
        },
    };
    let mut health = HealthOut {
        status: Status::Ok,
        database: part(Some(matches!(database, Ok(Ok(_))))),
        ingest: part(Some(pipeline.accepting)),
        claimer: part(pipeline.claimer_alive),
        worker: part(pipeline.worker_alive),
        disk: part(pipeline.disk),
        unaccounted: part(Some(pipeline.accounted)),
        oldest_due_seconds: pipeline.oldest_due.map(|waited| waited.as_secs_f64()),
        services: pipeline
            .services
            .iter()
            .map(|service| (service.name, part(Some(service.is_well))))
            .collect(),
    };
    let parts = [
        health.database,
        health.ingest,
        health.claimer,
        health.worker,
        health.disk,
        health.unaccounted,
    ];
    if parts.iter().all(|part| part.status != Status::Error) {
        return Answer::ok(&health);
    }
    health.status = Status::Error;
    Answer::json(StatusCode::SERVICE_UNAVAILABLE, &health)
}

async fn ping(_: Call<Public>) -> ApiResult<Answer> {
    Ok(Answer::nothing())
}

async fn metrics(call: Call<Public>) -> ApiResult<Answer> {
    let Some(handle) = &call.shared.metrics else {
        return Err(ApiError::not_found(
            "Metrics are not collected on this server",
        ));
    };
    Ok(Answer::text(METRICS_TYPE, Bytes::from(handle.render())))
}
