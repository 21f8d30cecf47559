//! Whether everything is delivered once nothing goes wrong any more.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Protocol;
use crate::action::Action;
use crate::state::{Budget, State};
use crate::tidy::tidy;
use crate::write::Write;

const SHARDS: usize = 16;

/// States from which a walk without faults has been seen to end well, by their hash: a state is
/// looked at once, however many walks come through it.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    hasher: Arc<RandomState>,
    shards: Arc<[Mutex<HashSet<u64>>; SHARDS]>,
}

impl Settled {
    fn shard(&self, hash: u64) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        let shard = &self.shards[hash as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, state: &State) -> Result<(), u64> {
        let hash = self.hasher.hash_one(state);
        let known = self.shard(hash).contains(&hash);
        if known { Ok(()) } else { Err(hash) }
    }
}

impl Protocol {
    /// Whether the nodes, each doing what the rules tell it, deliver everything and close the
    /// journal, if no more goes wrong: by one order of their steps, which shows that there is
    /// one from every state.
    pub fn settles(&self, state: &State) -> bool {
        let mut walked = Vec::new();
        // No more faults: states that differ in what could still go wrong are one from here on.
        let mut here = State {
            left: Budget::default(),
            ..state.clone()
        };
        tidy(self, &mut here);
        loop {
            match self.settled.has(&here) {
                Ok(()) => break,
                Err(hash) if walked.contains(&hash) => return false,
                Err(hash) => walked.push(hash),
            }
            if is_settled(&here) {
                break;
            }
            let Some(next) = self.mends(&here) else {
                return false;
            };
            here = next;
        }
        for hash in walked {
            self.settled.shard(hash).insert(hash);
        }
        true
    }

    /// The most pressing step that is no fault and changes something.
    pub fn mends(&self, state: &State) -> Option<State> {
        let mut actions = Vec::new();
        self.steps(state, &mut actions);
        let mut steps: Vec<_> = actions
            .into_iter()
            .filter_map(|action| Some((urgency(action)?, action)))
            .collect();
        steps.sort_by_key(|(urgency, _)| *urgency);
        steps
            .into_iter()
            .find_map(|(_, action)| self.after(state, action))
    }
}

fn is_settled(state: &State) -> bool {
    let rows = &state.db.rows;
    let owes = state.db.journal.iter().any(|entry| entry.owes);
    state.frozen.is_none() && !owes && !rows.iter().any(|row| row.is_pending())
}

/// Nothing that goes wrong, and nothing new.
fn urgency(action: Action) -> Option<u8> {
    Some(match action {
        Action::Thaw => 0,
        Action::Renew(_) | Action::Enter(_, _, 0) => 1,
        Action::Commit(_, write) => match write {
            Write::Publish { .. } => return None,
            Write::Record { moves, .. } if moves.iter().any(|one| one.fails) => 5,
            Write::Register { .. } => 1,
            Write::Record { .. } => 4,
            Write::FreeClaims { .. } | Write::FreeFresh { .. } | Write::Remove { .. } => 6,
            Write::Mark { .. } => 7,
            Write::Roll { .. } => 8,
            Write::FreeUnheld { .. }
            | Write::FreeGone { .. }
            | Write::Adopt { .. }
            | Write::SweepFresh { .. } => 9,
            Write::Index { .. } => 12,
            // A release of what is in hand leads to a claim; so does one of what is not.
            Write::Release { .. } | Write::FreeClaim { .. } => 10,
            Write::Claim { .. } => 11,
            Write::NoteFloor { .. } => 13,
        },
        Action::Forget(_) => 8,
        Action::Spare(_) => 6,
        Action::Age => 14,
        Action::Enter(..)
        | Action::Freeze(..)
        | Action::Abort
        | Action::Lapse(_)
        | Action::Repeat(_)
        | Action::Crash(_)
        | Action::Lag
        | Action::FailOver { .. } => return None,
    })
}
