//! The transactions, each as data: what it does to the database, whenever it gets there.

use crate::list::List;
use crate::state::{Breach, Db, Delivery, Entry, Mask, NodeRow, Number, Row, Seq, bit, each};

/// An outcome as a batch holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Move {
    pub delivery: Delivery,
    /// The owner that the row must still name.
    pub owner: Number,
    /// The token that it must still hold.
    pub token: u8,
    /// Whether the receiver refused: it is due again.
    pub fails: bool,
}

/// One transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    /// Stores deliveries as fresh in the node's hand.
    Publish {
        /// The node.
        number: Number,
        /// What is stored.
        owned: Mask,
        /// Its row of the commit log.
        seq: Seq,
    },
    /// Records a batch of outcomes.
    Record {
        /// The node.
        number: Number,
        /// The batch.
        moves: List<Move, 6>,
        /// Its row of the commit log.
        seq: Seq,
    },
    /// Takes a waiting delivery into the node's hand.
    Claim {
        /// The node.
        number: Number,
        /// The token that it then has.
        token: u8,
        /// What it takes.
        delivery: Delivery,
    },
    /// Frees a claim that nobody holds.
    FreeClaim {
        /// Which.
        delivery: Delivery,
        /// The owner that the row must still name.
        owner: Number,
        /// The token that it must still hold.
        token: u8,
    },
    /// Gives a delivery back, unsent.
    Release {
        /// Which.
        delivery: Delivery,
        /// The owner that the row must still name.
        owner: Number,
        /// The token that it must still hold.
        token: u8,
    },
    /// Rolls up rows of the commit log, and closes those whose deliveries have all moved.
    Roll {
        /// Whose rows.
        number: Number,
        /// What it leaves in the node's row.
        nonce: u8,
        /// Rows that are rolled up.
        rolled: u16,
        /// Rows that are closed.
        closed: u16,
    },
    /// Rule 2: frees what this row wrote and its node does not hold.
    FreeUnheld {
        /// The node.
        number: Number,
        /// What it leaves in the node's row.
        nonce: u8,
        /// The row.
        seq: Seq,
        /// What is not held.
        unheld: Mask,
        /// Whether that was all that the roll-up had left of it.
        closes: bool,
    },
    /// A roll-up that has forgotten looks at what a row of its node still owes, and closes it
    /// if that is nothing.
    Adopt {
        /// The node.
        number: Number,
        /// What it leaves in the node's row.
        nonce: u8,
        /// The row.
        seq: Seq,
    },
    /// Rule 3: what is still fresh gets a due time; owner and token stay.
    Index {
        /// The row.
        seq: Seq,
    },
    /// Rule 4: frees what this row wrote, whose node is gone.
    FreeGone {
        /// The row.
        seq: Seq,
    },
    /// A node is given up.
    Mark {
        /// The dead.
        number: Number,
    },
    /// A take-over's first step: claims.
    FreeClaims {
        /// The dead.
        number: Number,
    },
    /// A take-over's second step: what is fresh.
    FreeFresh {
        /// The dead.
        number: Number,
        /// What is looked at.
        among: Mask,
    },
    /// A take-over's last step: the row goes.
    Remove {
        /// The dead.
        number: Number,
    },
    /// A node enters.
    Register {
        number: Number,
        /// Which node.
        of: u8,
        /// Yesterday's rules: the oldest delivery that it may hold fresh.
        floor: Delivery,
    },
    /// Yesterday's rules: frees fresh deliveries that their node does not hold.
    SweepFresh {
        /// The node.
        number: Number,
        /// What is looked at and not held.
        unheld: Mask,
    },
    /// Yesterday's rules: the heartbeat notes the floor.
    NoteFloor {
        /// The node.
        number: Number,
        floor: Delivery,
    },
}

impl Write {
    /// Under whose number it writes, if it asks first that this one is not given up.
    pub(crate) fn fence(self) -> Option<Number> {
        match self {
            Self::Publish { number, .. } | Self::Claim { number, .. } => Some(number),
            _ => None,
        }
    }

    /// What it leaves in this number's row.
    pub(crate) fn nonce(mut self, number: Number) -> Option<u8> {
        self.nonce_mut(number).copied()
    }

    pub(crate) fn nonce_mut(&mut self, of: Number) -> Option<&mut u8> {
        match self {
            Self::Roll { number, nonce, .. }
            | Self::FreeUnheld { number, nonce, .. }
            | Self::Adopt { number, nonce, .. }
                if *number == of =>
            {
                Some(nonce)
            }
            _ => None,
        }
    }

    /// Does it.
    pub(crate) fn apply(self, db: &mut Db) -> Option<Breach> {
        let mut breach = self.breach(db);
        match self {
            Self::Publish { number, owned, seq } => publish(db, number, owned, seq),
            Self::Record { number, moves, seq } => {
                let before = db.rows;
                record(db, number, &moves, seq);
                breach = breach.or(moved_anothers(&before, &db.rows, &moves));
            }
            Self::Claim {
                number,
                token,
                delivery,
            } => {
                db.rows[usize::from(delivery)] = Row::Pending {
                    owner: Some(number),
                    token,
                    due: true,
                };
            }
            Self::Release {
                delivery,
                owner,
                token,
            }
            | Self::FreeClaim {
                delivery,
                owner,
                token,
            } => {
                if db.rows[usize::from(delivery)].is_held_as(owner, token) {
                    free(db, delivery);
                }
            }
            Self::Roll {
                number,
                nonce,
                rolled,
                closed,
            } => roll(db, number, nonce, (rolled, closed)),
            Self::FreeUnheld {
                number,
                nonce,
                seq,
                unheld,
                closes,
            } => {
                free_fresh(db, number, unheld);
                roll(db, number, nonce, (0, u16::from(closes) << seq));
            }
            Self::Adopt { number, nonce, seq } => {
                let closes = fresh_of(db, number, seq) == 0;
                roll(db, number, nonce, (0, u16::from(closes) << seq));
            }
            Self::Index { seq } => index(db, seq),
            Self::FreeGone { seq } => {
                if let Some(entry) = db.entry(seq).copied() {
                    free_fresh(db, entry.node, entry.owned);
                    close(db, seq);
                }
            }
            Self::Mark { number } => {
                if let Some(row) = db.node_mut(number) {
                    row.marked = true;
                }
            }
            Self::FreeClaims { number } => free_claims(db, number),
            Self::FreeFresh { number, among } => {
                free_fresh(db, number, among);
                if let Some(row) = db.node_mut(number) {
                    row.freed = true;
                }
                for entry in db.journal.iter_mut().filter(|entry| entry.node == number) {
                    entry.owes = false;
                }
            }
            Self::Remove { number } => db.nodes.retain(|row| row.number != number),
            Self::Register { number, of, floor } => {
                db.next_number = db.next_number.max(number + 1);
                db.nodes.push(NodeRow {
                    number,
                    of,
                    floor,
                    ..NodeRow::default()
                });
            }
            Self::SweepFresh { number, unheld } => free_fresh(db, number, unheld),
            Self::NoteFloor { number, floor } => {
                if let Some(row) = db.node_mut(number) {
                    row.floor = floor;
                }
            }
        }
        breach
    }

    /// What must not be in a database in which this is done.
    fn breach(self, db: &Db) -> Option<Breach> {
        let gone = |number| db.node(number).is_none_or(|row| row.freed);
        match self {
            Self::Publish { number, .. } | Self::Claim { number, .. } if gone(number) => {
                Some(Breach::WrittenAfterFreed)
            }
            _ => None,
        }
    }
}

fn publish(db: &mut Db, number: Number, owned: Mask, seq: Seq) {
    for delivery in each(owned) {
        db.rows[usize::from(delivery)] = Row::Pending {
            owner: Some(number),
            token: 0,
            due: false,
        };
    }
    db.journal.push(Entry {
        seq,
        node: number,
        owned,
        owes: true,
        ..Entry::default()
    });
}

fn record(db: &mut Db, number: Number, moves: &[Move], seq: Seq) {
    let (mut done, mut whole) = (0, true);
    for one in moves {
        let row = &mut db.rows[usize::from(one.delivery)];
        if !row.is_held_as(one.owner, one.token) {
            whole = false;
            continue;
        }
        done |= bit(one.delivery);
        *row = if one.fails {
            Row::Pending {
                owner: None,
                token: one.token,
                due: true,
            }
        } else {
            Row::Ended
        };
    }
    // One that is not whole says nothing to the roll-up.
    if whole && done != 0 {
        db.journal.push(Entry {
            seq,
            node: number,
            moved: done,
            ..Entry::default()
        });
    }
}

/// Whether a row moved that no outcome of the batch names with its owner and token.
fn moved_anothers(before: &[Row], after: &[Row], moves: &[Move]) -> Option<Breach> {
    let named = |delivery: usize| {
        moves.iter().any(|one| {
            usize::from(one.delivery) == delivery
                && before[delivery].is_held_as(one.owner, one.token)
        })
    };
    (0..before.len())
        .any(|delivery| before[delivery] != after[delivery] && !named(delivery))
        .then_some(Breach::MovedAnothers)
}

fn roll(db: &mut Db, number: Number, nonce: u8, (rolled, closed): (u16, u16)) {
    for entry in &mut *db.journal {
        entry.rolled |= rolled & 1 << entry.seq != 0;
        entry.owes &= closed & 1 << entry.seq == 0;
    }
    if let Some(row) = db.node_mut(number) {
        row.nonce = nonce;
    }
}

/// What this row wrote and is still fresh in its node's hand.
pub(crate) fn fresh_of(db: &Db, number: Number, seq: Seq) -> Mask {
    let owned = db.entry(seq).map_or(0, |entry| entry.owned);
    let fresh = each(owned).filter(|one| db.rows[usize::from(*one)].fresh() == Some(number));
    fresh.fold(0, |mask, delivery| mask | bit(delivery))
}

fn index(db: &mut Db, seq: Seq) {
    let owned = db.entry(seq).map_or(0, |entry| entry.owned);
    for delivery in each(owned) {
        if let Row::Pending { due, .. } = &mut db.rows[usize::from(delivery)] {
            *due = true;
        }
    }
    close(db, seq);
}

fn close(db: &mut Db, seq: Seq) {
    for entry in db.journal.iter_mut().filter(|entry| entry.seq == seq) {
        entry.owes = false;
    }
}

/// Nobody's any more, and due at once.
fn free(db: &mut Db, delivery: Delivery) {
    if let Row::Pending { owner, token, due } = &mut db.rows[usize::from(delivery)] {
        *owner = None;
        *token += 1;
        *due = true;
    }
}

fn free_fresh(db: &mut Db, number: Number, among: Mask) {
    for delivery in 0..db.rows.len() as u8 {
        if among & bit(delivery) != 0 && db.rows[usize::from(delivery)].fresh() == Some(number) {
            free(db, delivery);
        }
    }
}

fn free_claims(db: &mut Db, number: Number) {
    for delivery in 0..db.rows.len() as u8 {
        let claim = db.rows[usize::from(delivery)].claimed();
        if claim.is_some_and(|(owner, _)| owner == number) {
            free(db, delivery);
        }
    }
    if let Some(row) = db.node_mut(number) {
        row.freed = true;
    }
}
