//! Random walks of the ownership model (`crates/model`), each step also taken by the store: after
//! every one of them each delivery stands as the model says, on both engines.
//!
//! A take-over is walked as a whole, as the store offers it. A commit that hangs is one that comes
//! when it is let go: what it touches is locked meanwhile, so that nothing can tell the two apart.
//! A fail-over puts the tables back, under a store and nodes that go on.

#[macro_use]
mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, NodeId, Timestamp};
use postrider_model::{Action, Budget, Move, Protocol, Row, Rules, State, Write, each};
use postrider_store::{
    ClaimKind, Deliveries, Engine, Fate, IngestBatch, KeyBlock, Ledger, NewDelivery, NewMessage,
    Outcome, Start, Step,
};

const WALKS: u64 = 6;
const STEPS: usize = 40;
/// Longer than all walks together: the model says whose lease ends.
const LEASE: Duration = Duration::from_hours(100_000);
const DELIVERIES: u8 = 3;
/// What a standby has a copy of.
const TABLES: [&str; 7] = [
    "delivery", "message", "payload", "attempt", "lane", "journal", "node",
];

both_engines! {
    async fn the_store_goes_where_random_walks_of_the_model_go(db) {
        for seed in 1..=WALKS {
            let mut walk = Walk::begin(db, seed).await;
            for _ in 0..STEPS {
                if !walk.step().await {
                    break;
                }
            }
        }
    }
}

/// Draws numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// One walk, and what its names are in the store.
struct Walk<'a> {
    db: &'a support::Database,
    protocol: Protocol,
    state: State,
    dice: Dice,
    app: AppId,
    /// Of each delivery its lane, one each, so that a claim brings one delivery.
    endpoints: Vec<EndpointId>,
    messages: HashMap<u8, MessageId>,
    numbers: HashMap<u8, i64>,
    /// Of each number its roller's account.
    ledgers: HashMap<u8, Ledger>,
    /// What has been done, for whoever has to find out why it failed.
    told: Vec<String>,
}

impl<'a> Walk<'a> {
    async fn begin(db: &'a support::Database, seed: u64) -> Self {
        let budget = Budget {
            crashes: 2,
            freezes: 2,
            failovers: 1,
            lapses: 0,
            failures: 3,
            releases: 2,
        };
        let mut protocol = Protocol::new(2, DELIVERIES, budget, Rules::TODAY);
        protocol.renames = false;
        let app = db.app().await;
        let mut endpoints = Vec::new();
        for _ in 0..DELIVERIES {
            endpoints.push(db.endpoint(app).await);
        }
        let mut walk = Self {
            db,
            state: protocol.first(),
            protocol,
            dice: Dice(seed),
            app,
            endpoints,
            messages: HashMap::new(),
            numbers: HashMap::new(),
            ledgers: HashMap::new(),
            told: vec![format!("seed {seed}")],
        };
        for number in 0..2 {
            walk.register(number).await;
        }
        walk
    }

    /// Takes one step in both; `false` if there is none.
    async fn step(&mut self) -> bool {
        let mut actions = Vec::new();
        self.protocol.steps(&self.state, &mut actions);
        actions.retain(|action| is_walked(*action));
        while !actions.is_empty() {
            let action = actions.swap_remove(self.dice.below(actions.len()));
            let Some(next) = self.ahead(action) else {
                continue;
            };
            self.told.push(format!("{action:?}"));
            self.db.clock.advance(Duration::from_millis(2));
            self.take(action).await;
            self.state = next;
            self.compare().await;
            return true;
        }
        false
    }

    /// The model's state after it. A take-over goes to its end, or does not begin, and a look at
    /// what is old sees all of it, or is not taken.
    fn ahead(&self, action: Action) -> Option<State> {
        let mut next = self.protocol.after(&self.state, action)?;
        let Action::Commit(at, write) = action else {
            return Some(next);
        };
        let follows = |next: &State| match write {
            Write::Mark { .. } => next.nodes[usize::from(at)].heir.is_some(),
            Write::Index { .. } | Write::FreeGone { .. } => {
                next.db.journal.iter().any(|entry| entry.owes)
            }
            _ => false,
        };
        while follows(&next) {
            let mut actions = Vec::new();
            self.protocol.steps(&next, &mut actions);
            let step = actions.into_iter().find(|action| {
                matches!(action, Action::Commit(by, then) if *by == at && follows_on(write, *then))
            });
            next = self.protocol.after(&next, step?)?;
        }
        Some(next)
    }

    /// Has the store do it.
    async fn take(&mut self, action: Action) {
        match action {
            Action::Commit(at, Write::Index { .. } | Write::FreeGone { .. }) => {
                // Older than what any node leaves to the one that wrote it.
                self.db.clock.advance(Duration::from_secs(46));
                let number = self.state.nodes[usize::from(at)].number;
                let ledger = self.ledgers.get_mut(&number).unwrap();
                self.db
                    .store
                    .settle_owed(ledger, |_, _| true)
                    .await
                    .unwrap();
            }
            Action::Commit(_, write) => self.write(write).await,
            Action::Enter(_, Write::Register { number, .. }, _) => self.register(number).await,
            Action::Thaw => {
                if let Some(frozen) = self.state.frozen {
                    self.write(frozen.write).await;
                }
            }
            Action::Lag => {
                for table in TABLES {
                    let copy = format!("create table standby_{table} as select * from {table}");
                    self.db.execute(&copy).await;
                }
            }
            Action::FailOver { .. } => {
                for table in TABLES {
                    self.db.execute(&format!("delete from {table}")).await;
                    let back = format!("insert into {table} select * from standby_{table}");
                    self.db.execute(&back).await;
                    self.db
                        .execute(&format!("drop table standby_{table}"))
                        .await;
                }
            }
            Action::Forget(at) => {
                let number = self.state.nodes[usize::from(at)].number;
                self.ledgers
                    .insert(number, Ledger::new(self.numbers[&number]));
            }
            // The database hears nothing of the rest.
            _ => {}
        }
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
                let ledger = self.ledgers.get_mut(&number).unwrap();
                self.db.store.roll_up(ledger).await.unwrap();
            }
            Write::FreeUnheld { number, unheld, .. } => {
                let of = |delivery| {
                    (
                        self.endpoints[usize::from(delivery)],
                        self.messages[&delivery],
                    )
                };
                let keys: Vec<_> = each(unheld).map(of).collect();
                let ledger = self.ledgers.get_mut(&number).unwrap();
                self.db.store.free_unheld(ledger, &keys).await.unwrap();
            }
            other => panic!("{other:?} is not walked"),
        }
    }

    async fn register(&mut self, number: u8) {
        let id = NodeId::mint(self.db.clock.now());
        let registered = self.db.store.register_node(id, "all", LEASE).await.unwrap();
        self.numbers.insert(number, registered);
        self.ledgers.insert(number, Ledger::new(registered));
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
                event_type: Arc::from("a"),
                event_id: None,
                channels: None,
                tags: None,
                content_type: None,
                payload_key: keys.take(now.plus(Duration::from_hours(24))).unwrap(),
                payload: Bytes::from_static(b"{}"),
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
            written.fates.iter().all(|fate| *fate == Fate::Stored),
            "{:#?}",
            self.told
        );
    }

    async fn record(&self, number: u8, moves: &[Move]) {
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
            assert_eq!(applied.moved, moves, "{one:?} of {row:?}: {:#?}", self.told);
        }
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
            .deliveries
            .iter()
            .map(|one| (one.message_id, &one.kind))
            .collect();
        assert!(
            matches!(claimed[..], [(message, ClaimKind::Scheduled { token: found, .. })]
                if message == self.messages[&delivery] && *found == i32::from(token)),
            "{claimed:?}: {:#?}",
            self.told
        );
    }

    /// Each delivery stands as in the model, and as many commits owe.
    async fn compare(&self) {
        for (number, real) in &self.numbers {
            let owing = format!("select count(*) from journal where owes and node = {real}");
            let entries = self.state.db.journal.iter();
            let expected = entries
                .filter(|entry| entry.owes && entry.node == *number)
                .count();
            let found = self.db.number(&owing).await;
            assert_eq!(
                found, expected as i64,
                "what {number} owes: {:#?}",
                self.told
            );
        }
        for (delivery, message) in &self.messages {
            let id = message.uuid().simple();
            let id = match self.db.store.engine() {
                Engine::Sqlite => format!("x'{id}'"),
                Engine::Postgres => format!("'{id}'::uuid"),
            };
            let stands = format!(
                "select coalesce(max(case when state <> 0 then -2 else \
                 (token * 2 + case when due_at is null then 0 else 1 end) * 4294967296 + coalesce(owner, 0) end), -1) \
                 from delivery where message_id = {id}"
            );
            let found = self.db.number(&stands).await;
            let row = self.state.db.rows[usize::from(*delivery)];
            let expected = match row {
                Row::Absent => -1,
                Row::Ended => -2,
                Row::Pending { owner, token, due } => {
                    let owner = owner.map_or(0, |owner| self.numbers[&owner]);
                    (i64::from(token) * 2 + i64::from(due)) * 4_294_967_296 + owner
                }
            };
            assert_eq!(
                found, expected,
                "delivery {delivery}, {row:?}: {:#?}",
                self.told
            );
        }
    }
}

/// Whether the walk takes such steps: the others are a node's own business, or part of one.
fn is_walked(action: Action) -> bool {
    match action {
        Action::Commit(_, write) | Action::Freeze(_, write) => {
            matches!(
                write,
                Write::Publish { .. }
                    | Write::Record { .. }
                    | Write::Claim { .. }
                    | Write::Release { .. }
                    | Write::FreeClaim { .. }
                    | Write::Mark { .. }
            ) || matches!(action, Action::Commit(_, write) if is_accounting(write))
        }
        Action::Thaw
        | Action::Abort
        | Action::Forget(_)
        | Action::Enter(..)
        | Action::Crash(_)
        | Action::Lag
        | Action::FailOver { .. } => true,
        _ => false,
    }
}

/// Whether it keeps the account of what is owed. What a node adopts after it has forgotten, the
/// walk leaves to the look at what is old.
fn is_accounting(write: Write) -> bool {
    matches!(
        write,
        Write::Roll { .. }
            | Write::FreeUnheld { .. }
            | Write::Index { .. }
            | Write::FreeGone { .. }
    )
}

/// Whether the store does the second with the first.
fn follows_on(first: Write, then: Write) -> bool {
    match first {
        Write::Mark { .. } => matches!(
            then,
            Write::FreeClaims { .. } | Write::FreeFresh { .. } | Write::Remove { .. }
        ),
        _ => matches!(then, Write::Index { .. } | Write::FreeGone { .. }),
    }
}
