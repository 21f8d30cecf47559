//! The ownership protocol as a model, checked state by state.
//!
//! ARCHITECTURE.md ("The life of a delivery", "Ownership and leases") says what it promises. The
//! model has the same rules in a few hundred lines, without a clock, a network or SQL, and a
//! checker walks through every order in which nodes, commits and faults can come.

mod action;
mod doomed;
mod ledger;
mod list;
mod locks;
mod names;
mod packed;
mod properties;
mod settle;
mod state;
mod step;
mod symmetry;
mod tidy;
mod write;
mod yesterday;

pub use action::Action;
pub use list::List;
pub use settle::Settled;
pub use state::{
    Breach, Budget, Db, Entry, Frozen, Job, MOST, Mask, Node, NodeRow, Number, Open, Phase,
    RescueStep, Rescuer, Row, Seq, State, each,
};
pub use write::{Move, Write};

use stateright::{Model, Property};

/// Which rules the nodes keep. All of them together are the protocol; without one of them the
/// checker must find what it is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule that is kept or not"
)]
pub struct Rules {
    /// The commit log says what is owed. Without it, yesterday's rules: floors, doubts and sweeps
    /// over what is younger than them.
    pub journal: bool,
    /// A roll-up asks whether the one before it is still there.
    pub nonce: bool,
    /// Whoever takes over waits for what the dead node was writing.
    pub fence: bool,
    /// Each step of a take-over asks whether the mark is still there.
    pub mark_asked: bool,
    /// No number comes again.
    pub unique_numbers: bool,
    /// A roll-up compares what it marks with what it has read.
    pub reads_checked: bool,
    /// A repeated idempotency key is answered after a commit of its own.
    pub repeats_write: bool,
}

impl Rules {
    /// The protocol.
    pub const TODAY: Self = Self {
        journal: true,
        nonce: true,
        fence: true,
        mark_asked: true,
        unique_numbers: true,
        reads_checked: true,
        repeats_write: true,
    };
    /// The protocol of commit 32505f2.
    pub const YESTERDAY: Self = Self {
        journal: false,
        mark_asked: false,
        unique_numbers: false,
        ..Self::TODAY
    };
}

/// The model: so many nodes and deliveries, so many faults.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Nodes, [`MOST`] at most.
    pub nodes: u8,
    /// Deliveries, [`MOST`] at most.
    pub deliveries: u8,
    /// What may go wrong.
    pub budget: Budget,
    pub rules: Rules,
    /// Whether a commit waits for the standby, and with it whoever waits for the commit.
    pub synchronous: bool,
    /// Whether names are given anew where only their likeness counts, so that there are fewer
    /// states: for checking, not for comparing with a store.
    pub renames: bool,
    /// Whether each state is asked for a way on which all is delivered.
    pub looks_ahead: bool,
    /// States from which everything is known to be delivered.
    pub settled: Settled,
}

impl Protocol {
    /// A model to be checked.
    pub fn new(nodes: u8, deliveries: u8, budget: Budget, rules: Rules) -> Self {
        Self {
            nodes,
            deliveries,
            budget,
            rules,
            synchronous: false,
            renames: true,
            looks_ahead: true,
            settled: Settled::default(),
        }
    }

    /// Whether states that are alike are one: only for the whole protocol, since what is forgotten
    /// rests on its rules.
    pub(crate) fn merges(&self) -> bool {
        self.renames && self.rules == Rules::TODAY
    }

    /// The one state that stands for this one and all that are like it.
    pub fn merged(&self, state: &State) -> State {
        let mut merged = state.clone();
        tidy::tidy(self, &mut merged);
        merged
    }

    /// Every node runs, and nothing has been published.
    pub fn first(&self) -> State {
        step::first(self)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.first()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.steps(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.after(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
