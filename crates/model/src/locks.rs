//! What the commit that hangs keeps others from.

use crate::Protocol;
use crate::state::{Db, Mask, Number, State, bit};
use crate::write::Write;

/// The rows that a transaction has changed and not let go of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Touched {
    rows: Mask,
    entries: u16,
    nodes: u32,
}

/// What the commit that hangs has locked, if one hangs.
pub(crate) struct Locks {
    touched: Touched,
    /// Whose row of `node` it holds against its removal, and against rescuers.
    fence: Option<Number>,
}

impl Locks {
    pub(crate) fn of(state: &State) -> Self {
        let frozen = state.frozen;
        Self {
            touched: frozen.map_or_else(Touched::default, |one| touched(one.write, &state.db)),
            fence: frozen.and_then(|frozen| frozen.fence),
        }
    }

    /// Whether it has this number's row.
    pub(crate) fn have_node(&self, number: Number) -> bool {
        self.touched.nodes & 1 << number != 0
    }

    /// Whether a transaction would wait for it.
    pub(crate) fn are_in_the_way(&self, protocol: &Protocol, state: &State, write: Write) -> bool {
        if state.frozen.is_none() {
            return false;
        }
        let fenced = match write {
            Write::FreeClaims { number } | Write::FreeFresh { number, .. } => {
                protocol.rules.fence && (self.fence == Some(number) || self.have_node(number))
            }
            Write::Remove { number } => self.fence == Some(number),
            _ => false,
        };
        let touched = touched(write, &state.db);
        fenced
            || self.touched.rows & touched.rows != 0
            || self.touched.entries & touched.entries != 0
            || self.touched.nodes & touched.nodes != 0
    }
}

fn touched(write: Write, db: &Db) -> Touched {
    let mut after = db.clone();
    write.apply(&mut after);
    let mut touched = Touched::default();
    for delivery in 0..db.rows.len() {
        if db.rows[delivery] != after.rows[delivery] {
            touched.rows |= bit(delivery as u8);
        }
    }
    for entry in &*after.journal {
        if db.entry(entry.seq) != Some(entry) {
            touched.entries |= 1 << entry.seq;
        }
    }
    for row in db.nodes.iter().chain(&*after.nodes) {
        if db.node(row.number) != after.node(row.number) {
            touched.nodes |= 1 << row.number;
        }
    }
    touched
}
