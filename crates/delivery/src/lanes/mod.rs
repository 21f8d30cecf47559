//! Lanes: one queue per endpoint, and whose turn it is.
//!
//! Tenants (applications) take turns, and within a tenant its lanes do. A lane never
//! holds a worker's place while it waits: for its cap it waits to be told of an answer,
//! for a token it sets a timer, and what stands behind an open breaker goes back to the
//! database, parked. Memory is bounded per lane and in all; what finds no place is
//! written without an owner and claimed later.
//!
//! Next on a message's way: `crates/delivery/src/worker/backend.rs`.

mod held;
mod lane;
mod queue;
mod release;

use std::collections::HashSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use postrider_domain::{EndpointId, MessageId, Timestamp};
use postrider_store::{AppConfig, Clock, EndpointConfig, Job, Store};
use tokio::sync::{Notify, mpsc};

pub(crate) use held::Held;
pub(crate) use lane::Answered;
pub(crate) use queue::Limits;
use queue::Queue;
pub(crate) use release::{Release, Releaser};

use crate::jitter::jitter;
use crate::lease::Lease;

/// The lanes of this node.
#[derive(Debug)]
pub(crate) struct Lanes {
    store: Store,
    clock: Clock,
    queue: Mutex<Queue>,
    /// Wakes the worker's backend.
    waker: AtomicWaker,
    /// Wakes the timer when an earlier time has been set.
    timer: Notify,
    releases: mpsc::UnboundedSender<Release>,
    pub(crate) held: Held,
    lease: Arc<Lease>,
    /// What a send may take, unless its endpoint has a deadline of its own.
    deadline: Duration,
}

/// How full the lanes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) lanes: usize,
    pub(crate) queued: usize,
    pub(crate) in_flight: usize,
    pub(crate) bytes: usize,
}

impl Lanes {
    /// Empty lanes, and where they put what has to go back to the database.
    pub(crate) fn new(
        store: Store,
        lease: Arc<Lease>,
        limits: Limits,
        deadline: Duration,
    ) -> (Self, mpsc::UnboundedReceiver<Release>) {
        let (releases, inbox) = mpsc::unbounded_channel();
        let lanes = Self {
            clock: store.clock().clone(),
            store,
            queue: Mutex::new(Queue::new(limits)),
            waker: AtomicWaker::new(),
            timer: Notify::new(),
            releases,
            held: Held::new(),
            lease,
            deadline,
        };
        (lanes, inbox)
    }

    /// Promises a place to a delivery of a message of `bytes` that is about to be
    /// stored. Without a promise the delivery is stored unowned.
    pub(crate) fn reserve(
        &self,
        app: &AppConfig,
        endpoint: &EndpointConfig,
        message: MessageId,
        bytes: usize,
    ) -> bool {
        let now = self.clock.now();
        let mut queue = self.queue.lock();
        let promised = queue.reserve(app.id, endpoint.id, Job::weight_of(bytes), now);
        if promised {
            queue.set_rates(
                app.id,
                app.throttle_rate,
                endpoint.id,
                endpoint.settings.throttle_rate,
                now,
            );
            drop(queue);
            self.held.insert(endpoint.id, message);
        }
        promised
    }

    /// Takes a promise back, because the message was not stored.
    pub(crate) fn unreserve(&self, endpoint: EndpointId, message: MessageId, bytes: usize) {
        self.queue.lock().unreserve(endpoint, Job::weight_of(bytes));
        self.held.remove(endpoint, message);
    }

    /// Takes over jobs whose places were promised.
    pub(crate) fn push_reserved(&self, jobs: Vec<Job>) {
        {
            let mut queue = self.queue.lock();
            for job in &jobs {
                queue.unreserve(job.endpoint_id, job.weight());
            }
        }
        self.push(jobs);
    }

    /// Takes over claimed jobs of an endpoint that is gone: they end without being sent.
    pub(crate) fn push_unthrottled(&self, jobs: Vec<Job>) {
        for job in &jobs {
            self.held.insert(job.endpoint_id, job.message_id);
        }
        self.push(jobs);
    }

    fn push(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let (now, node) = (self.clock.now(), self.lease.node());
        let mut queue = self.queue.lock();
        for job in jobs {
            if job.owner != node {
                // This node was given up meanwhile: the delivery is others' now.
                self.held.remove(job.endpoint_id, job.message_id);
            } else if let Some(release) = queue.push(job, now) {
                self.release(release);
            }
        }
        drop(queue);
        self.waker.wake();
    }

    /// How many due deliveries of this lane are worth claiming now.
    pub(crate) fn room(&self, endpoint: EndpointId) -> usize {
        self.queue.lock().room(endpoint, self.clock.now())
    }

    /// Lanes that want nothing claimed now.
    pub(crate) fn full(&self) -> HashSet<EndpointId> {
        self.queue.lock().full(self.clock.now())
    }

    /// The next job whose turn it is, or a promise to wake `cx` when there may be one.
    /// `None` after [`Lanes::close`].
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Job>> {
        // Registered first: what is pushed after the look wakes us.
        self.waker.register(cx.waker());
        if !self.lease.covers(self.deadline) {
            // The next beat wakes us.
            return if self.queue.lock().is_closed() {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        let mut queue = self.queue.lock();
        if queue.is_closed() {
            return Poll::Ready(None);
        }
        let (job, parked, timer) = queue.next(self.clock.now());
        // Sent under the lock: parking and unparking a lane must not change places.
        for release in parked {
            self.release(release);
        }
        drop(queue);
        if timer {
            self.timer.notify_one();
        }
        job.map_or(Poll::Pending, |job| Poll::Ready(Some(job)))
    }

    /// A job left its lane's hand: with an answer, or unsent.
    pub(crate) fn finish(&self, endpoint: EndpointId, weight: usize, answer: Option<&Answered>) {
        let now = self.clock.now();
        let mut queue = self.queue.lock();
        let (release, hungry) = queue.finish(endpoint, weight, answer, now, jitter());
        // Sent under the lock: parking and unparking a lane must not change places.
        if let Some(release) = release {
            self.release(release);
        }
        drop(queue);
        if hungry {
            self.store.lane_hint().notify_one();
        }
        self.waker.wake();
    }

    /// Takes over jobs that were claimed, under the rates of their endpoint; `more` if the
    /// database seems to hold more that is due.
    pub(crate) fn push_claimed(
        &self,
        app: &AppConfig,
        endpoint: &EndpointConfig,
        jobs: Vec<Job>,
        more: bool,
    ) {
        self.queue
            .lock()
            .set_rates_of_new(app, endpoint, more, self.clock.now());
        self.push_unthrottled(jobs);
    }

    /// Takes an endpoint's rate and its application's over.
    pub(crate) fn set_rates(&self, app: &AppConfig, endpoint: &EndpointConfig) {
        let now = self.clock.now();
        self.queue.lock().set_rates(
            app.id,
            app.throttle_rate,
            endpoint.id,
            endpoint.settings.throttle_rate,
            now,
        );
    }

    /// Gives jobs back to the database.
    pub(crate) fn release(&self, release: Release) {
        // Nobody receives only after the pipeline's end, when the lease ends it all.
        let _ = self.releases.send(release);
    }

    /// Hands nothing out any more, and gives up everything that has not started.
    pub(crate) fn close(&self) {
        let releases = self.queue.lock().close(self.clock.now());
        for release in releases {
            self.release(release);
        }
        self.waker.wake();
    }

    /// Forgets everything that has not started, because others own it now.
    pub(crate) fn forget(&self) {
        for job in self.queue.lock().forget() {
            self.held.remove(job.endpoint_id, job.message_id);
        }
    }

    /// Lets lanes go on that waited for a time, until it is dropped.
    pub(crate) async fn run_timer(&self) {
        loop {
            let due = self.queue.lock().first_timer();
            tokio::select! {
                () = sleep_until(&self.clock, due) => {
                    self.queue.lock().fire_timers(self.clock.now());
                    self.waker.wake();
                }
                () = self.timer.notified() => {}
            }
        }
    }

    /// Lets the worker look again.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// The time that lanes go by.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How full the lanes are.
    pub(crate) fn depth(&self) -> Depth {
        self.queue.lock().depth()
    }
}

async fn sleep_until(clock: &Clock, due: Option<Timestamp>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}
