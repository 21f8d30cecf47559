//! Between the last commit that the standby gets and the fail-over, the primary is doomed: what it
//! shows counts for nothing but what nodes take from it into their memory.
//!
//! Whatever must hold in it is checked in the same run without a standby, which is a run of the
//! model, too. So most of it can be forgotten:
//!
//! - Roll-ups. What they do there is closing rows, which decides nothing that a memory keeps; freeing
//!   what is not held, which rule 3 and the sweep of claims come to as well; and an account, which is
//!   begun anew after the fail-over if they did anything. So they do nothing, and a fail-over
//!   chooses whose accounts are begun anew: more runs than there are, and every one that there is.
//! - The commit log. Rule 3, rule 4 and rescuers look at what is fresh, one delivery at a time.
//! - What has ended is as good as not there.

use crate::Protocol;
use crate::list::List;
use crate::state::{Db, Entry, Row, Seq, State, bit};
use crate::step::forget;
use crate::write::Write;

/// Rows that stand for what is fresh, one for each delivery, have numbers from here on; the
/// standby's are lower.
const FRESH: Seq = 12;
/// The row that a commit that hangs will write.
const HANGS: Seq = 11;

impl Protocol {
    /// Whether the primary counts only for what nodes take from it. Rules that let an account
    /// outlive a fail-over need their roll-ups, and so does whoever waits for the standby.
    pub(crate) fn is_doomed(&self, state: &State) -> bool {
        state.standby.is_some() && self.merges() && !self.synchronous
    }
}

/// Forgets what of a doomed primary decides nothing.
pub(crate) fn forget_doomed(state: &mut State) {
    let Some(standby) = &mut state.standby else {
        return;
    };
    for node in &mut state.nodes {
        let there = standby.node(node.number).map(|row| row.nonce);
        if !node.up || there.is_none() || node.nonce != there {
            forget(node);
        } else {
            node.nonce = Some(0);
        }
    }
    standby.nodes.iter_mut().for_each(|row| row.nonce = 0);
    let rolls = |write| {
        matches!(
            write,
            Write::Roll { .. } | Write::FreeUnheld { .. } | Write::Adopt { .. }
        )
    };
    if state.frozen.is_some_and(|frozen| rolls(frozen.write)) {
        state.frozen = None;
    }
    state.db.journal = List::default();
    for row in state.db.rows.iter_mut().filter(|row| **row == Row::Ended) {
        *row = Row::Absent;
    }
    for row in &mut *state.db.nodes {
        (row.nonce, row.freed) = (0, false);
    }
}

/// Has what is fresh in a doomed primary found by whoever looks for it.
pub(crate) fn show_fresh(state: &mut State) {
    let owed = fresh(&state.db);
    state.db.journal = owed;
    if let Some(frozen) = &mut state.frozen
        && let Write::Publish { seq, .. } | Write::Record { seq, .. } = &mut frozen.write
    {
        *seq = HANGS;
    }
}

fn fresh(db: &Db) -> List<Entry, 10> {
    let rows = db.rows.iter().enumerate();
    let fresh = rows.filter_map(|(delivery, row)| Some((delivery as u8, row.fresh()?)));
    fresh
        .map(|(delivery, node)| Entry {
            seq: FRESH + delivery,
            node,
            owned: bit(delivery),
            moved: 0,
            rolled: true,
            owes: true,
        })
        .collect()
}
