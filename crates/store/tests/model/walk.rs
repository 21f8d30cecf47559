//! A walk: which step comes next, and where the model is after it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use postrider_domain::{AppId, EndpointId, MessageId};
use postrider_model::{Action, Budget, Protocol, Rules, State, Write};
use postrider_store::Rollup;

use crate::choice::{follows_on, is_rare, is_walked};
use crate::support;

const DELIVERIES: u8 = 3;

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
pub(crate) struct Walk<'a> {
    pub(crate) db: &'a support::Database,
    protocol: Protocol,
    pub(crate) state: State,
    dice: Dice,
    pub(crate) app: AppId,
    /// Of each delivery its lane, one each, so that a claim brings one delivery.
    pub(crate) endpoints: Vec<EndpointId>,
    pub(crate) messages: HashMap<u8, MessageId>,
    pub(crate) numbers: HashMap<u8, i64>,
    /// Of each number its rollup's account.
    pub(crate) rollups: HashMap<u8, Rollup>,
    /// Outcomes that ended their delivery, and those of them that a standby knows.
    pub(crate) ended: HashSet<(u8, u8, u8)>,
    pub(crate) ended_there: HashSet<(u8, u8, u8)>,
    /// Whoever settled its own rows, and a fail-over took that back: its account has struck them
    /// out, the model's has not. They owe until they are settled again.
    pub(crate) settled: HashSet<u8>,
    pub(crate) unsettled: HashSet<u8>,
    /// How often a roll-up that had forgotten looked at what it owes.
    pub(crate) adopted: u32,
    /// What has been done, for whoever has to find out why it failed.
    pub(crate) told: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(crate) async fn begin(db: &'a support::Database, seed: u64) -> Self {
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
            rollups: HashMap::new(),
            ended: HashSet::new(),
            ended_there: HashSet::new(),
            settled: HashSet::new(),
            unsettled: HashSet::new(),
            adopted: 0,
            told: vec![format!("seed {seed}")],
        };
        for number in 0..2 {
            walk.register(number).await;
        }
        walk
    }

    /// Takes one step in both; `false` if there is none.
    pub(crate) async fn step(&mut self) -> bool {
        let mut actions = Vec::new();
        self.protocol.steps(&self.state, &mut actions);
        actions.retain(|action| is_walked(*action) && !self.is_struck_out(*action));
        if self.dice.below(2) == 0 && actions.iter().any(|action| is_rare(*action)) {
            actions.retain(|action| is_rare(*action));
        }
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

    /// The model's state after it. A take-over goes to its end, or does not begin, and a look
    /// sees all that there is, or is not taken.
    fn ahead(&self, action: Action) -> Option<State> {
        let mut next = self.protocol.after(&self.state, action)?;
        let Action::Commit(at, write) = action else {
            return Some(next);
        };
        if matches!(write, Write::Adopt { .. }) && !self.knows_nothing(at) {
            return None;
        }
        let follows = |next: &State| match write {
            Write::Mark { .. } => next.nodes[usize::from(at)].rescuer.is_some(),
            Write::Index { .. } | Write::FreeGone { .. } => {
                next.db.journal.iter().any(|entry| entry.owes)
            }
            Write::Adopt { .. } => self.adopts(next, at),
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

    /// Whether the store's account knows nothing of it any more: see `unsettled`.
    fn is_struck_out(&self, action: Action) -> bool {
        matches!(action, Action::Commit(_, Write::FreeUnheld { number, .. }) if self.unsettled.contains(&number))
    }

    /// Whether the node's account has just begun anew. The store's look goes over what the
    /// account has by then, too, and the model's does not.
    fn knows_nothing(&self, at: u8) -> bool {
        let node = &self.state.nodes[usize::from(at)];
        let mut own = self.state.db.journal.iter();
        node.open.is_empty() && own.all(|entry| entry.node != node.number || entry.rolled)
    }

    fn adopts(&self, state: &State, at: u8) -> bool {
        let mut actions = Vec::new();
        self.protocol.steps(state, &mut actions);
        actions
            .iter()
            .any(|action| matches!(action, Action::Commit(by, Write::Adopt { .. }) if *by == at))
    }
}
