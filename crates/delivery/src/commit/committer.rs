//! The loop that writes batches.
//!
//! Next on a message's way: `crates/store/src/commit/writer.rs`.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::Timestamp;
use postrider_store::{IngestBatch, IngestResult, StoreError, Writer, Written};
use tokio_util::sync::CancellationToken;

use super::messages::Planned;
use super::{Messages, Outcomes};
use crate::lease::Lease;

/// How long PostgreSQL's outcomes wait for company.
const LINGER: Duration = Duration::from_millis(5);
/// How long a write may take before it is worth a line in the log.
const SLOW: Duration = Duration::from_secs(5);
/// How long a write may take before its answer counts as lost. A commit that waits for a
/// standby is waited for: on another connection the next would wait too, and each would keep
/// one of the server's places. What is broken ends by itself, long before.
const LOST: Duration = Duration::from_mins(10);
/// How long the committer rests after the database refused.
const PAUSE: Duration = Duration::from_millis(200);
/// How many blocks of payload keys are tried that a database which went back has given to
/// others too, before publishers are told to try again.
const BLOCKS: usize = 4;

/// Writes messages, outcomes, or both.
pub(crate) struct Committer {
    pub(crate) writer: Writer,
    pub(crate) messages: Option<Messages>,
    pub(crate) outcomes: Option<Outcomes>,
    /// Whether outcomes alone may wait for company.
    pub(crate) linger: bool,
    /// Under whose number they are written.
    pub(crate) lease: Arc<Lease>,
}

/// What there is to write.
struct Arrived {
    messages: bool,
    outcomes: bool,
}

impl Committer {
    /// Writes until its queues have ended. After `stop` no message is taken any more, and
    /// what has ended is still recorded.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let arrived = tokio::select! {
                arrived = self.arrive() => arrived,
                () = stop.cancelled(), if self.messages.is_some() => {
                    self.refuse_messages();
                    continue;
                }
            };
            if !arrived.messages {
                self.messages = None;
            }
            if !arrived.outcomes {
                self.outcomes = None;
            }
            if self.messages.is_none() && self.outcomes.is_none() {
                return;
            }
            if let Err(error) = self.commit().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot write a batch"
                );
                metrics::counter!("postrider_failed_commits_total").increment(1);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn refuse_messages(&mut self) {
        if let Some(mut messages) = self.messages.take() {
            messages.refuse_rest();
        }
    }

    /// Waits until there is something in either queue; a queue that has ended is `false`.
    async fn arrive(&mut self) -> Arrived {
        match (&mut self.messages, &mut self.outcomes) {
            (Some(messages), Some(outcomes)) => tokio::select! {
                // Publishers wait; outcomes do not.
                biased;
                more = messages.arrive() => Arrived { messages: more, outcomes: true },
                more = outcomes.arrive() => Arrived { messages: true, outcomes: more },
            },
            (Some(messages), None) => Arrived {
                messages: messages.arrive().await,
                outcomes: false,
            },
            (None, Some(outcomes)) => {
                let more = outcomes.arrive().await;
                if self.linger && more && !outcomes.is_full() {
                    tokio::time::sleep(LINGER).await;
                }
                Arrived {
                    messages: false,
                    outcomes: more,
                }
            }
            (None, None) => Arrived {
                messages: false,
                outcomes: false,
            },
        }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        let mut planned = match &mut self.messages {
            Some(messages) => Some(messages.plan().await?),
            None => None,
        };
        let mut written = self.write_all(planned.as_ref()).await;
        for _ in 0..BLOCKS {
            let (Err(error), Some(messages), Some(again)) =
                (&written, &mut self.messages, &mut planned)
            else {
                break;
            };
            if !error.is_taken_payload_key() || messages.give_new_keys(again).await.is_err() {
                break;
            }
            written = self.write_all(planned.as_ref()).await;
        }
        match written {
            Ok(results) => {
                if let (Some(messages), Some(planned)) = (&self.messages, planned) {
                    messages.settle(planned, &results);
                }
                Ok(())
            }
            Err(error) => {
                if let (Some(messages), Some(planned)) = (&self.messages, planned) {
                    messages.fail(planned);
                }
                if let Some(outcomes) = &mut self.outcomes {
                    outcomes.doubt();
                }
                Err(error)
            }
        }
    }

    /// Writes what was planned and what has ended; first, by itself, what is in doubt.
    async fn write_all(
        &mut self,
        planned: Option<&Planned>,
    ) -> Result<Vec<IngestResult>, StoreError> {
        if self.outcomes.as_ref().is_some_and(Outcomes::in_doubt) {
            let again = self.write(None).await?;
            self.settle(&again);
        }
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.batch();
        }
        let written = self.write(planned).await?;
        self.settle(&written);
        Ok(written.results)
    }

    fn settle(&mut self, written: &Written) {
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.settle(&written.outcomes);
        }
    }

    async fn write(&mut self, planned: Option<&Planned>) -> Result<Written, StoreError> {
        let nothing = IngestBatch {
            node: self.lease.node(),
            now: Timestamp::from_micros(0),
            messages: &[],
        };
        let batch = planned.map_or(nothing, Planned::batch);
        let outcomes = self.outcomes.as_ref().map_or(&[][..], Outcomes::pending);
        if batch.messages.is_empty() && outcomes.is_empty() {
            return Ok(Written {
                results: Vec::new(),
                outcomes: Vec::new(),
            });
        }
        metrics::histogram!("postrider_commit_messages").record(batch.messages.len() as f64);
        metrics::histogram!("postrider_commit_outcomes").record(outcomes.len() as f64);
        metrics::counter!("postrider_commits_total").increment(1);
        if let Some(written) = in_time(self.writer.write(batch, outcomes)).await {
            return written;
        }
        self.writer.disconnect();
        Err(StoreError::TimedOut("writing a batch"))
    }
}

/// The answer to a write; `None` if it is lost.
async fn in_time<T>(write: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(write);
    if let Ok(written) = tokio::time::timeout(SLOW, &mut write).await {
        return Some(written);
    }
    tracing::warn!(
        "the database has not answered a write for {} s: waiting on",
        SLOW.as_secs()
    );
    metrics::counter!("postrider_slow_commits_total").increment(1);
    let written = tokio::time::timeout(LOST.saturating_sub(SLOW), write)
        .await
        .ok();
    if written.is_some() {
        tracing::info!("the database has answered the write that was waited for");
    }
    written
}
