//! The apalis worker that runs every attempt, and its supervisor.

use std::sync::Arc;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::*;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::backend::{Closing, LaneBackend};
use super::executor::Executor;
use super::in_hand::InHand;
use crate::lanes::Lanes;
use crate::status::StatusBoard;

/// How long a dead worker waits before it is started again.
const PAUSE: Duration = Duration::from_millis(200);

async fn deliver(in_hand: InHand, executor: Data<Arc<Executor>>) {
    executor.deliver(in_hand).await;
}

/// Runs the worker until `stop`, again and again should it die: a dead worker would
/// leave an API that goes on answering 202.
pub(crate) async fn supervise(
    lanes: Arc<Lanes>,
    executor: Arc<Executor>,
    board: Arc<StatusBoard>,
    max_in_flight: usize,
    stop: CancellationToken,
    closing: impl Fn() -> Closing,
) {
    let mut generation = 0_u32;
    while !stop.is_cancelled() {
        generation += 1;
        let worker = WorkerBuilder::new(format!("deliveries-{generation}").as_str())
            .backend(LaneBackend::new(Arc::clone(&lanes), closing()))
            .data(Arc::clone(&executor))
            .concurrency(max_in_flight)
            .catch_panic()
            .parallelize(tokio::spawn)
            .build(deliver);
        board.set_worker_alive(true);
        // In a task of its own, so that a panic in the worker itself ends here too.
        let ended = tokio::spawn(worker.run().boxed()).await;
        board.set_worker_alive(false);
        if stop.is_cancelled() {
            return;
        }
        match ended {
            Ok(Ok(())) => tracing::error!("the worker stopped by itself"),
            Ok(Err(error)) => tracing::error!(error = %error, "the worker died"),
            Err(error) => tracing::error!(error = %error, "the worker panicked"),
        }
        metrics::counter!("postrider_worker_restarts_total").increment(1);
        tokio::time::sleep(PAUSE).await;
    }
}
