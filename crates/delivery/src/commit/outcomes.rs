//! Outcomes that wait to be recorded, and what follows when they are.
//!
//! Next on a message's way: `crates/store/src/commit/outcomes/postgres.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use postrider_domain::DisabledReason;
use postrider_store::{Applied, Clock, Outcome, Step, Store};
use tokio::sync::mpsc;

use crate::lanes::Lanes;

/// Outcomes in one transaction, at most: larger than what can pile up while one is
/// written, or the queue would grow behind it.
const BATCH: usize = 4096;

/// The committer's side of attempts.
pub(crate) struct Outcomes {
    queue: mpsc::Receiver<Outcome>,
    store: Store,
    clock: Clock,
    lanes: Arc<Lanes>,
    /// What is being written: kept until it is durable.
    batch: Vec<Outcome>,
    /// Whether the batch may be written already: the answer to it was lost.
    in_doubt: bool,
}

impl Outcomes {
    pub(crate) fn new(
        queue: mpsc::Receiver<Outcome>,
        store: Store,
        clock: Clock,
        lanes: Arc<Lanes>,
    ) -> Self {
        Self {
            queue,
            store,
            clock,
            lanes,
            batch: Vec::new(),
            in_doubt: false,
        }
    }

    /// Waits for an outcome; `false` when there will be none any more.
    pub(super) async fn arrive(&mut self) -> bool {
        if !self.batch.is_empty() {
            return true;
        }
        match self.queue.recv().await {
            Some(outcome) => {
                self.batch.push(outcome);
                true
            }
            None => false,
        }
    }

    /// What to write now: what waits. What is in doubt must have been settled: it is tried
    /// again as it was, with nothing added, so that it is known again if it is there already.
    pub(super) fn batch(&mut self) -> &[Outcome] {
        while self.batch.len() < BATCH {
            let Ok(outcome) = self.queue.try_recv() else {
                break;
            };
            self.batch.push(outcome);
        }
        &self.batch
    }

    pub(super) fn is_full(&self) -> bool {
        self.batch.len() + self.queue.len() >= BATCH
    }

    pub(super) fn pending(&self) -> &[Outcome] {
        &self.batch
    }

    /// Nobody knows whether the batch is durable.
    pub(super) fn doubt(&mut self) {
        self.in_doubt = !self.batch.is_empty();
    }

    /// Whether the batch has been tried before.
    pub(super) fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// The batch is durable.
    pub(super) fn settle(&mut self, applied: &[Applied]) {
        self.in_doubt = false;
        let now = self.clock.now();
        let (mut due, mut failing) = (false, BTreeSet::new());
        for (outcome, applied) in self.batch.drain(..).zip(applied) {
            self.lanes
                .held
                .remove(outcome.endpoint_id, outcome.message_id);
            due |= matches!(
                outcome.step,
                Step::Scheduled {
                    due_at: Some(_),
                    ..
                }
            );
            if !applied.moved {
                metrics::counter!("postrider_late_outcomes_total").increment(1);
            }
            if applied.health.should_disable(now) {
                failing.insert(outcome.endpoint_id);
            }
        }
        for endpoint in failing {
            disable(self.store.clone(), endpoint);
        }
        if due {
            // The claimer may have to wake earlier than it meant to.
            self.store.lane_hint().notify_one();
        }
    }
}

/// Disabling waits for locks of others: not in the committer's way.
fn disable(store: Store, endpoint: postrider_domain::EndpointId) {
    tokio::spawn(async move {
        match store
            .disable_endpoint(endpoint, DisabledReason::Failing)
            .await
        {
            Ok(_) => {
                tracing::warn!(%endpoint, "disabled: it has failed without a break for five days");
            }
            Err(error) => {
                tracing::error!(%endpoint, error = &error as &dyn std::error::Error, "cannot disable a failing endpoint");
            }
        }
    });
}
