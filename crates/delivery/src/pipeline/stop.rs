//! Ending a pipeline, step by step, each within its time.

use std::time::Duration;

use postrider_store::StoreError;
use tokio::task::JoinHandle;

use super::Pipeline;
use crate::lanes::{Lanes, Release};
use crate::lease::monotonic;

/// How long the last writes may take when everything else has stopped.
const LAST_WRITES: Duration = Duration::from_secs(4);

impl Pipeline {
    /// Lets what is in flight end within `patience`, records how it ended, gives back the
    /// rest, and leaves the list of nodes: within `patience` and 12 s, whatever hangs.
    pub async fn stop(self, patience: Duration) {
        self.stop_sending();
        let began = monotonic();
        // A claim that is under way ends first: its deliveries would be nobody's.
        join_all(self.claimers, LAST_WRITES).await;
        if let Some(worker) = self.worker {
            join_all(vec![worker], patience.saturating_sub(began.elapsed())).await;
        }
        // Every attempt has ended, so with this sender the outcomes' queue ends.
        drop(self.outcomes);
        self.enough.cancel();
        join_all(self.committers, LAST_WRITES).await;
        if !flush(&self.lanes).await {
            tracing::error!("not everything could be given back in time");
        }
        for helper in &self.helpers {
            helper.abort();
        }
        self.releaser.abort();
        let itself = self.store.take_over(self.lease.node());
        let left = tokio::time::timeout(LAST_WRITES, itself).await;
        if let Err(error) = left.unwrap_or(Err(StoreError::TimedOut("leaving"))) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot leave the list of nodes"
            );
        }
    }
}

/// Waits for tasks, and aborts those that take longer than `patience` together.
async fn join_all(tasks: Vec<JoinHandle<()>>, patience: Duration) {
    let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
    if tokio::time::timeout(patience, futures_util::future::join_all(tasks))
        .await
        .is_err()
    {
        tracing::error!("some work was still under way at the end of its time");
        for abort in aborts {
            abort.abort();
        }
    }
}

/// Waits until everything released so far is written; `false` if that takes too long.
pub(super) async fn flush(lanes: &Lanes) -> bool {
    let (done, written) = tokio::sync::oneshot::channel();
    lanes.release(Release::Flush(done));
    tokio::time::timeout(LAST_WRITES, written).await.is_ok()
}
