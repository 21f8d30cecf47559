//! Gauges that are read off now and then rather than counted as things happen.

use std::time::Duration;

use postrider_store::StoreResult;
use tokio::sync::mpsc;

use super::{Next, Service};
use crate::commit::Arrival;
use crate::lease::monotonic;
use crate::node::Node;

const PERIOD: Duration = Duration::from_secs(2);

/// Sets the gauges.
pub(crate) struct Gauges {
    pub(crate) queue: mpsc::WeakSender<Arrival>,
}

impl Service for Gauges {
    const NAME: &'static str = "gauges";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let depth = node.lanes.depth();
        metrics::gauge!("postrider_lanes").set(depth.lanes as f64);
        metrics::gauge!("postrider_lane_queued").set(depth.queued as f64);
        metrics::gauge!("postrider_in_flight").set(depth.in_flight as f64);
        metrics::gauge!("postrider_lane_bytes").set(depth.bytes as f64);
        metrics::gauge!("postrider_held").set(node.lanes.held.len() as f64);
        let queue = self.queue.upgrade();
        let waiting = queue.map_or(0, |queue| queue.max_capacity() - queue.capacity());
        metrics::gauge!("postrider_ingest_queued").set(waiting as f64);
        let oldest = node.board.status().oldest_due.unwrap_or_default();
        metrics::gauge!("postrider_oldest_due_seconds").set(oldest.as_secs_f64());
        for service in node.pulses.status(monotonic()) {
            metrics::gauge!("postrider_service_well", "service" => service.name)
                .set(f64::from(u8::from(service.is_well)));
        }
        Ok(Next::Within(PERIOD))
    }
}
