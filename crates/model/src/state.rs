//! What the model looks at: a database, its standby, a commit that hangs, and what nodes
//! have in memory.

use crate::list::List;
use crate::write::Write;

/// Nodes and deliveries that a model can have at most.
pub const MOST: usize = 3;

/// A node's number: new at every start.
pub type Number = u8;
/// Whose row a job names that can match none any more.
pub(crate) const NOBODY: Number = 30;
/// A delivery, by its place in the order in which they are published.
pub(crate) type Delivery = u8;
/// A set of deliveries, a bit each.
pub type Mask = u8;
/// A row of the commit log.
pub type Seq = u8;

/// The deliveries of a set.
pub fn each(mask: Mask) -> impl Iterator<Item = Delivery> {
    (0..8).filter(move |delivery| mask & bit(*delivery) != 0)
}

/// The set of this one alone.
pub(crate) fn bit(delivery: Delivery) -> Mask {
    1 << delivery
}

/// A row of `delivery`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Row {
    /// Not there.
    #[default]
    Absent,
    /// To be delivered.
    Pending {
        /// Which number has it in hand.
        owner: Option<Number>,
        /// What an outcome must name.
        token: u8,
        /// Whether it has a due time, and with it a place in an index.
        due: bool,
    },
    /// Delivered.
    Ended,
}

impl Row {
    /// Whose hand it is in without standing in any index.
    pub fn fresh(self) -> Option<Number> {
        match self {
            Self::Pending {
                owner: Some(owner),
                due: false,
                ..
            } => Some(owner),
            _ => None,
        }
    }

    /// Owner and token of a claim.
    pub fn claimed(self) -> Option<(Number, u8)> {
        match self {
            Self::Pending {
                owner: Some(owner),
                due: true,
                token,
            } => Some((owner, token)),
            _ => None,
        }
    }

    /// Whether it names this owner and token.
    pub fn is_held_as(self, number: Number, held: u8) -> bool {
        matches!(self, Self::Pending { owner: Some(owner), token, .. } if owner == number && token == held)
    }

    /// Whether it waits for whoever claims it.
    pub fn waits(self) -> bool {
        matches!(self, Self::Pending { owner: None, .. })
    }

    /// Whether it is still to be delivered.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Pending { .. })
    }
}

/// A row of `journal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// Who wrote it.
    pub node: Number,
    /// What it wrote as fresh in that node's hand.
    pub owned: Mask,
    /// What its outcomes moved; nothing if one of them moved nothing.
    pub moved: Mask,
    /// Whether the roll-up has been here.
    pub rolled: bool,
    /// Whether one of `owned` may stand in no index.
    pub owes: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeRow {
    pub number: Number,
    /// Which of the model's nodes this is: the id that a heartbeat compares.
    pub of: u8,
    /// Whether others have given it up.
    pub marked: bool,
    /// Whether its deliveries are being freed: nothing may be written under it any more.
    pub freed: bool,
    /// What its last roll-up left.
    pub nonce: u8,
    /// Yesterday's rules: nothing that it holds fresh is older.
    pub floor: Delivery,
}

/// What a database shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Db {
    /// Deliveries.
    pub rows: [Row; MOST],
    /// The commit log, but for rows that mean nothing to anybody any more.
    pub journal: List<Entry, 10>,
    pub nodes: List<NodeRow, 8>,
    /// The next number, where numbers come from a sequence.
    pub next_number: Number,
}

impl Db {
    /// The row of this number.
    pub fn node(&self, number: Number) -> Option<&NodeRow> {
        self.nodes.iter().find(|row| row.number == number)
    }

    pub(crate) fn node_mut(&mut self, number: Number) -> Option<&mut NodeRow> {
        self.nodes.iter_mut().find(|row| row.number == number)
    }

    /// This row of the commit log.
    pub fn entry(&self, seq: Seq) -> Option<&Entry> {
        self.journal.iter().find(|entry| entry.seq == seq)
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// In its lane, or being sent: a step of its own would only multiply states, since the
    /// database hears of neither.
    #[default]
    Waiting,
    /// It was being sent when its node began anew, and is still recorded.
    Sent,
    /// Its outcome is in a batch whose commit was not answered, and is written again as it was.
    Doubted {
        /// Whether the receiver refused.
        fails: bool,
    },
    /// On its way back to the database, unsent.
    Releasing,
}

impl Phase {
    /// A number for each.
    pub(crate) fn code(self) -> u64 {
        match self {
            Self::Waiting => 0,
            Self::Sent => 1,
            Self::Doubted { fails: false } => 2,
            Self::Doubted { fails: true } => 3,
            Self::Releasing => 4,
        }
    }
}

/// A delivery in a node's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// Which.
    pub delivery: Delivery,
    /// The number that it was taken under.
    pub owner: Number,
    /// The token that it was taken under.
    pub token: u8,
    /// How far it is.
    pub phase: Phase,
}

/// What is left of a row of the commit log in the roll-up's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Which row.
    pub seq: Seq,
    /// Which of its deliveries have not moved yet.
    pub left: Mask,
}

/// How far somebody is with taking a dead node over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rescuer {
    /// The dead node.
    pub dead: Number,
    /// What comes next.
    pub next: RescueStep,
}

/// The steps of a take-over after the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RescueStep {
    /// Its claims are freed.
    Claims,
    /// What it holds fresh is freed.
    Fresh,
    /// Its row goes.
    Remove,
}

/// One node's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// Whether it runs.
    pub up: bool,
    /// How many numbers it has had.
    pub started: u8,
    pub number: Number,
    /// Whether its lease holds. The model ends it for the node and for the others at once: in
    /// truth it ends for the node first.
    pub leased: bool,
    /// What it has in hand.
    pub jobs: List<Job, 8>,
    /// The roll-up's rows that are not closed yet.
    pub open: List<Open, 4>,
    /// What the roll-up's last transaction left in the database; `None` if that is not known.
    pub nonce: Option<u8>,
    /// What the roll-up read before the database went back, and has not written yet.
    pub read: List<Entry, 6>,
    /// Whom it takes over.
    pub rescuer: Option<Rescuer>,
    /// Yesterday's rules: the oldest delivery of which it is not known whether it was stored.
    pub doubt: Option<Delivery>,
}

impl Node {
    /// Whether this delivery is in its memory, under whatever token.
    pub fn holds(&self, delivery: Delivery) -> bool {
        self.jobs.iter().any(|job| job.delivery == delivery)
    }

    /// Everything in its memory.
    pub fn held(&self) -> Mask {
        self.jobs
            .iter()
            .fold(0, |mask, job| mask | bit(job.delivery))
    }
}

/// A commit that hangs: nobody sees it, and its locks hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frozen {
    /// What it writes when it goes on.
    pub write: Write,
    /// Whose row of `node` it holds, having found it unmarked.
    pub fence: Option<Number>,
}

/// How many faults of each kind are still to come, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Nodes that die.
    pub crashes: u8,
    /// Commits that hang until their client has given up.
    pub freezes: u8,
    /// Fail-overs to an earlier state of the database, while the nodes go on.
    pub failovers: u8,
    /// Leases that end though the node runs.
    pub lapses: u8,
    /// Attempts that fail, so that the delivery is due again. No fault.
    pub failures: u8,
    /// Deliveries given back unsent. No fault.
    pub releases: u8,
}

/// A breach that is seen in a step, not in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// Something was written under a number after its deliveries were freed.
    WrittenAfterFreed,
    /// An outcome moved a row that did not name its owner and token.
    MovedAnothers,
}

/// A state of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// What the database shows.
    pub db: Db,
    /// What a standby has that gets no further commits.
    pub standby: Option<Db>,
    /// The commit that hangs.
    pub frozen: Option<Frozen>,
    /// The nodes' memory.
    pub nodes: [Node; MOST],
    /// How many deliveries have been published, successfully or not.
    pub published: u8,
    /// With a synchronous standby: what publishers have been told is stored.
    pub acknowledged: Mask,
    /// Yesterday's rules: how many of them are older than thirty seconds.
    pub aged: u8,
    /// Faults left.
    pub left: Budget,
    /// What must not have happened.
    pub breach: Option<Breach>,
}

impl State {
    /// Whether some running node goes by this number.
    pub fn runs(&self, number: Number) -> bool {
        self.nodes
            .iter()
            .any(|node| node.up && node.number == number)
    }
}
