//! A job that a worker has taken: whatever happens to the worker, its lane hears of it.

use std::sync::Arc;
use std::time::Duration;

use postrider_store::Job;

use crate::lanes::{Answered, Lanes, Release};

/// How long a job rests whose attempt was lost by a mistake of ours.
const REST: Duration = Duration::from_secs(30);

/// A job in a worker's hand. Dropped without a word (a panic, a dying worker), it goes
/// back to the database: our own mistakes never cost the receiver an attempt.
#[derive(Debug)]
pub(crate) struct InHand {
    job: Option<Job>,
    lanes: Arc<Lanes>,
}

impl InHand {
    pub(super) fn new(job: Job, lanes: Arc<Lanes>) -> Self {
        Self {
            job: Some(job),
            lanes,
        }
    }

    /// The job; `None` once it is done with.
    pub(crate) fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// The attempt ended, or there was nothing to send: the lane goes on at once. The
    /// delivery stays held until its outcome is stored.
    pub(crate) fn done(mut self, answer: Option<&Answered>) {
        if let Some(job) = self.job.take() {
            self.lanes.finish(job.endpoint_id, job.weight(), answer);
        }
    }

    /// Nothing was sent, and something has to pass first: back it goes, due after `rest`.
    pub(crate) fn put_back(mut self, rest: Duration) {
        self.give_back(rest);
    }

    fn give_back(&mut self, rest: Duration) {
        let Some(job) = self.job.take() else { return };
        self.lanes.finish(job.endpoint_id, job.weight(), None);
        let due = self.lanes.now().plus(rest);
        let parked_until = postrider_domain::Timestamp::from_micros(0);
        self.lanes.release(Release::Back {
            endpoint_id: job.endpoint_id,
            jobs: vec![job],
            due,
            postpone: true,
            parked_until,
        });
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(job) = &self.job {
            tracing::error!(message = %job.message_id, endpoint = %job.endpoint_id, "an attempt was dropped unfinished");
            self.give_back(REST);
        }
    }
}
