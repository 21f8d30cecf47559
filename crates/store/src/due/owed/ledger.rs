//! A node's account of its own commits, kept by its roll-ups: which of them still owe.
//!
//! Reading the commit log, it enters what each commit wrote in the node's hand, and strikes out
//! what outcomes have moved. A row of which nothing is left is closed by the transaction that
//! rolls the outcomes up, without a look at the deliveries. It knows only what that journal
//! said, and holds only while each of its transactions follows on the one before: each leaves
//! a mark in the node's row and wants to find the last one there. A database that went back
//! does not have it; then the account is begun anew ([`crate::engine::Store::adopt_owed`]).

use std::collections::HashMap;
use std::time::Duration;

use postrider_domain::{EndpointId, MessageId, Timestamp};

use super::{ON_ITS_WAY, Unreadable};
use crate::commit::log::owned::{self, DeliveryKey};
use crate::commit::log::{self, LoggedCommit, RowId};
#[cfg(test)]
use crate::engine::sql::Statements;

/// How often a row's deliveries are compared with what the node holds.
const COMPARED_EVERY: Duration = Duration::from_secs(8);

/// What a node's commits owe, as far as its own journal tells. One per number of a node.
#[derive(Debug)]
pub struct Ledger {
    node: i64,
    /// What the last transaction left in the node's row; `None` before the first, and when
    /// that is not known.
    mark: Option<i64>,
    /// The last mark that was used.
    used: i64,
    rows: HashMap<RowId, Entry>,
    /// What is left, and of which row.
    deliveries: HashMap<DeliveryKey, RowId>,
    /// How often it was begun anew.
    age: u64,
    /// Rows that it leaves alone.
    pub(crate) unreadable: Unreadable,
    /// Rows of before may owe that are not entered: the place to go on with them.
    pub(crate) adopt_after: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    keys: Vec<DeliveryKey>,
    left: usize,
    /// When it is to be compared with what the node holds.
    compare_at: Timestamp,
}

/// A row of the commit log, read.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) logged: LoggedCommit,
    /// Whether every scheduled outcome of it moved its delivery.
    pub(crate) whole: bool,
    pub(crate) owes: bool,
    /// What it wrote in its node's hand; `None` if that cannot be read, or was not noted.
    pub(crate) owned: Option<Vec<DeliveryKey>>,
}

impl Commit {
    /// `None` if the body cannot be read.
    pub(crate) fn read(row: &log::Row) -> Option<Self> {
        let logged = log::unpack(row.seq, row.at, &row.body)?;
        let owned = match &row.owned {
            Some(bytes) => owned::unpack(bytes, &logged.messages),
            None => None,
        };
        Some(Self {
            logged,
            whole: row.whole,
            owes: row.owes,
            owned,
        })
    }
}

/// A step of the marks: the node's row must hold the old one, if that is known, and holds
/// the new one afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) node: i64,
    pub(crate) old: Option<i64>,
    pub(crate) new: i64,
}

/// In a transaction: takes the step, or says that something came in between.
pub(crate) const STEP: &str =
    "update node set rolled = $2 where number = $1 and (rolled = $3 or $4)";

impl Ledger {
    /// The account of a node that begins now and has written nothing.
    pub fn new(node: i64) -> Self {
        Self {
            node,
            mark: None,
            used: 0,
            rows: HashMap::new(),
            deliveries: HashMap::new(),
            age: 0,
            unreadable: Unreadable::default(),
            adopt_after: None,
        }
    }

    /// The number of the node.
    pub fn node(&self) -> i64 {
        self.node
    }

    /// How often it was begun anew: what was entered before does not count after that.
    pub(crate) fn age(&self) -> u64 {
        self.age
    }

    /// How many deliveries are left.
    pub fn left(&self) -> usize {
        self.deliveries.len()
    }

    pub(crate) fn step(&self) -> Mark {
        Mark {
            node: self.node,
            old: self.mark,
            new: self.used + 1,
        }
    }

    /// The step has been taken.
    pub(crate) fn stepped(&mut self, mark: Mark) {
        self.mark = Some(mark.new);
        self.used = mark.new;
    }

    /// Nothing of it can be relied on any more: what owes is to be looked at anew
    /// ([`crate::engine::Store::adopt_owed`]).
    pub fn begin_anew(&mut self) {
        // What is unknown may have been taken: no mark is used twice.
        self.used += 1;
        self.mark = None;
        self.rows.clear();
        self.deliveries.clear();
        self.age += 1;
        self.adopt_after = Some(0);
    }

    /// Enters commits, the oldest first. Returns the rows of which nothing is left.
    pub(crate) fn enter(&mut self, commits: &mut [Commit]) -> Vec<RowId> {
        let mut closed = Vec::new();
        for commit in commits {
            if let (true, Some(owned)) = (commit.owes, commit.owned.take()) {
                self.owe(commit.logged.row(), commit.logged.at, owned);
            }
            if commit.whole {
                for attempt in commit.logged.attempts.iter().filter(|one| one.scheduled) {
                    closed.extend(self.strike(&(attempt.endpoint_id, attempt.message_id)));
                }
            }
        }
        closed
    }

    pub(crate) fn owe(&mut self, row: RowId, since: Timestamp, keys: Vec<DeliveryKey>) {
        // Entered again, with less: what is left of it from before must not count for that.
        self.drop_row(row);
        self.deliveries.extend(keys.iter().map(|key| (*key, row)));
        let entry = Entry {
            left: keys.len(),
            keys,
            compare_at: since.plus(ON_ITS_WAY),
        };
        self.rows.insert(row, entry);
    }

    /// Strikes a delivery out. Returns its row if nothing else of it is left.
    pub(crate) fn strike(&mut self, key: &DeliveryKey) -> Option<RowId> {
        let row = self.deliveries.remove(key)?;
        let entry = self.rows.get_mut(&row)?;
        entry.left -= 1;
        if entry.left > 0 {
            return None;
        }
        self.rows.remove(&row);
        Some(row)
    }

    /// What is left of a row.
    pub(crate) fn left_of(&self, row: RowId) -> Vec<DeliveryKey> {
        self.rows
            .get(&row)
            .map_or_else(Vec::new, |entry| self.rest(row, entry).collect())
    }

    /// A row is closed, whatever is left of it.
    pub(crate) fn drop_row(&mut self, row: RowId) {
        for key in self.left_of(row) {
            self.deliveries.remove(&key);
        }
        self.rows.remove(&row);
    }

    fn rest<'a>(&'a self, row: RowId, entry: &'a Entry) -> impl Iterator<Item = DeliveryKey> + 'a {
        let keys = entry.keys.iter().copied();
        keys.filter(move |key| self.deliveries.get(key) == Some(&row))
    }

    /// What is left and not held, of rows that are due to be compared. To be asked before a
    /// roll-up: a delivery is held until the commit of its outcome, so what is left after
    /// the roll-up has read that commit is not accounted for.
    pub fn unheld(
        &mut self,
        now: Timestamp,
        held: impl Fn(EndpointId, MessageId) -> bool,
    ) -> Vec<(EndpointId, MessageId)> {
        let due: Vec<RowId> = self
            .rows
            .iter()
            .filter(|(_, entry)| entry.compare_at <= now)
            .map(|(row, _)| *row)
            .collect();
        let mut unheld = Vec::new();
        for row in due {
            let rest = self.left_of(row);
            unheld.extend(rest.into_iter().filter(|key| !held(key.0, key.1)));
            if let Some(entry) = self.rows.get_mut(&row) {
                entry.compare_at = now.plus(COMPARED_EVERY);
            }
        }
        unheld
    }

    pub(crate) fn still_owed(&self, key: &DeliveryKey) -> bool {
        self.deliveries.contains_key(key)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[STEP],
    ..Statements::NONE
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::log::LoggedAttempt;
    use postrider_domain::{AppId, AttemptId};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const NOTHING: [RowId; 0] = [];
    const NOBODY: [DeliveryKey; 0] = [];

    const fn row(seq: i64) -> RowId {
        RowId {
            seq,
            at: NOW.micros(),
        }
    }

    fn keys(count: usize) -> Vec<DeliveryKey> {
        (0..count)
            .map(|_| (EndpointId::mint(NOW), MessageId::mint(NOW)))
            .collect()
    }

    fn publish(seq: i64, owned: &[DeliveryKey]) -> Commit {
        Commit {
            logged: LoggedCommit {
                seq,
                at: NOW,
                ..LoggedCommit::default()
            },
            whole: true,
            owes: true,
            owned: Some(owned.to_vec()),
        }
    }

    fn outcomes(seq: i64, moved: &[DeliveryKey], whole: bool, scheduled: bool) -> Commit {
        let attempt = |key: &DeliveryKey| LoggedAttempt {
            app_id: AppId::mint(NOW),
            endpoint_id: key.0,
            message_id: key.1,
            id: AttemptId::mint(NOW),
            event_type: String::new(),
            succeeded: true,
            first: true,
            scheduled,
            http_status: 200,
            duration: Duration::ZERO,
            next_at: None,
        };
        Commit {
            logged: LoggedCommit {
                seq,
                attempts: moved.iter().map(attempt).collect(),
                ..LoggedCommit::default()
            },
            whole,
            owes: false,
            owned: None,
        }
    }

    #[test]
    fn a_row_is_closed_when_all_of_it_has_moved_and_not_before() {
        let (mut ledger, keys) = (Ledger::new(1), keys(3));
        assert_eq!(ledger.enter(&mut [publish(5, &keys)]), NOTHING);
        assert_eq!(
            ledger.enter(&mut [outcomes(6, &keys[..1], true, true)]),
            NOTHING
        );
        // Twice, by a late copy or a retry: it counts once.
        assert_eq!(
            ledger.enter(&mut [outcomes(7, &keys[..2], true, true)]),
            NOTHING
        );
        assert_eq!((ledger.left(), ledger.left_of(row(5))), (1, vec![keys[2]]));
        assert_eq!(
            ledger.enter(&mut [outcomes(8, &keys[2..], true, true)]),
            [row(5)]
        );
        assert_eq!(ledger.left(), 0);
    }

    #[test]
    fn a_row_that_is_entered_again_with_less_is_closed_by_that_alone() {
        let (mut ledger, keys) = (Ledger::new(1), keys(2));
        ledger.enter(&mut [publish(5, &keys)]);
        // Adopted once more, when one of them has moved and the roll-up has not read of it.
        ledger.owe(row(5), NOW, vec![keys[1]]);
        assert_eq!(
            ledger.enter(&mut [outcomes(6, &keys[..1], true, true)]),
            NOTHING
        );
        assert_eq!(
            ledger.enter(&mut [outcomes(7, &keys[1..], true, true)]),
            [row(5)]
        );
        assert_eq!(ledger.left(), 0);
    }

    #[test]
    fn what_may_not_have_moved_its_delivery_strikes_nothing_out() {
        let (mut ledger, keys) = (Ledger::new(1), keys(1));
        ledger.enter(&mut [publish(5, &keys)]);
        for (whole, scheduled) in [(false, true), (true, false), (false, false)] {
            assert_eq!(
                ledger.enter(&mut [outcomes(6, &keys, whole, scheduled)]),
                NOTHING,
                "whole {whole}, scheduled {scheduled}"
            );
        }
        assert_eq!(ledger.left(), 1);
    }

    #[test]
    fn what_is_not_held_is_told_when_its_commit_cannot_be_on_its_way_any_more() {
        let (mut ledger, keys) = (Ledger::new(1), keys(2));
        ledger.enter(&mut [publish(5, &keys)]);
        let held = |endpoint, _| endpoint == keys[0].0;
        assert_eq!(
            ledger.unheld(NOW.plus(Duration::from_secs(1)), held),
            NOBODY
        );
        let later = NOW.plus(Duration::from_secs(2));
        assert_eq!(ledger.unheld(later, held), [keys[1]]);
        assert_eq!(ledger.unheld(later, held), NOBODY, "compared a moment ago");
        assert_eq!(ledger.unheld(later.plus(COMPARED_EVERY), held), [keys[1]]);
    }

    #[test]
    fn an_account_that_is_begun_anew_uses_no_mark_again_and_looks_for_what_owes() {
        let (mut ledger, keys) = (Ledger::new(1), keys(1));
        ledger.enter(&mut [publish(5, &keys)]);
        let first = ledger.step();
        ledger.stepped(first);
        assert_eq!(ledger.step().old, Some(first.new));
        let unknown = ledger.step();
        ledger.begin_anew();
        assert_eq!((ledger.step().old, ledger.left()), (None, 0));
        assert!(ledger.step().new > unknown.new);
        assert_eq!(ledger.adopt_after, Some(0));
    }
}
