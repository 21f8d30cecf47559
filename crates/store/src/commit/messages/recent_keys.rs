//! SQLite's youngest idempotency keys: in memory and in a log.
//!
//! Keys are random, so that each one inserted into `publish_key` would dirty a page of its
//! own, more than all else that a message writes. Instead a commit appends its keys to
//! `publish_key_log` in one row, and they are kept in memory. When there are many, the
//! commits that follow carry them over to the table in the table's order, a slice each, and
//! then drop the log's rows.
//!
//! **Invariants.** A key in force is in the log or in the table, and every key of the log is
//! in memory while a batch is judged. Memory changes only after a commit has gone through;
//! whatever is repeated after one that has not, or of which that is not known, ends alike.

use std::collections::HashMap;

use parking_lot::Mutex;
use postrider_domain::{MessageId, Timestamp};
use uuid::Uuid;

use super::PublishKey;

/// Keys in memory that set off a move to the table: some 8 MB with those that come while it
/// goes on.
const MANY: usize = 65_536;
/// Keys that a commit moves at least.
const SLICE: usize = 512;
/// Keys that a commit moves for each that it brings, so that a move always ends.
const PACE: usize = 4;
/// Rows of the log that a commit drops.
const ROWS: i64 = 64;
/// Bytes of a key in the log.
const PACKED: usize = 56;

/// The keys since the last move. One writer at a time uses it.
#[derive(Debug)]
pub(crate) struct RecentKeys(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many keys set off a move.
    many: usize,
    /// The newest row of the log that is known here.
    seq: i64,
    keys: HashMap<[u8; 16], Entry>,
    moving: Option<Move>,
}

/// A key with the row of the log that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    seq: i64,
    pub(super) key: PublishKey,
    pub(super) message: MessageId,
}

/// A move under way.
#[derive(Debug)]
struct Move {
    /// The newest row of the log when it began: it ends with this one's keys.
    upto: i64,
    /// Those keys in the table's order, and how many have moved.
    order: Vec<[u8; 16]>,
    moved: usize,
    /// The newest row of the log that was dropped.
    dropped: i64,
}

/// What one commit carries over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyStep {
    /// Keys to put into the table.
    pub(super) keys: Vec<Entry>,
    /// The newest row to drop from the log.
    pub(super) drop_to: Option<i64>,
    /// How far the order is done after it.
    moved: usize,
}

/// What one commit adds.
#[derive(Debug, Default)]
pub(crate) struct Addition {
    /// The row of the log.
    pub(super) seq: i64,
    entries: Vec<Entry>,
}

impl Addition {
    /// The row's value.
    pub(crate) fn packed(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(self.entries.len() * PACKED);
        for entry in &self.entries {
            packed.extend_from_slice(&entry.key.key);
            packed.extend_from_slice(&entry.key.body_hash);
            packed.extend_from_slice(entry.message.uuid().as_bytes());
            packed.extend_from_slice(&entry.key.expires_at.micros().to_be_bytes());
        }
        packed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Default for RecentKeys {
    fn default() -> Self {
        Self::moving_at(MANY)
    }
}

impl RecentKeys {
    fn moving_at(many: usize) -> Self {
        Self(Mutex::new(Inner {
            many,
            seq: 0,
            keys: HashMap::new(),
            moving: None,
        }))
    }

    /// The newest row of the log that is known here.
    pub(crate) fn seq(&self) -> i64 {
        self.0.lock().seq
    }

    /// Takes in rows of the log that are not known here, oldest first: after a start, or
    /// after a commit whose answer was lost.
    pub(crate) fn absorb(&self, rows: Vec<(i64, Vec<u8>)>) {
        let mut inner = self.0.lock();
        for (seq, packed) in rows {
            for entry in packed
                .chunks_exact(PACKED)
                .filter_map(|one| unpack(seq, one))
            {
                inner.keys.insert(entry.key.key, entry);
            }
            inner.seq = inner.seq.max(seq);
        }
    }

    /// The message that has the key, if that is known here, and what its body was.
    pub(crate) fn holder(&self, key: &[u8; 16], now: Timestamp) -> Option<(MessageId, [u8; 16])> {
        let inner = self.0.lock();
        let entry = inner.keys.get(key)?;
        (entry.key.expires_at > now).then_some((entry.message, entry.key.body_hash))
    }

    /// The next row of the log.
    pub(crate) fn addition(&self, keys: impl Iterator<Item = (PublishKey, MessageId)>) -> Addition {
        let seq = self.seq() + 1;
        Addition {
            seq,
            entries: keys
                .map(|(key, message)| Entry { seq, key, message })
                .collect(),
        }
    }

    /// What a commit of so many new keys should carry over.
    pub(crate) fn step(&self, new: usize, now: Timestamp) -> KeyStep {
        let mut inner = self.0.lock();
        if inner.moving.is_none() && inner.keys.len() >= inner.many {
            let mut order: Vec<_> = inner.keys.keys().copied().collect();
            order.sort_unstable();
            inner.moving = Some(Move {
                upto: inner.seq,
                order,
                moved: 0,
                dropped: inner.keys.values().map(|e| e.seq).min().unwrap_or(0) - 1,
            });
        }
        let Some(moving) = &inner.moving else {
            return KeyStep::default();
        };
        let end = moving.order.len().min(moving.moved + SLICE.max(PACE * new));
        let slice = &moving.order[moving.moved..end];
        let keys = slice
            .iter()
            .filter_map(|key| inner.keys.get(key))
            // One that was taken again since then moves the next time.
            .filter(|entry| entry.seq <= moving.upto && entry.key.expires_at > now)
            .copied()
            .collect();
        let all = moving.moved == moving.order.len();
        KeyStep {
            keys,
            drop_to: all.then(|| moving.upto.min(moving.dropped + ROWS)),
            moved: end,
        }
    }

    /// The commit went through.
    pub(crate) fn committed(&self, added: &Addition, step: &KeyStep) {
        let mut inner = self.0.lock();
        if !added.is_empty() {
            inner.seq = inner.seq.max(added.seq);
            for entry in &added.entries {
                inner.keys.insert(entry.key.key, *entry);
            }
        }
        inner.advance(step);
    }
}

impl Inner {
    fn advance(&mut self, step: &KeyStep) {
        let Some(moving) = &mut self.moving else {
            return;
        };
        for key in &moving.order[moving.moved..step.moved] {
            if self
                .keys
                .get(key)
                .is_some_and(|entry| entry.seq <= moving.upto)
            {
                self.keys.remove(key);
            }
        }
        moving.moved = step.moved;
        if let Some(dropped) = step.drop_to {
            moving.dropped = dropped;
            if dropped >= moving.upto {
                self.moving = None;
            }
        }
    }
}

fn unpack(seq: i64, packed: &[u8]) -> Option<Entry> {
    let (key, rest) = packed.split_first_chunk::<16>()?;
    let (body_hash, rest) = rest.split_first_chunk::<16>()?;
    let (message, rest) = rest.split_first_chunk::<16>()?;
    let (expires_at, _) = rest.split_first_chunk::<8>()?;
    Some(Entry {
        seq,
        key: PublishKey {
            key: *key,
            body_hash: *body_hash,
            expires_at: Timestamp::from_micros(i64::from_be_bytes(*expires_at)),
        },
        message: MessageId::from_uuid(Uuid::from_bytes(*message)),
    })
}

#[cfg(test)]
mod tests;
