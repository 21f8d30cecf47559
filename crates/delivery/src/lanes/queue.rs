//! Whose turn it is: tenants in turn, and each tenant's lanes in turn.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use postrider_domain::{AppId, Bucket, EndpointId, Timestamp};
use postrider_store::{AppConfig, EndpointConfig, Job};

use super::lane::{AHEAD, Answered, Lane, Turn};
use super::{Depth, Release};

/// What the lanes hold together, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of jobs in memory.
    pub(crate) bytes: usize,
    /// Sends in flight.
    pub(crate) in_flight: usize,
}

#[derive(Debug, Default)]
struct Tenant {
    ready: VecDeque<EndpointId>,
    /// Whether the tenant stands in the queue of tenants.
    queued: bool,
    /// Its application's `throttleRate`.
    bucket: Option<Bucket>,
    in_flight: usize,
}

/// Lanes, tenants, and the times that lanes wait for.
#[derive(Debug)]
pub(super) struct Queue {
    lanes: HashMap<EndpointId, Lane>,
    tenants: HashMap<AppId, Tenant>,
    turn: VecDeque<AppId>,
    timers: BinaryHeap<Reverse<(Timestamp, EndpointId)>>,
    bytes: usize,
    in_flight: usize,
    limits: Limits,
    closed: bool,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            lanes: HashMap::new(),
            tenants: HashMap::new(),
            turn: VecDeque::new(),
            timers: BinaryHeap::new(),
            bytes: 0,
            in_flight: 0,
            limits,
            closed: false,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn lane(&mut self, app: AppId, endpoint: EndpointId) -> &mut Lane {
        self.lanes.entry(endpoint).or_insert_with(|| Lane::new(app))
    }

    pub(super) fn reserve(
        &mut self,
        app: AppId,
        endpoint: EndpointId,
        weight: usize,
        now: Timestamp,
    ) -> bool {
        if self.closed {
            return false;
        }
        let (bytes, limit) = (self.bytes + weight, self.limits.bytes);
        let lane = self.lane(app, endpoint);
        if lane.breaker.open_until().is_some() && lane.room(now) == 0 {
            // The lane's rest, or its probe, says when to look again.
            return false;
        }
        if !lane.may_hold(bytes, limit) || lane.space() == 0 {
            lane.more = true;
            return false;
        }
        lane.reserved += 1;
        self.bytes += weight;
        true
    }

    pub(super) fn unreserve(&mut self, endpoint: EndpointId, weight: usize) {
        self.bytes = self.bytes.saturating_sub(weight);
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.reserved = lane.reserved.saturating_sub(1);
        }
        self.tidy(endpoint);
    }

    /// Takes a job in, or gives it back if the lanes are closed.
    pub(super) fn push(&mut self, job: Job, now: Timestamp) -> Option<Release> {
        if self.closed {
            return Some(Release::Back {
                endpoint_id: job.endpoint_id,
                jobs: vec![job],
                due: now,
                postpone: false,
                parked_until: Timestamp::from_micros(0),
            });
        }
        let (app, endpoint) = (job.app_id, job.endpoint_id);
        self.bytes += job.weight();
        self.lane(app, endpoint).queue.push_back(job);
        self.make_ready(endpoint);
        None
    }

    /// Puts a lane that may have something to start into its tenant's queue.
    fn make_ready(&mut self, endpoint: EndpointId) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else {
            return;
        };
        if lane.ready || lane.waiting || lane.queue.is_empty() {
            return;
        }
        lane.ready = true;
        let app = lane.app_id;
        let tenant = self.tenants.entry(app).or_default();
        tenant.ready.push_back(endpoint);
        if !tenant.queued {
            tenant.queued = true;
            self.turn.push_back(app);
        }
    }

    /// The next job to start, what has to go back to the database, and whether a timer
    /// was set.
    pub(super) fn next(&mut self, now: Timestamp) -> (Option<Job>, Vec<Release>, bool) {
        let (mut parked, mut timer) = (Vec::new(), false);
        for _ in 0..self.turn.len() {
            let Some(app) = self.turn.pop_front() else {
                break;
            };
            if self.has_its_share(app) {
                // It keeps its place; the next of its answers lets it go on.
                self.turn.push_back(app);
                continue;
            }
            let Some(endpoint) = self
                .tenants
                .get_mut(&app)
                .and_then(|tenant| tenant.ready.pop_front())
            else {
                self.leave(app);
                continue;
            };
            let turn = self.turn_of(app, endpoint, now);
            let mut job = None;
            match turn {
                Turn::Start => job = self.start(endpoint),
                Turn::Idle => {}
                Turn::NotBefore(at) => {
                    self.wait(endpoint, at);
                    timer = true;
                }
                Turn::Parked(until) => parked.extend(self.park(endpoint, now, until)),
            }
            self.rejoin(app);
            if job.is_some() {
                return (job, parked, timer);
            }
        }
        (None, parked, timer)
    }

    /// Whether a tenant has as much in flight as it may while others may come: half of
    /// all places are anyone's, of the other half a tenant gets at most a half.
    fn has_its_share(&self, app: AppId) -> bool {
        let limit = self.limits.in_flight;
        let mine = self.tenants.get(&app).map_or(0, |tenant| tenant.in_flight);
        self.in_flight >= limit / 2 && mine >= limit / 4
    }

    fn turn_of(&mut self, app: AppId, endpoint: EndpointId, now: Timestamp) -> Turn {
        let Some(lane) = self.lanes.get_mut(&endpoint) else {
            return Turn::Idle;
        };
        lane.ready = false;
        let bucket = self
            .tenants
            .get_mut(&app)
            .and_then(|tenant| tenant.bucket.as_mut());
        let Some(bucket) = bucket else {
            return lane.turn(now);
        };
        if let Err(at) = bucket.try_take(now) {
            return if lane.queue.is_empty() {
                Turn::Idle
            } else {
                Turn::NotBefore(at)
            };
        }
        let turn = lane.turn(now);
        if turn != Turn::Start {
            bucket.put_back();
        }
        turn
    }

    fn start(&mut self, endpoint: EndpointId) -> Option<Job> {
        let lane = self.lanes.get_mut(&endpoint)?;
        let job = lane.queue.pop_front()?;
        lane.in_flight += 1;
        self.in_flight += 1;
        self.tenants.entry(job.app_id).or_default().in_flight += 1;
        self.make_ready(endpoint);
        Some(job)
    }

    fn wait(&mut self, endpoint: EndpointId, at: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.waiting = true;
            self.timers.push(Reverse((at, endpoint)));
        }
    }

    /// Empties a lane whose breaker is open.
    fn park(&mut self, endpoint: EndpointId, now: Timestamp, until: Timestamp) -> Option<Release> {
        let lane = self.lanes.get_mut(&endpoint)?;
        let jobs: Vec<Job> = lane.queue.drain(..).collect();
        self.bytes = self
            .bytes
            .saturating_sub(jobs.iter().map(Job::weight).sum());
        (!jobs.is_empty()).then_some(Release::Back {
            endpoint_id: endpoint,
            jobs,
            due: now,
            postpone: false,
            parked_until: until,
        })
    }

    /// The tenant goes to the end of the queue if it has more lanes ready.
    fn rejoin(&mut self, app: AppId) {
        if self
            .tenants
            .get(&app)
            .is_some_and(|tenant| !tenant.ready.is_empty())
        {
            self.turn.push_back(app);
        } else {
            self.leave(app);
        }
    }

    fn leave_if_idle(&mut self, app: AppId) {
        if self.tenants.get(&app).is_some_and(|tenant| !tenant.queued) {
            self.leave(app);
        }
    }

    fn leave(&mut self, app: AppId) {
        if let Some(tenant) = self.tenants.get_mut(&app) {
            tenant.queued = false;
            if tenant.bucket.is_none() && tenant.ready.is_empty() && tenant.in_flight == 0 {
                self.tenants.remove(&app);
            }
        }
    }

    /// Returns what has to go back, and whether the claimer should look at once.
    pub(super) fn finish(
        &mut self,
        endpoint: EndpointId,
        weight: usize,
        answer: Option<&Answered>,
        now: Timestamp,
        jitter: f64,
    ) -> (Option<Release>, bool) {
        self.bytes = self.bytes.saturating_sub(weight);
        let Some(lane) = self.lanes.get_mut(&endpoint) else {
            return (None, false);
        };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        let app = lane.app_id;
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(tenant) = self.tenants.get_mut(&app) {
            tenant.in_flight = tenant.in_flight.saturating_sub(1);
        }
        let was_open = lane.breaker.open_until().is_some();
        match answer {
            Some(answer) => lane.learn(now, answer, jitter),
            None => lane.breaker.abandon(now),
        }
        let hungry = lane.is_hungry();
        let release = match lane.breaker.open_until() {
            Some(until) if now < until => self.park(endpoint, now, until),
            None if was_open => Some(Release::Unpark(endpoint)),
            _ => None,
        };
        self.make_ready(endpoint);
        self.tidy(endpoint);
        self.leave_if_idle(app);
        (release, hungry)
    }

    /// Makes the lane, so that its rate holds for the first job already, and notes whether
    /// the database holds more.
    pub(super) fn set_rates_of_new(
        &mut self,
        app: &AppConfig,
        endpoint: &EndpointConfig,
        more: bool,
        now: Timestamp,
    ) {
        self.lane(app.id, endpoint.id).more = more;
        self.set_rates(
            app.id,
            app.throttle_rate,
            endpoint.id,
            endpoint.settings.throttle_rate,
            now,
        );
    }

    pub(super) fn set_rates(
        &mut self,
        app: AppId,
        app_rate: Option<u16>,
        endpoint: EndpointId,
        rate: Option<u16>,
        now: Timestamp,
    ) {
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.set_rate(rate, now);
        }
        match app_rate {
            Some(rate) => {
                let bucket = &mut self.tenants.entry(app).or_default().bucket;
                match bucket {
                    Some(bucket) if bucket.rate() == rate => {}
                    Some(bucket) => bucket.set_rate(rate, now),
                    None => *bucket = Some(Bucket::new(rate, now)),
                }
            }
            None => {
                if let Some(tenant) = self.tenants.get_mut(&app) {
                    tenant.bucket = None;
                }
            }
        }
    }

    pub(super) fn room(&self, endpoint: EndpointId, now: Timestamp) -> usize {
        if self.closed {
            return 0;
        }
        let Some(lane) = self.lanes.get(&endpoint) else {
            return if self.bytes < self.limits.bytes {
                AHEAD
            } else {
                1
            };
        };
        if lane.may_hold(self.bytes, self.limits.bytes) {
            lane.room(now)
        } else {
            0
        }
    }

    pub(super) fn full(&self, now: Timestamp) -> HashSet<EndpointId> {
        self.lanes
            .iter()
            .filter(|(_, lane)| lane.room(now) == 0)
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn first_timer(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn fire_timers(&mut self, now: Timestamp) {
        while let Some(&Reverse((at, endpoint))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            if let Some(lane) = self.lanes.get_mut(&endpoint) {
                lane.waiting = false;
            }
            self.make_ready(endpoint);
        }
    }

    pub(super) fn close(&mut self, now: Timestamp) -> Vec<Release> {
        self.closed = true;
        let endpoints: Vec<EndpointId> = self.lanes.keys().copied().collect();
        // Due at once, for whoever runs next; not parked.
        endpoints
            .into_iter()
            .filter_map(|endpoint| self.park(endpoint, now, Timestamp::from_micros(0)))
            .collect()
    }

    /// Empties every lane.
    pub(super) fn forget(&mut self) -> Vec<Job> {
        let jobs: Vec<Job> = self
            .lanes
            .values_mut()
            .flat_map(|lane| lane.queue.drain(..))
            .collect();
        self.bytes = self
            .bytes
            .saturating_sub(jobs.iter().map(Job::weight).sum());
        jobs
    }

    /// Removes a lane that holds and remembers nothing.
    fn tidy(&mut self, endpoint: EndpointId) {
        if self.lanes.get(&endpoint).is_some_and(Lane::is_forgettable) {
            self.lanes.remove(&endpoint);
        }
    }

    pub(super) fn depth(&self) -> Depth {
        Depth {
            lanes: self.lanes.len(),
            queued: self.lanes.values().map(|lane| lane.queue.len()).sum(),
            in_flight: self
                .lanes
                .values()
                .map(|lane| lane.in_flight as usize)
                .sum(),
            bytes: self.bytes,
        }
    }
}
