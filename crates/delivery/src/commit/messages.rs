//! Planning a batch of messages, and what follows when its result is known.
//!
//! Next on a message's way: `crates/delivery/src/commit/committer.rs`.

use std::sync::Arc;

use postrider_domain::{MessageId, Timestamp};
use postrider_store::{
    AppConfig, Clock, Deliveries, IngestBatch, IngestResult, Job, KeyBlock, NewDelivery,
    NewMessage, Purpose, Start, Store, StoreResult,
};
use tokio::sync::mpsc;

use super::fair::Fair;
use super::{Arrival, Backlog, Publish, PublishError, Published, Waiting};
use crate::lanes::Lanes;
use crate::lease::Lease;
use crate::status::StatusBoard;

/// Messages in one transaction, at most.
const BATCH: usize = 512;
/// When more wait, a transaction takes half of them. Publishers who wait for their answers
/// would else end up in one batch: all wait for its commit together and are served together
/// after it, while the database has nothing to do (5 % more deliveries at full load, on both
/// engines).
const OVERLAP: usize = 128;
/// Bytes of bodies in one transaction, at most (one large body apart).
const BATCH_BYTES: usize = 8 << 20;
/// Deliveries in one transaction, at most (those of the first message apart).
const BATCH_DELIVERIES: usize = 8192;
/// Deliveries of one message that are written with it; more are unfolded later.
pub(super) const FAN_OUT: usize = 1000;

/// The committer's side of publishing.
pub(crate) struct Messages {
    queue: mpsc::Receiver<Arrival>,
    backlog: Arc<Backlog>,
    store: Store,
    clock: Clock,
    lanes: Arc<Lanes>,
    lease: Arc<Lease>,
    board: Arc<StatusBoard>,
    /// Whether this node delivers what it stores.
    delivers: bool,
    waiting: Fair,
    keys: KeyBlock,
}

/// A batch on its way to the database.
pub(super) struct Planned {
    waiting: Vec<Waiting>,
    rows: Vec<NewMessage>,
    now: Timestamp,
    /// The number under which the deliveries are written.
    node: i64,
}

impl Planned {
    pub(super) fn batch(&self) -> IngestBatch<'_> {
        IngestBatch {
            node: self.node,
            now: self.now,
            messages: &self.rows,
        }
    }
}

impl Messages {
    pub(crate) fn new(
        queue: mpsc::Receiver<Arrival>,
        backlog: Arc<Backlog>,
        (store, clock): (Store, Clock),
        (lanes, lease): (Arc<Lanes>, Arc<Lease>),
        board: Arc<StatusBoard>,
        delivers: bool,
    ) -> Self {
        Self {
            queue,
            backlog,
            store,
            clock,
            lanes,
            lease,
            board,
            delivers,
            waiting: Fair::default(),
            keys: KeyBlock::empty(),
        }
    }

    /// Waits for a message; `false` when there will be none any more.
    pub(super) async fn arrive(&mut self) -> bool {
        if self.waiting.len() > 0 {
            return true;
        }
        match self.queue.recv().await {
            Some(arrival) => {
                self.enter(arrival);
                true
            }
            None => false,
        }
    }

    fn enter(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::One(waiting) => self.waiting.push(waiting),
            Arrival::Many(all) => all.into_iter().for_each(|one| self.waiting.push(one)),
        }
    }

    /// Plans a batch of what waits now.
    pub(super) async fn plan(&mut self) -> StoreResult<Planned> {
        while let Ok(arrival) = self.queue.try_recv() {
            self.enter(arrival);
        }
        let most = share(self.waiting.len());
        let mut waiting = self.waiting.take(most, BATCH_BYTES, BATCH_DELIVERIES);
        for one in &waiting {
            self.backlog.leave(one.publish.app.id);
        }
        let now = self.clock.now();
        if let Err(error) = self.store.refill(&mut self.keys, waiting.len()).await {
            answer_all(waiting, PublishError::Unavailable);
            self.board.set_accepting(false);
            return Err(error);
        }
        // Whoever has left, told to repeat or by itself, does not expect it any more.
        waiting.retain(|one| !one.answer.is_closed());
        let rows = waiting
            .iter()
            .map(|one| self.row(&one.publish, now))
            .collect();
        Ok(Planned {
            waiting,
            rows,
            now,
            node: self.lease.node(),
        })
    }

    fn row(&mut self, publish: &Publish, now: Timestamp) -> NewMessage {
        let id = MessageId::mint(now);
        let expires = now.plus(publish.retention);
        NewMessage {
            app_id: publish.app.id,
            app_version: publish.app.version,
            id,
            event: Arc::clone(&publish.event),
            // The block was filled for the whole batch.
            payload_key: self.keys.take(expires).unwrap_or_default(),
            publish_key: publish.key,
            deliveries: self.deliveries(&publish.app, publish, id),
        }
    }

    fn deliveries(&self, app: &AppConfig, publish: &Publish, id: MessageId) -> Deliveries {
        let event = &publish.event;
        let channels = event.channels.as_deref().unwrap_or_default();
        let wanting: Vec<_> = app
            .endpoints
            .iter()
            .filter(|endpoint| match publish.only {
                None => endpoint.filter.wants(&event.event_type, channels),
                Some(only) => endpoint.id == only,
            })
            .take(FAN_OUT + 1)
            .collect();
        if wanting.len() > FAN_OUT {
            return Deliveries::Expansion;
        }
        let bytes = event.payload.len();
        let deliveries = wanting.into_iter().map(|endpoint| NewDelivery {
            endpoint_id: endpoint.id,
            start: if endpoint.settings.disabled {
                Start::Skipped
            } else if self.delivers && self.lanes.reserve(app, endpoint, id, bytes) {
                Start::Owned
            } else {
                Start::Due
            },
        });
        Deliveries::Now(deliveries.collect())
    }

    /// Gives the payloads of a batch other keys, where those that they had are taken.
    pub(super) async fn give_new_keys(&mut self, planned: &mut Planned) -> StoreResult<()> {
        self.store
            .refill(&mut self.keys, planned.rows.len())
            .await?;
        for (row, one) in planned.rows.iter_mut().zip(&planned.waiting) {
            let expires = planned.now.plus(one.publish.retention);
            row.payload_key = self.keys.take(expires).unwrap_or_default();
        }
        Ok(())
    }

    /// Hands what is stored to the lanes and answers the publishers.
    pub(super) fn settle(&self, planned: Planned, results: &[IngestResult]) {
        let Planned {
            waiting,
            rows,
            now,
            node,
        } = planned;
        // Given up while the database took its time: what was stored is the rescuers'.
        let is_ours = node == self.lease.node();
        let mut jobs = Vec::new();
        for (row, result) in rows.iter().zip(results) {
            if *result == IngestResult::Stored && is_ours {
                jobs_of(row, now, node, &mut jobs);
            } else {
                self.take_back(row);
            }
        }
        postrider_store::fail_point!("delivery::messages::stored");
        let stored = results
            .iter()
            .filter(|result| **result == IngestResult::Stored)
            .count();
        self.lanes.push_reserved(jobs);
        postrider_store::fail_point!("delivery::messages::handed over");
        if !results.is_empty() {
            self.board.set_accepting(true);
        }
        if results
            .iter()
            .any(|result| matches!(result, IngestResult::Replayed(_)))
        {
            // Should the answer to the first commit have been lost, what it owes is found now.
            self.store.owed_hint().notify_one();
        }
        if rows
            .iter()
            .any(|row| matches!(row.deliveries, Deliveries::Expansion))
        {
            self.store.expansion_hint().notify_one();
        }
        metrics::counter!("postrider_messages_total").increment(stored as u64);
        for ((one, row), result) in waiting.into_iter().zip(&rows).zip(results) {
            // A publisher that went away meanwhile has its message stored all the same.
            let _ = one.answer.send(answer(row.id, *result));
        }
    }

    /// Nothing is known of the batch: publishers who still wait hear 503 and repeat, and rows
    /// that were stored after all are found by what their commit owes, since nothing holds them.
    pub(super) fn fail(&self, planned: Planned) {
        for row in &planned.rows {
            self.take_back(row);
        }
        self.board.set_accepting(false);
        answer_all(planned.waiting, PublishError::Unavailable);
    }

    fn take_back(&self, row: &NewMessage) {
        if let Deliveries::Now(deliveries) = &row.deliveries {
            for delivery in deliveries
                .iter()
                .filter(|delivery| delivery.start == Start::Owned)
            {
                self.lanes
                    .unreserve(delivery.endpoint_id, row.id, row.event.payload.len());
            }
        }
    }

    /// Answers everyone who still waits when the pipeline ends.
    pub(super) fn refuse_rest(&mut self) {
        self.queue.close();
        while let Ok(arrival) = self.queue.try_recv() {
            self.enter(arrival);
        }
        answer_all(
            self.waiting.take(usize::MAX, usize::MAX, usize::MAX),
            PublishError::Unavailable,
        );
    }
}

/// How many of `waiting` messages the next transaction takes at most.
fn share(waiting: usize) -> usize {
    (waiting / 2).clamp(OVERLAP, BATCH)
}

fn answer_all(waiting: Vec<Waiting>, error: PublishError) {
    for one in waiting {
        let _ = one.answer.send(Err(error));
    }
}

fn answer(id: MessageId, result: IngestResult) -> Result<Published, PublishError> {
    match result {
        IngestResult::Stored => Ok(Published {
            id,
            replayed: false,
        }),
        IngestResult::Replayed(id) => Ok(Published { id, replayed: true }),
        IngestResult::Mismatch => Err(PublishError::IdempotencyMismatch),
        IngestResult::EventIdTaken => Err(PublishError::EventIdTaken),
        IngestResult::Stale => Err(PublishError::Stale),
        IngestResult::Refused => Err(PublishError::Refused),
    }
}

/// The jobs of a stored message. What it has not in hand, the claimer finds: when its lane
/// has room again, or at its next look.
fn jobs_of(row: &NewMessage, now: Timestamp, node: i64, jobs: &mut Vec<Job>) {
    let Deliveries::Now(deliveries) = &row.deliveries else {
        return;
    };
    let owned = deliveries
        .iter()
        .filter(|delivery| delivery.start == Start::Owned);
    jobs.extend(owned.map(|delivery| Job {
        app_id: row.app_id,
        endpoint_id: delivery.endpoint_id,
        message_id: row.id,
        event_type: Arc::clone(&row.event.event_type),
        content_type: row.event.content_type.clone(),
        payload: Some(row.event.payload.clone()),
        app_version: row.app_version,
        sends: 0,
        owner: node,
        purpose: Purpose::Scheduled {
            token: 0,
            attempts: 0,
            first_at: now,
            due_at: now,
            restart: None,
        },
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_what_waits_or_half_of_it_when_that_is_much() {
        for (waiting, most) in [(1, 128), (128, 128), (256, 128), (600, 300), (9_000, 512)] {
            assert_eq!(share(waiting), most, "{waiting} wait");
        }
    }
}
