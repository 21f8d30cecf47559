//! What the store does for a step of the model.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{DeliveryState, MessageId, NodeId, Timestamp};
use postrider_model::{Action, Move, Row, Write, each};
use postrider_store::{
    Deliveries, Engine, Event, IngestBatch, IngestResult, KeyBlock, NewDelivery, NewMessage,
    Outcome, Purpose, Rollup, Start, Step,
};

use crate::walk::Walk;

/// Longer than all walks together: the model says whose lease ends.
const LEASE: Duration = Duration::from_hours(100_000);
/// What a standby has a copy of.
const TABLES: [&str; 7] = [
    "delivery", "message", "payload", "attempt", "lane", "journal", "node",
];

impl Walk<'_> {
    /// Has the store do it.
    pub(crate) async fn take(&mut self, action: Action) {
        match action {
            Action::Commit(at, Write::Index { .. } | Write::FreeGone { .. }) => {
                // Older than what any node leaves to the one that wrote it.
                self.db.clock.advance(Duration::from_secs(46));
                let number = self.state.nodes[usize::from(at)].number;
                self.settled.insert(number);
                let rollup = self.rollups.get_mut(&number).unwrap();
                self.db
                    .store
                    .settle_owed(&mut rollup.ledger, |_, _| true)
                    .await
                    .unwrap();
            }
            Action::Commit(_, Write::Adopt { number, .. }) => {
                let rollup = self.rollups.get_mut(&number).unwrap();
                while self.db.store.adopt_owed(&mut rollup.ledger).await.unwrap() {}
                self.adopted += 1;
            }
            Action::Commit(_, write) => self.write(write).await,
            Action::Enter(_, Write::Register { number, .. }, _) => self.register(number).await,
            Action::Thaw => {
                if let Some(frozen) = self.state.frozen {
                    self.write(frozen.write).await;
                }
            }
            Action::Lag => {
                let copy = TABLES
                    .map(|table| format!("create table standby_{table} as select * from {table};"));
                self.execute(&copy.concat()).await;
                self.ended_there.clone_from(&self.ended);
                self.settled.clear();
            }
            Action::FailOver { .. } => {
                let back = TABLES.map(|table| {
                    format!(
                        "delete from {table}; insert into {table} select * from standby_{table}; \
                         drop table standby_{table};"
                    )
                });
                self.execute(&back.concat()).await;
                self.ended.clone_from(&self.ended_there);
                self.unsettled.extend(self.settled.drain());
            }
            Action::Forget(at) => {
                let number = self.state.nodes[usize::from(at)].number;
                self.rollups.get_mut(&number).unwrap().ledger.begin_anew();
            }
            // The database hears nothing of the rest.
            _ => {}
        }
    }

    /// In one go, since each statement has a connection of its own.
    async fn execute(&self, statements: &str) {
        let text = match self.db.store.engine() {
            Engine::Sqlite => statements.to_owned(),
            Engine::Postgres => format!("do $$ begin {statements} end $$"),
        };
        self.db.execute(&text).await;
    }

    async fn write(&mut self, write: Write) {
        match write {
            Write::Publish { number, owned, .. } => self.publish(number, owned).await,
            Write::Record { number, moves, .. } => self.record(number, &moves).await,
            Write::Claim {
                number,
                token,
                delivery,
            } => self.claim(number, token, delivery).await,
            Write::Release {
                delivery,
                owner,
                token,
            }
            | Write::FreeClaim {
                delivery,
                owner,
                token,
            } => {
                let key = (
                    self.messages[&delivery],
                    self.numbers[&owner],
                    i32::from(token),
                );
                let (endpoint, now) = (self.endpoints[usize::from(delivery)], self.db.clock.now());
                let at_once = Timestamp::from_micros(0);
                let keys = [key];
                let released = self.db.store.release(endpoint, &keys, now, false, at_once);
                released.await.unwrap();
            }
            Write::Mark { number } => {
                self.db
                    .store
                    .take_over(self.numbers[&number])
                    .await
                    .unwrap();
            }
            Write::Roll { number, .. } => {
                let rollup = self.rollups.get_mut(&number).unwrap();
                self.db.store.roll_up(rollup).await.unwrap();
            }
            Write::FreeUnheld { number, unheld, .. } => {
                let of = |delivery| {
                    (
                        self.endpoints[usize::from(delivery)],
                        self.messages[&delivery],
                    )
                };
                let keys: Vec<_> = each(unheld).map(of).collect();
                let rollup = self.rollups.get_mut(&number).unwrap();
                self.db
                    .store
                    .free_unheld(&mut rollup.ledger, &keys)
                    .await
                    .unwrap();
            }
            other => panic!("{other:?} is not walked"),
        }
    }

    pub(crate) async fn register(&mut self, number: u8) {
        let id = NodeId::mint(self.db.clock.now());
        let registered = self.db.store.register_node(id, "all", LEASE).await.unwrap();
        self.numbers.insert(number, registered);
        self.rollups.insert(number, Rollup::new(registered));
    }

    async fn publish(&mut self, number: u8, owned: u8) {
        let (store, now) = (&self.db.store, self.db.clock.now());
        let org = self.db.org().await;
        let app = store.app(org, &self.app.to_string()).await.unwrap();
        let mut keys = KeyBlock::empty();
        store.refill(&mut keys, 8).await.unwrap();
        let mut batch = Vec::new();
        for delivery in each(owned) {
            let id = MessageId::mint(now);
            self.messages.insert(delivery, id);
            batch.push(NewMessage {
                app_id: self.app,
                app_version: app.config_version,
                id,
                event: Arc::new(Event {
                    event_type: Arc::from("a"),
                    payload: Bytes::from_static(b"{}"),
                    ..Event::default()
                }),
                payload_key: keys.take(now.plus(Duration::from_hours(24))).unwrap(),
                publish_key: None,
                deliveries: Deliveries::Now(vec![NewDelivery {
                    endpoint_id: self.endpoints[usize::from(delivery)],
                    start: Start::Owned,
                }]),
            });
        }
        batch.sort_by_key(|message| message.id);
        let batch = IngestBatch {
            node: self.numbers[&number],
            now,
            messages: &batch,
        };
        let written = store.writer().write(batch, &[]).await.unwrap();
        assert!(
            written
                .results
                .iter()
                .all(|result| *result == IngestResult::Stored),
            "{:#?}",
            self.told
        );
    }

    async fn record(&mut self, number: u8, moves: &[Move]) {
        let outcomes: Vec<Outcome> = moves.iter().map(|one| self.outcome(*one)).collect();
        let batch = IngestBatch {
            node: self.numbers[&number],
            now: self.db.clock.now(),
            messages: &[],
        };
        let written = self
            .db
            .store
            .writer()
            .write(batch, &outcomes)
            .await
            .unwrap();
        for (one, applied) in moves.iter().zip(written.outcomes) {
            let row = self.state.db.rows[usize::from(one.delivery)];
            let moves = row.is_held_as(one.owner, one.token);
            let expected = moves || self.stands_so_already(*one, row);
            assert_eq!(
                applied.moved, expected,
                "{one:?} of {row:?}: {:#?}",
                self.told
            );
            if moves && !one.fails {
                self.ended.insert((one.delivery, one.owner, one.token));
            }
        }
    }

    /// SQLite says of an outcome that is written for the second time that it has moved its
    /// delivery, PostgreSQL that it has not: then whoever asked looks how it stands.
    fn stands_so_already(&self, one: Move, row: Row) -> bool {
        let already = if one.fails {
            matches!(row, Row::Pending { owner: None, token, .. } if token == one.token)
        } else {
            row == Row::Ended && self.ended.contains(&(one.delivery, one.owner, one.token))
        };
        already && self.db.store.engine() == Engine::Sqlite
    }

    fn outcome(&self, one: Move) -> Outcome {
        let state = if one.fails {
            DeliveryState::Pending
        } else {
            DeliveryState::Succeeded
        };
        let endpoint = self.endpoints[usize::from(one.delivery)];
        let message = self.messages[&one.delivery];
        Outcome {
            step: Step::Scheduled {
                owner: self.numbers[&one.owner],
                token: i32::from(one.token),
                state,
                due_at: one.fails.then(|| self.db.clock.now()),
            },
            ..self.db.outcome(self.app, message, endpoint, state)
        }
    }

    async fn claim(&self, number: u8, token: u8, delivery: u8) {
        let (node, now) = (self.numbers[&number], self.db.clock.now());
        let endpoint = self.endpoints[usize::from(delivery)];
        let claim = self
            .db
            .store
            .claim(node, self.app, endpoint, now, 8)
            .await
            .unwrap();
        let claimed: Vec<_> = claim
            .jobs
            .iter()
            .map(|one| (one.message_id, &one.purpose))
            .collect();
        assert!(
            matches!(claimed[..], [(message, Purpose::Scheduled { token: found, .. })]
                if message == self.messages[&delivery] && *found == i32::from(token)),
            "{claimed:?}: {:#?}",
            self.told
        );
    }
}
