//! One endpoint's lane: what waits, and whether the next may start.

use std::collections::VecDeque;

use postrider_domain::{
    Allow, AppId, Breaker, Bucket, ConcurrencyLimit, FailureKind, Load, Timestamp,
};
use postrider_store::Job;

/// Jobs that a lane holds in memory at most; more stay in the database.
pub(super) const MAX_JOBS: usize = 4096;
/// Jobs that a claim fetches ahead of an idle lane.
pub(super) const AHEAD: usize = 32;
/// Seconds of work that a throttled lane fetches ahead.
const THROTTLED_AHEAD: usize = 10;

/// A lane in memory. It exists while there is work or something to remember.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) app_id: AppId,
    pub(super) queue: VecDeque<Job>,
    /// Places promised to messages that are being stored.
    pub(super) reserved: usize,
    pub(super) in_flight: u32,
    /// Whether the lane stands in its tenant's queue.
    pub(super) ready: bool,
    /// Whether the lane waits for a token or a probe, with a timer set.
    pub(super) waiting: bool,
    pub(super) breaker: Breaker,
    /// Whether the database is known to hold more that is due.
    pub(super) more: bool,
    cap: ConcurrencyLimit,
    bucket: Option<Bucket>,
}

/// Whether a lane's next job may start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Start,
    /// Nothing waits, or the cap is reached: the next answer changes that.
    Idle,
    /// Not before this time.
    NotBefore(Timestamp),
    /// The breaker is open until then: what waits goes back to the database.
    Parked(Timestamp),
}

impl Lane {
    pub(super) fn new(app_id: AppId) -> Self {
        Self {
            app_id,
            queue: VecDeque::new(),
            reserved: 0,
            in_flight: 0,
            ready: false,
            waiting: false,
            breaker: Breaker::default(),
            more: false,
            cap: ConcurrencyLimit::default(),
            bucket: None,
        }
    }

    /// Whether the lane holds nothing and remembers nothing.
    pub(super) fn is_forgettable(&self) -> bool {
        self.queue.is_empty()
            && self.in_flight == 0
            && self.reserved == 0
            && !self.ready
            && !self.waiting
            && !self.more
            && self.breaker == Breaker::default()
            && self.bucket.is_none()
            && self.cap == ConcurrencyLimit::default()
    }

    /// Asks for the next job's turn; `Start` has taken what it needs.
    pub(super) fn turn(&mut self, now: Timestamp) -> Turn {
        if self.queue.is_empty() || self.in_flight >= self.cap.get() {
            return Turn::Idle;
        }
        // Asked before the breaker, which hands its probe out but once.
        if let Some(bucket) = &mut self.bucket
            && let Err(at) = bucket.try_take(now)
        {
            return Turn::NotBefore(at);
        }
        match self.breaker.allows(now) {
            Allow::Yes | Allow::Probe => Turn::Start,
            Allow::Until(until) => {
                if let Some(bucket) = &mut self.bucket {
                    bucket.put_back();
                }
                Turn::Parked(until)
            }
        }
    }

    /// Learns from an answer, or from its absence.
    pub(super) fn learn(&mut self, now: Timestamp, answer: &Answered, jitter: f64) {
        self.cap.on_answer(
            Load::of(answer.failure, answer.status, answer.duration),
            self.in_flight,
        );
        match answer.failure {
            None => self.breaker.on_success(now),
            Some(kind) => {
                self.breaker.on_failure(now, kind, answer.status, jitter);
            }
        }
    }

    /// Takes the endpoint's `throttleRate` over.
    pub(super) fn set_rate(&mut self, rate: Option<u16>, now: Timestamp) {
        match (rate, &mut self.bucket) {
            (Some(rate), Some(bucket)) if bucket.rate() != rate => bucket.set_rate(rate, now),
            (Some(_), Some(_)) => {}
            (Some(rate), none) => *none = Some(Bucket::new(rate, now)),
            (None, bucket) => *bucket = None,
        }
    }

    /// Whether it is time to claim more, said once: what is queued would last for less
    /// than half of what may be in flight.
    pub(super) fn is_hungry(&mut self) -> bool {
        let hungry = self.more && self.queue.len() < self.cap.get() as usize / 2 + 1;
        self.more &= !hungry;
        hungry
    }

    /// Whether the lane may hold more while all lanes hold `bytes`. Beyond half the limit
    /// a lane keeps no more than it can send at once, and beyond the limit only what it
    /// needs to go on at all: a lane that piles up takes nothing from the others.
    pub(super) fn may_hold(&self, bytes: usize, limit: usize) -> bool {
        let held = self.queue.len() + self.reserved;
        if bytes <= limit / 2 {
            true
        } else if bytes <= limit {
            held < self.cap.get() as usize
        } else {
            held == 0 && self.in_flight == 0
        }
    }

    /// How many jobs more the lane would hold.
    pub(super) fn space(&self) -> usize {
        let limit = self.bucket.as_ref().map_or(MAX_JOBS, |bucket| {
            (usize::from(bucket.rate()) * THROTTLED_AHEAD).clamp(AHEAD, MAX_JOBS)
        });
        limit.saturating_sub(self.queue.len() + self.reserved)
    }

    /// How many due jobs are worth claiming now: a little more than can be sent.
    pub(super) fn room(&self, now: Timestamp) -> usize {
        match self.breaker.open_until() {
            Some(until) if now < until => 0,
            // Whoever comes first is the probe.
            Some(_) => 1_usize.saturating_sub(self.queue.len() + self.in_flight as usize),
            None => {
                let wanted = (self.cap.get() as usize * 2).max(AHEAD);
                self.space().min(wanted.saturating_sub(self.queue.len()))
            }
        }
    }
}

/// What an attempt taught.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) failure: Option<FailureKind>,
    pub(crate) status: Option<u16>,
    pub(crate) duration: std::time::Duration,
}
