//! Counts and times of requests, by operation.

use axum::response::Response;
use metrics::{Counter, Histogram, counter, histogram};
use postrider_store::Clock;

/// Counts the requests of one operation. Its handles are made once: looking one up
/// costs as much as a hash of all labels.
pub(crate) struct Recorder {
    clock: Clock,
    by_class: [Counter; 3],
    seconds: Histogram,
}

impl Recorder {
    pub(crate) fn new(operation: &'static str, clock: Clock) -> Self {
        let class = |class| counter!("postrider_http_requests_total", "operation" => operation, "status" => class);
        Self {
            clock,
            by_class: [class("2xx"), class("4xx"), class("5xx")],
            seconds: histogram!("postrider_http_request_seconds", "operation" => operation),
        }
    }

    /// Does the work and records how it went.
    pub(crate) async fn record(&self, work: impl Future<Output = Response>) -> Response {
        let began = self.clock.now();
        let response = work.await;
        self.seconds
            .record(self.clock.now().since(began).as_secs_f64());
        let [good, bad, broken] = &self.by_class;
        match response.status().as_u16() {
            500.. => broken.increment(1),
            400.. => bad.increment(1),
            _ => good.increment(1),
        }
        response
    }
}
