//! Gauges that are read off now and then rather than counted as things happen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::commit::Arrival;
use crate::lanes::Lanes;
use crate::status::StatusBoard;

const PERIOD: Duration = Duration::from_secs(2);

/// Sets the gauges until it is dropped.
pub(crate) async fn run(
    lanes: Arc<Lanes>,
    board: Arc<StatusBoard>,
    queue: mpsc::WeakSender<Arrival>,
) {
    loop {
        let depth = lanes.depth();
        metrics::gauge!("postrider_lanes").set(depth.lanes as f64);
        metrics::gauge!("postrider_lane_queued").set(depth.queued as f64);
        metrics::gauge!("postrider_in_flight").set(depth.in_flight as f64);
        metrics::gauge!("postrider_lane_bytes").set(depth.bytes as f64);
        metrics::gauge!("postrider_held").set(lanes.held.len() as f64);
        let waiting = queue
            .upgrade()
            .map_or(0, |queue| queue.max_capacity() - queue.capacity());
        metrics::gauge!("postrider_ingest_queued").set(waiting as f64);
        let oldest = board.status().oldest_due.unwrap_or_default();
        metrics::gauge!("postrider_oldest_due_seconds").set(oldest.as_secs_f64());
        tokio::time::sleep(PERIOD).await;
    }
}
