//! The keys against a database of two maps, whose commits fail, or succeed unheard.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// `publish_key_log`, `publish_key`, and every key that was ever taken.
#[derive(Default)]
struct Database {
    log: BTreeMap<i64, Vec<u8>>,
    table: BTreeMap<[u8; 16], (MessageId, Timestamp)>,
    taken: HashMap<[u8; 16], (MessageId, Timestamp)>,
}

/// How a commit ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Heard,
    Unheard,
    RolledBack,
}

impl Database {
    /// What `sqlite::write` does with keys, for one commit.
    fn commit(&mut self, recent: &RecentKeys, new: &[PublishKey], now: Timestamp, end: End) {
        let newest = self.log.keys().next_back().copied().unwrap_or(0);
        if newest > recent.seq() {
            let missed = self.log.range(recent.seq() + 1..);
            recent.absorb(missed.map(|(seq, keys)| (*seq, keys.clone())).collect());
        }
        let free = new.iter().filter(|key| {
            recent.holder(&key.key, now).is_none()
                && self
                    .table
                    .get(&key.key)
                    .is_none_or(|(_, until)| *until <= now)
        });
        let new: Vec<_> = free.map(|key| (*key, MessageId::mint(now))).collect();
        let added = recent.addition(new.iter().copied());
        let step = recent.step(new.len(), now);
        if end == End::RolledBack {
            return;
        }
        if !added.is_empty() {
            self.log.insert(added.seq, added.packed());
        }
        for entry in &step.keys {
            let value = (entry.message, entry.key.expires_at);
            self.table.insert(entry.key.key, value);
        }
        if let Some(seq) = step.drop_to {
            self.log.retain(|row, _| *row > seq);
        }
        for (key, message) in new {
            self.taken.insert(key.key, (message, key.expires_at));
        }
        if end == End::Heard {
            recent.committed(&added, &step);
        }
    }

    /// The keys as a store that has just been opened has them in memory.
    fn opened(&self) -> RecentKeys {
        let recent = RecentKeys::default();
        let rows = self.log.iter().map(|(seq, keys)| (*seq, keys.clone()));
        recent.absorb(rows.collect());
        recent
    }

    /// Who has the key, as a store with these in memory sees it.
    fn holder(&self, recent: &RecentKeys, key: &[u8; 16], now: Timestamp) -> Option<MessageId> {
        let tabled = || {
            let (message, until) = self.table.get(key)?;
            (*until > now).then_some(*message)
        };
        let known = recent.holder(key, now).map(|(message, _)| message);
        known.or_else(tabled)
    }
}

fn key(number: u128, now: Timestamp) -> PublishKey {
    // Spread, as digests are.
    let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    PublishKey {
        key: key.to_be_bytes(),
        body_hash: number.to_be_bytes(),
        expires_at: now.plus(Duration::from_mins(10)),
    }
}

#[test]
fn a_taken_key_has_its_holder_through_moves_failures_and_restarts() {
    let mut database = Database::default();
    let mut recent = RecentKeys::moving_at(2_000);
    let mut now = START;
    let mut next = 0;
    for round in 0_u32..400 {
        now = now.plus(Duration::from_secs(5));
        let count = u128::from(round * 37 % 90);
        // Some of each batch were used before: in force still, or expired and free again.
        let again = (0..count / 8).map(|back| next - (back * 211 % (next + 1)).min(next));
        let keys: Vec<_> = (next..next + count).chain(again).collect();
        let mut batch: Vec<_> = keys.into_iter().map(|number| key(number, now)).collect();
        batch.sort_unstable_by_key(|key| key.key);
        batch.dedup_by_key(|key| key.key);
        next += count;
        let end = match round % 11 {
            3 => End::RolledBack,
            7 => End::Unheard,
            _ => End::Heard,
        };
        database.commit(&recent, &batch, now, end);
        if round % 97 == 96 {
            recent = RecentKeys::moving_at(2_000);
        }
        let opened = database.opened();
        for (key, (message, until)) in &database.taken {
            let expected = (*until > now).then_some(*message);
            let holder = database.holder(&opened, key, now);
            assert_eq!(holder, expected, "round {round}");
        }
    }
    assert!(database.table.len() > 5_000, "keys have moved");
    assert!(database.log.len() < 200, "the log was trimmed");
}

#[test]
fn what_is_in_memory_stays_bounded_under_a_steady_load() {
    let mut database = Database::default();
    let recent = RecentKeys::moving_at(5_000);
    for batch in 0..400 {
        let now = START.plus(Duration::from_millis(batch));
        let keys: Vec<_> = (0..512)
            .map(|at| key(u128::from(batch * 512 + at), now))
            .collect();
        database.commit(&recent, &keys, now, End::Heard);
        let held = recent.0.lock().keys.len();
        assert!(held < 10_000, "{held} keys after batch {batch}");
        assert!(database.log.len() < 100, "{} rows", database.log.len());
    }
}
