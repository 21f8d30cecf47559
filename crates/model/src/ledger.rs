//! A roll-up's account of its node's commits: rules 1 and 2.
//!
//! Every transaction of it swaps what the one before left in the node's row (`nonce`), so that
//! it fails where the database has gone back behind that.

use crate::Protocol;
use crate::list::List;
use crate::state::{Db, Entry, Mask, Node, Open, Seq, State};
use crate::write::{Write, fresh_of};

/// What an account has left of each row that is not closed.
pub(crate) type Account = List<Open, 4>;

/// A node's rows of the commit log that are not rolled up.
pub(crate) fn unrolled<'a>(db: &'a Db, node: &'a Node) -> impl Iterator<Item = &'a Entry> {
    let own = db.journal.iter();
    own.filter(|entry| !entry.rolled && entry.node == node.number)
}

impl Protocol {
    /// What the roll-up of a running node may write.
    pub(crate) fn ledger_writes(&self, state: &State, node: &Node, writes: &mut Vec<Write>) {
        if state.db.node(node.number).is_none() || self.must_forget(&state.db, node) {
            return;
        }
        let nonce = new_nonce(state, node);
        writes.extend(roll(state, node, nonce).map(|(write, _)| write));
        let held = node.held();
        for open in &*node.open {
            let unheld = open.left & !held;
            if unheld != 0 {
                writes.push(Write::FreeUnheld {
                    number: node.number,
                    nonce,
                    seq: open.seq,
                    unheld,
                    closes: unheld == open.left,
                });
            }
        }
        let known = |seq| node.open.iter().any(|open| open.seq == seq);
        let own = state
            .db
            .journal
            .iter()
            .filter(|entry| entry.node == node.number);
        // One at a time, the oldest first, or any where rows have no order. What is not rolled
        // up is entered by rolling it up.
        let adopted = own.filter(|entry| entry.owes && entry.rolled && !known(entry.seq));
        let count = if self.renames { usize::MAX } else { 1 };
        writes.extend(adopted.take(count).map(|entry| Write::Adopt {
            number: node.number,
            nonce,
            seq: entry.seq,
        }));
    }

    /// Whether the database is not as the account's last transaction left it.
    pub(crate) fn must_forget(&self, db: &Db, node: &Node) -> bool {
        let there = db.node(node.number).map(|row| row.nonce);
        let lost = matches!((there, node.nonce), (Some(there), Some(left)) if there != left);
        lost && self.rules.nonce || !is_there(db, node)
    }
}

/// The account after one of its transactions.
pub(crate) fn account(state: &State, node: &Node, write: Write) -> Account {
    let mut open = node.open;
    match write {
        Write::Roll { nonce, .. } => {
            open = roll(state, node, nonce).map_or(open, |(_, open)| open);
        }
        Write::FreeUnheld { seq, unheld, .. } => {
            open.iter_mut()
                .filter(|one| one.seq == seq)
                .for_each(|one| one.left &= !unheld);
        }
        Write::Adopt { number, seq, .. } => {
            let left = fresh_of(&state.db, number, seq);
            open.push(Open { seq, left });
        }
        _ => {}
    }
    open.retain(|one| one.left != 0);
    open
}

/// Rule 1: rolls up what is not, and closes the rows of which then nothing is left.
fn roll(state: &State, node: &Node, nonce: u8) -> Option<(Write, Account)> {
    let entries: Vec<Entry> = if node.read.is_empty() {
        unrolled(&state.db, node).copied().collect()
    } else {
        node.read.to_vec()
    };
    if entries.is_empty() {
        return None;
    }
    let moved = entries
        .iter()
        .fold(0, |mask: Mask, entry| mask | entry.moved);
    let mut open = node.open;
    for entry in entries.iter().filter(|entry| entry.owes) {
        open.retain(|one| one.seq != entry.seq);
        open.push(Open {
            seq: entry.seq,
            left: entry.owned,
        });
    }
    open.iter_mut().for_each(|one| one.left &= !moved);
    let set = |seqs: &mut dyn Iterator<Item = Seq>| seqs.fold(0, |set, seq| set | 1 << seq);
    let mut done = open.iter().filter(|one| one.left == 0).map(|one| one.seq);
    let write = Write::Roll {
        number: node.number,
        nonce,
        rolled: set(&mut entries.iter().map(|entry| entry.seq)),
        closed: set(&mut done),
    };
    open.retain(|one| one.left != 0);
    Some((write, open))
}

/// Whether everything that the roll-up has read and not written is there to be marked.
fn is_there(db: &Db, node: &Node) -> bool {
    node.read.iter().all(|read| {
        let there = db.entry(read.seq);
        there.is_some_and(|entry| !entry.rolled && entry.node == node.number)
    })
}

/// One that is nowhere in the database or in memory.
fn new_nonce(state: &State, node: &Node) -> u8 {
    let there = |db: &Db| db.node(node.number).map(|row| row.nonce);
    let frozen = state
        .frozen
        .and_then(|frozen| frozen.write.nonce(node.number));
    let standby = state.standby.as_ref().and_then(there);
    let known = [node.nonce, frozen, there(&state.db), standby];
    (0..=u8::MAX)
        .find(|nonce| !known.contains(&Some(*nonce)))
        .unwrap_or_default()
}
