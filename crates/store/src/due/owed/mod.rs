//! What is owed, by the word of the database alone.
//!
//! A delivery that its publish wrote in a node's hand stands in no index: it costs the usual
//! delivery, which succeeds at once, nothing. Should the node lose it (a crash, a commit whose
//! answer was lost or that became visible late, a database that went back to an earlier state),
//! the commit's row of the commit log finds it: the row *owes* until each of its deliveries has
//! ended or stands in an index. What is looked at follows from these rows, never from a time.
//!
//! A row is closed
//!
//! - by the commit log alone, together with the roll-up of the outcomes, where these say that all
//!   its deliveries have moved: [`Ledger`];
//! - by a look at its deliveries: those that this node does not hold ([`Store::free_unheld`]),
//!   those that are older than any send under way, which get a due time and are ordinary
//!   claims from then on ([`Store::settle_owed`]), and those of a node that is gone, which are
//!   freed.
//!
//! **Invariant.** A row is closed in a later transaction than what it is closed for, or in the
//! same: whatever prefix of the database's commits survives, what is owed in it is found in it.

pub(crate) mod count;
mod ledger;
pub(crate) mod look;
mod postgres;
pub(crate) mod rows;
mod sqlite;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::Store;
use crate::engine::sql::Sql;

pub use count::Unaccounted;
pub use ledger::Ledger;
pub(crate) use ledger::{Commit, Mark, STEP};
pub use look::Settled;
pub(crate) use look::takes_step;

/// For how long a commit's own node has it to itself: longer than a commit's answer takes.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// When what is still fresh gets a due time.
const OLD: Duration = Duration::from_secs(30);
/// When any other node does that.
const OLD_ELSEWHERE: Duration = Duration::from_secs(45);

/// Rows of the commit log that this version cannot read: they stay as they are, are counted, and
/// do not stand in the way of others.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    seqs: BTreeSet<i64>,
    /// How often the database had lost something ([`Store::losses`]) when they were noted:
    /// after another loss the same numbers may stand for other rows.
    losses: u64,
}

/// Unreadable rows that a look leaves out: more would make its statement too long.
const LEFT_OUT: usize = 1_000;

impl Unreadable {
    pub(crate) fn note(&mut self, seq: i64) {
        if self.seqs.insert(seq) {
            tracing::error!(
                seq,
                "a row of the commit log cannot be read: a newer version wrote it, or it is damaged; \
                 what it owes waits for a node of that version"
            );
        }
    }

    /// A condition that leaves them out.
    pub(crate) fn leave_out(&mut self, store: &Store, sql: &mut Sql) {
        if self.losses != store.losses() {
            self.losses = store.losses();
            self.seqs.clear();
        }
        for (index, seq) in self.seqs.iter().take(LEFT_OUT).enumerate() {
            sql.push(if index == 0 {
                " and seq not in ("
            } else {
                ", "
            });
            sql.bind(*seq);
        }
        if !self.seqs.is_empty() {
            sql.push(")");
        }
    }
}

/// The statements of the folder.
#[cfg(test)]
pub(crate) const REGISTRY: &[crate::engine::sql::Statements] =
    &[ledger::STATEMENTS, postgres::STATEMENTS, sqlite::STATEMENTS];
