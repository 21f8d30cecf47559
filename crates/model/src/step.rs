//! What a step makes of a state.

use crate::Protocol;
use crate::action::Action;
use crate::ledger::{account, unrolled};
use crate::list::List;
use crate::state::{
    Frozen, Job, Mask, Node, NodeRow, Number, Phase, RescueStep, Rescuer, State, bit, each,
};
use crate::tidy::tidy;
use crate::write::Write;

impl Protocol {
    /// The state after a step; `None` if nothing is different.
    pub fn after(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Commit(at, write) => self.commits(&mut next, at, write),
            Action::Freeze(at, write) => {
                write.apply(&mut next.db);
                if next.db == state.db {
                    return None;
                }
                next.db = state.db.clone();
                next.left.freezes -= 1;
                next.frozen = Some(Frozen {
                    write,
                    fence: write.fence(),
                });
                unanswered(&mut next, at, write);
            }
            Action::Thaw => {
                if let Some(frozen) = next.frozen.take() {
                    next.breach = next.breach.or(frozen.write.apply(&mut next.db));
                }
            }
            Action::Abort => next.frozen = None,
            Action::Enter(at, write, sent) => {
                write.apply(&mut next.db);
                if let Write::Register { number, .. } = write {
                    enter(&mut next.nodes[usize::from(at)], number, sent);
                }
            }
            Action::Renew(at) => next.nodes[usize::from(at)].leased = true,
            Action::Lapse(at) => {
                next.left.lapses -= 1;
                next.nodes[usize::from(at)].leased = false;
            }
            Action::Crash(at) => {
                next.left.crashes -= 1;
                let node = &mut next.nodes[usize::from(at)];
                *node = Node {
                    started: node.started,
                    ..Node::default()
                };
            }
            Action::Spare(at) => next.nodes[usize::from(at)].rescuer = None,
            Action::Forget(at) => forget(&mut next.nodes[usize::from(at)]),
            Action::Repeat(delivery) => next.acknowledged |= bit(delivery),
            Action::Lag => next.standby = Some(next.db.clone()),
            Action::FailOver { reads, forgets } => fail_over(&mut next, reads, forgets),
            Action::Age => next.aged = next.published,
        }
        tidy(self, &mut next);
        (next != *state).then_some(next)
    }

    fn commits(&self, next: &mut State, at: u8, write: Write) {
        let left_owing = account(next, &next.nodes[usize::from(at)], write);
        next.breach = next.breach.or(write.apply(&mut next.db));
        let settles = next.aged == next.published;
        if let (true, Write::Publish { owned, .. }) = (self.synchronous, write) {
            next.acknowledged |= owned;
        }
        let (left, published) = (&mut next.left, &mut next.published);
        let node = &mut next.nodes[usize::from(at)];
        match write {
            Write::Publish { number, owned, .. } => {
                *published += owned.count_ones() as u8;
                each(owned).for_each(|delivery| node.jobs.push(job(delivery, number, 0)));
            }
            Write::Record { moves, .. } => {
                left.failures -= new_failures(node, write);
                for one in &*moves {
                    let named = |job: &Job| {
                        job.phase != Phase::Releasing
                            && is_of(*job, one.delivery, one.owner, one.token)
                    };
                    // Jobs whose rows are gone for good may be named alike.
                    if let Some(at) = node.jobs.iter().position(named) {
                        node.jobs.remove(at);
                    }
                }
            }
            Write::Claim {
                number,
                token,
                delivery,
            } => node.jobs.push(job(delivery, number, token)),
            Write::Release {
                delivery,
                owner,
                token,
            } => {
                left.releases -= u8::from(waits(node, delivery, owner, token));
                node.jobs.retain(|job| !is_of(*job, delivery, owner, token));
            }
            Write::Roll { nonce, .. }
            | Write::FreeUnheld { nonce, .. }
            | Write::Adopt { nonce, .. } => {
                node.open = left_owing;
                node.nonce = Some(nonce);
                node.read = List::default();
            }
            Write::SweepFresh { .. } if settles => node.doubt = None,
            _ => node.rescuer = takes_over(node.rescuer, write),
        }
    }
}

/// What the node knows when a transaction was not answered.
fn unanswered(next: &mut State, at: u8, write: Write) {
    let (left, published) = (&mut next.left, &mut next.published);
    let node = &mut next.nodes[usize::from(at)];
    match write {
        // The publishers hear 503, and nothing is held.
        Write::Publish { owned, .. } => {
            let oldest = *published;
            node.doubt = Some(node.doubt.map_or(oldest, |doubt| doubt.min(oldest)));
            *published += owned.count_ones() as u8;
        }
        // What is in doubt stays in hand and is written again.
        Write::Record { moves, .. } => {
            left.failures -= new_failures(node, write);
            for one in &*moves {
                let named = |job: &&mut Job| {
                    matches!(job.phase, Phase::Waiting | Phase::Sent)
                        && is_of(**job, one.delivery, one.owner, one.token)
                };
                if let Some(job) = node.jobs.iter_mut().find(named) {
                    job.phase = Phase::Doubted { fails: one.fails };
                }
            }
        }
        Write::Release {
            delivery,
            owner,
            token,
        } => {
            left.releases -= u8::from(waits(node, delivery, owner, token));
            for job in node
                .jobs
                .iter_mut()
                .filter(|job| is_of(**job, delivery, owner, token))
            {
                job.phase = Phase::Releasing;
            }
        }
        Write::Roll { .. } | Write::FreeUnheld { .. } | Write::Adopt { .. } => forget(node),
        _ => {}
    }
}

/// The account is begun anew.
pub(crate) fn forget(node: &mut Node) {
    node.nonce = None;
    node.open = List::default();
    node.read = List::default();
}

/// Failures that a batch brings for the first time.
fn new_failures(node: &Node, write: Write) -> u8 {
    let Write::Record { moves, .. } = write else {
        return 0;
    };
    let again = node
        .jobs
        .iter()
        .any(|job| matches!(job.phase, Phase::Doubted { .. }));
    if again {
        return 0;
    }
    moves.iter().filter(|one| one.fails).count() as u8
}

fn is_of(job: Job, delivery: u8, owner: Number, token: u8) -> bool {
    (job.delivery, job.owner, job.token) == (delivery, owner, token)
}

fn waits(node: &Node, delivery: u8, owner: Number, token: u8) -> bool {
    let mut jobs = node.jobs.iter();
    jobs.any(|job| job.phase == Phase::Waiting && is_of(*job, delivery, owner, token))
}

fn job(delivery: u8, owner: Number, token: u8) -> Job {
    Job {
        delivery,
        owner,
        token,
        phase: Phase::Waiting,
    }
}

/// A node begins, or begins anew: what it had not started is forgotten, what it was sending
/// is still recorded, under the number that it was taken under.
fn enter(node: &mut Node, number: Number, sent: Mask) {
    node.up = true;
    node.leased = true;
    node.started += 1;
    node.number = number;
    node.jobs
        .retain(|job| job.phase != Phase::Waiting || sent & bit(job.delivery) != 0);
    for job in node
        .jobs
        .iter_mut()
        .filter(|job| job.phase == Phase::Waiting)
    {
        job.phase = Phase::Sent;
    }
    node.doubt = None;
    forget(node);
    node.nonce = Some(0);
}

/// How far a take-over is after one of its steps.
fn takes_over(rescuer: Option<Rescuer>, write: Write) -> Option<Rescuer> {
    let (dead, next) = match write {
        Write::Mark { number } => (number, RescueStep::Claims),
        Write::FreeClaims { number } => (number, RescueStep::Fresh),
        Write::FreeFresh { number, .. } => (number, RescueStep::Remove),
        Write::Remove { .. } => return None,
        _ => return rescuer,
    };
    Some(Rescuer { dead, next })
}

/// The database goes back, the nodes do not.
fn fail_over(next: &mut State, reads: bool, forgets: u8) {
    next.left.failovers -= 1;
    let Some(standby) = next.standby.take() else {
        return;
    };
    for at in 0..next.nodes.len() {
        if forgets & bit(at as u8) != 0 {
            forget(&mut next.nodes[at]);
        }
        if reads && next.nodes[at].up {
            next.nodes[at].read = unrolled(&next.db, &next.nodes[at]).copied().collect();
        }
    }
    next.db = standby;
    next.frozen = None;
}

/// Every node runs, and nothing has been published.
pub(crate) fn first(protocol: &Protocol) -> State {
    let mut state = State {
        left: protocol.budget,
        ..State::default()
    };
    for at in 0..protocol.nodes {
        enter(&mut state.nodes[usize::from(at)], at, 0);
        state.db.nodes.push(NodeRow {
            number: at,
            of: at,
            ..NodeRow::default()
        });
    }
    state.db.next_number = protocol.nodes;
    state
}
