//! What can happen next.

use crate::Protocol;
use crate::ledger::unrolled;
use crate::locks::Locks;
use crate::state::{
    Db, Delivery, MOST, Mask, Node, Number, Phase, RescueStep, Rescuer, Row, Seq, State, bit,
};
use crate::write::{Move, Write};
use crate::yesterday;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A node's transaction is committed, and answered.
    Commit(u8, Write),
    /// A node's transaction hangs in its commit, and the node gives up waiting.
    Freeze(u8, Write),
    /// The commit that hangs becomes visible.
    Thaw,
    /// The commit that hangs is rolled back.
    Abort,
    /// A node starts, or begins anew under another number; these deliveries it was sending.
    Enter(u8, Write, Mask),
    /// A heartbeat renews a lease that had ended.
    Renew(u8),
    /// A lease ends though the node runs.
    Lapse(u8),
    /// A node dies.
    Crash(u8),
    /// The roll-up finds that the database is not as it left it, and forgets.
    Forget(u8),
    /// A rescuer finds that the dead node is not given up any more, and leaves it.
    Spare(u8),
    /// A publisher that had no answer repeats with its key, and hears that it is stored.
    Repeat(Delivery),
    /// The standby gets no more commits.
    Lag,
    /// The standby is the database from now on; roll-ups that had read before write after.
    FailOver {
        /// Whether there are such.
        reads: bool,
        /// Which nodes' roll-ups have done something since, a bit each, where they were not
        /// looked at: their accounts are begun anew.
        forgets: u8,
    },
    /// Yesterday's rules: everything published so far is now older than thirty seconds.
    Age,
}

impl Protocol {
    /// Every step that this state allows.
    pub fn steps(&self, state: &State, actions: &mut Vec<Action>) {
        let locks = Locks::of(state);
        let mut writes = Vec::new();
        // With a synchronous standby that is away no commit is answered.
        let hangs = self.synchronous && state.standby.is_some();
        for at in 0..self.nodes {
            let node = &state.nodes[usize::from(at)];
            if node.up {
                self.node_steps(state, at, &locks, actions);
                self.node_writes(state, at, &mut writes);
            } else if !hangs {
                actions.push(Action::Enter(at, self.register(state, at), 0));
            }
            for write in writes.drain(..) {
                if locks.are_in_the_way(self, state, write) {
                    continue;
                }
                if !hangs {
                    actions.push(Action::Commit(at, write));
                }
                if state.left.freezes > 0 && state.frozen.is_none() && freezes(write) {
                    actions.push(Action::Freeze(at, write));
                }
            }
        }
        self.world_steps(state, actions);
        if self.synchronous && !(hangs && self.rules.repeats_write) {
            let rows = state.db.rows.iter().enumerate();
            let there = rows
                .filter(|(_, row)| **row != Row::Absent)
                .map(|(at, _)| at as Delivery);
            let unheard = there.filter(|delivery| state.acknowledged & bit(*delivery) == 0);
            actions.extend(unheard.map(Action::Repeat));
        }
    }

    /// What happens in or to one running node, beside its transactions.
    fn node_steps(&self, state: &State, at: u8, locks: &Locks, actions: &mut Vec<Action>) {
        let node = &state.nodes[usize::from(at)];
        if !self.is_entered(&state.db, at, node) {
            for sent in subsets(in_lanes(node)) {
                actions.push(Action::Enter(at, self.register(state, at), sent));
            }
        } else if !node.leased && !locks.have_node(node.number) {
            actions.push(Action::Renew(at));
        }
        if self.rules.journal && !self.is_doomed(state) && self.must_forget(&state.db, node) {
            actions.push(Action::Forget(at));
        }
        if let Some(rescuer) = node.rescuer
            && self.spares(&state.db, rescuer.dead)
        {
            actions.push(Action::Spare(at));
        }
        if node.leased && state.left.lapses > 0 {
            actions.push(Action::Lapse(at));
        }
        if state.left.crashes > 0 {
            actions.push(Action::Crash(at));
        }
    }

    fn world_steps(&self, state: &State, actions: &mut Vec<Action>) {
        if state.frozen.is_some() {
            actions.extend([Action::Thaw, Action::Abort]);
        }
        if state.left.failovers > 0 {
            if state.standby.is_none() {
                actions.push(Action::Lag);
            } else {
                let forgets = |forgets| Action::FailOver {
                    reads: false,
                    forgets,
                };
                actions.extend(subsets(self.forgettable(state)).map(forgets));
                let reading = |node: &Node| node.up && unrolled(&state.db, node).next().is_some();
                if !self.rules.reads_checked && state.nodes.iter().any(reading) {
                    actions.push(Action::FailOver {
                        reads: true,
                        forgets: 0,
                    });
                }
            }
        }
        if !self.rules.journal && state.aged < state.published {
            actions.push(Action::Age);
        }
    }

    /// The nodes of which it is not known whether their roll-ups went on.
    fn forgettable(&self, state: &State) -> u8 {
        if !self.is_doomed(state) {
            return 0;
        }
        let nodes = state.nodes.iter().enumerate();
        let kept = nodes.filter(|(_, node)| !node.open.is_empty());
        kept.fold(0, |mask, (at, _)| mask | bit(at as u8))
    }

    /// The transactions that a running node may try.
    fn node_writes(&self, state: &State, at: u8, writes: &mut Vec<Write>) {
        let node = &state.nodes[usize::from(at)];
        let unmarked = state.db.node(node.number).is_some_and(|row| !row.marked);
        if unmarked {
            self.publishes(state, node, writes);
            if node.leased {
                claims(&state.db, node, writes);
            }
        }
        records(state, node, writes);
        releases(state, node, writes);
        self.takes_over(state, node, writes);
        if self.rules.journal {
            if !self.is_doomed(state) {
                self.ledger_writes(state, node, writes);
            }
        } else {
            yesterday::writes(state, node, self.is_entered(&state.db, at, node), writes);
        }
        sweeps(&state.db, node, writes);
        // Who does these makes no difference: the first that runs.
        let first = state.nodes.iter().position(|node| node.up);
        if self.rules.journal && first == Some(usize::from(at)) {
            anybodys(&state.db, writes);
        }
    }

    fn publishes(&self, state: &State, node: &Node, writes: &mut Vec<Write>) {
        for count in 1..=2 {
            if state.published + count <= self.deliveries {
                writes.push(Write::Publish {
                    number: node.number,
                    owned: (bit(count) - 1) << state.published,
                    seq: new_seq(state, state.published),
                });
            }
        }
    }

    /// Whether the database has this node under its number, and nobody has given it up.
    fn is_entered(&self, db: &Db, at: u8, node: &Node) -> bool {
        db.node(node.number)
            .is_some_and(|row| !row.marked && (row.of == at || !self.rules.unique_numbers))
    }

    fn register(&self, state: &State, at: u8) -> Write {
        let number = if self.rules.unique_numbers {
            at + MOST as u8 * state.nodes[usize::from(at)].started
        } else {
            state.db.next_number
        };
        Write::Register {
            number,
            of: at,
            floor: state.aged,
        }
    }

    /// The steps of taking a dead node over, one after the other. Two rescuers of one node do the
    /// same twice, so the model has one at a time.
    fn takes_over(&self, state: &State, node: &Node, writes: &mut Vec<Write>) {
        let Some(rescuer) = node.rescuer else {
            for row in &*state.db.nodes {
                let number = row.number;
                // A rescuer whose mark a fail-over took back does not know it yet: others go on.
                let taken_over = |rescuer: Rescuer| rescuer.dead == number && row.marked;
                let spared = state.nodes.iter().any(|other| {
                    let on_it = other.rescuer.is_some_and(taken_over);
                    other.up && (on_it || other.number == number && other.leased)
                });
                if number != node.number && !spared {
                    writes.push(Write::Mark { number });
                }
            }
            return;
        };
        let number = rescuer.dead;
        if self.spares(&state.db, number) {
            return;
        }
        writes.push(match rescuer.next {
            RescueStep::Claims => Write::FreeClaims { number },
            RescueStep::Fresh => Write::FreeFresh {
                number,
                among: self.taken_over(&state.db, number),
            },
            RescueStep::Remove => Write::Remove { number },
        });
    }

    /// Whether the next step of a take-over finds that its mark is gone.
    fn spares(&self, db: &Db, dead: Number) -> bool {
        self.rules.mark_asked && db.node(dead).is_some_and(|row| !row.marked)
    }

    /// Where a rescuer looks for what a dead node holds fresh.
    fn taken_over(&self, db: &Db, dead: Number) -> Mask {
        if self.rules.journal {
            let owing = db
                .journal
                .iter()
                .filter(|entry| entry.owes && entry.node == dead);
            owing.fold(0, |mask, entry| mask | entry.owned)
        } else {
            db.node(dead).map_or(0, |row| !(bit(row.floor) - 1))
        }
    }
}

/// Every set of some of these.
pub(crate) fn subsets(of: Mask) -> impl Iterator<Item = Mask> {
    (0..=of).filter(move |some| some & !of == 0)
}

fn in_lanes(node: &Node) -> Mask {
    let jobs = node.jobs.iter().filter(|job| job.phase == Phase::Waiting);
    jobs.fold(0, |mask, job| mask | bit(job.delivery))
}

/// Which transactions the model lets hang. The others change nothing in a node's memory, so
/// that one that hangs is one that comes later: what it asked for is locked meanwhile.
fn freezes(write: Write) -> bool {
    matches!(
        write,
        Write::Publish { .. }
            | Write::Record { .. }
            | Write::Claim { .. }
            | Write::Release { .. }
            | Write::Roll { .. }
            | Write::FreeUnheld { .. }
            | Write::Adopt { .. }
    )
}

fn claims(db: &Db, node: &Node, writes: &mut Vec<Write>) {
    for (delivery, row) in db.rows.iter().enumerate() {
        if let Row::Pending {
            owner: None, token, ..
        } = row
        {
            writes.push(Write::Claim {
                number: node.number,
                token: token + 1,
                delivery: delivery as Delivery,
            });
        }
    }
}

/// A batch has any of what was sent; one in doubt is written again as it was.
fn records(state: &State, node: &Node, writes: &mut Vec<Write>) {
    let mut ready = Vec::new();
    for job in &*node.jobs {
        let fails = matches!(job.phase, Phase::Doubted { fails: true });
        if job.phase != Phase::Releasing {
            ready.push((
                job.phase,
                Move {
                    delivery: job.delivery,
                    owner: job.owner,
                    token: job.token,
                    fails,
                },
            ));
        }
    }
    let doubted = |phase| matches!(phase, Phase::Doubted { .. });
    let in_doubt = ready.iter().any(|(phase, _)| doubted(*phase));
    let all = bit(ready.len() as u8) - 1;
    for some in subsets(all).filter(|some| *some != 0) {
        if in_doubt
            && ready
                .iter()
                .enumerate()
                .any(|(at, (phase, _))| doubted(*phase) != (some & bit(at as u8) != 0))
        {
            continue;
        }
        let batch = ready
            .iter()
            .enumerate()
            .filter(|(at, _)| some & bit(*at as u8) != 0);
        let moves: crate::List<Move, 6> = batch.map(|(_, (_, one))| *one).collect();
        let write = |moves: crate::List<Move, 6>| Write::Record {
            number: node.number,
            moves,
            seq: new_seq(state, MOST as Seq + moves[0].delivery),
        };
        writes.push(write(moves));
        if in_doubt || state.left.failures == 0 {
            continue;
        }
        for at in 0..moves.len() {
            let mut moves = moves;
            moves[at].fails = true;
            writes.push(write(moves));
        }
    }
}

fn releases(state: &State, node: &Node, writes: &mut Vec<Write>) {
    for job in &*node.jobs {
        let may = match job.phase {
            Phase::Waiting => state.left.releases > 0,
            Phase::Releasing => true,
            _ => false,
        };
        if may {
            writes.push(Write::Release {
                delivery: job.delivery,
                owner: job.owner,
                token: job.token,
            });
        }
    }
}

/// Claims in this node's name that it does not hold. The two looks of the code, with twenty
/// seconds between them, stand for a claim's answer having arrived or being lost.
fn sweeps(db: &Db, node: &Node, writes: &mut Vec<Write>) {
    for (delivery, row) in db.rows.iter().enumerate() {
        let delivery = delivery as Delivery;
        if let Some((owner, token)) = row.claimed()
            && owner == node.number
            && !node.holds(delivery)
        {
            writes.push(Write::FreeClaim {
                delivery,
                owner,
                token,
            });
        }
    }
}

/// Rules 3 and 4, and claims of numbers that are gone.
fn anybodys(db: &Db, writes: &mut Vec<Write>) {
    for entry in db.journal.iter().filter(|entry| entry.owes) {
        writes.push(if db.node(entry.node).is_none() {
            Write::FreeGone { seq: entry.seq }
        } else {
            Write::Index { seq: entry.seq }
        });
    }
    for (delivery, row) in db.rows.iter().enumerate() {
        if let Some((owner, token)) = row.claimed()
            && db.node(owner).is_none()
        {
            writes.push(Write::FreeClaim {
                delivery: delivery as Delivery,
                owner,
                token,
            });
        }
    }
}

/// A number for a row of the commit log: one that a roll-up has read before the database went
/// back, if there is such, since sequences go back too; else the first from `from` on that no
/// other row has. Commits that are alike thus have the same number, in whatever order they came.
fn new_seq(state: &State, from: Seq) -> Seq {
    let used = |seq| {
        let standby = state
            .standby
            .as_ref()
            .is_some_and(|db| db.entry(seq).is_some());
        let frozen = state.frozen.is_some_and(|frozen| match frozen.write {
            Write::Publish { seq: taken, .. } | Write::Record { seq: taken, .. } => taken == seq,
            _ => false,
        });
        state.db.entry(seq).is_some() || standby || frozen
    };
    let mut reads = state
        .nodes
        .iter()
        .flat_map(|node| &*node.read)
        .map(|read| read.seq);
    let again = reads.find(|seq| !used(*seq));
    again
        .or_else(|| (from..16).find(|seq| !used(*seq)))
        .unwrap_or(15)
}
