//! Keys of payload rows: the day of expiry in the high bits, so that what expires
//! together lies together, and below it a number that no other row has.
//!
//! Numbers come in blocks of a million from the `counter` table, so a node asks the
//! database once in a million messages, and two nodes never hold the same block.

use postrider_domain::Timestamp;

use crate::engine::Db;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

const DAY: i64 = 86_400;
const NUMBER_BITS: u32 = 47;
const BLOCK_BITS: u32 = 20;

/// The smallest key of the payloads that expire on this day (days since 1970).
pub(crate) const fn first_of_day(day: i64) -> i64 {
    day << NUMBER_BITS
}

/// When the payload of this key expires: the end of its day.
pub(crate) fn expires_at(key: i64) -> Timestamp {
    Timestamp::from_seconds(((key >> NUMBER_BITS) + 1) * DAY)
}

const RESERVE_SQLITE: &str = "insert into counter (name, value) values ('payload_block', 1) \
    on conflict (name) do update set value = counter.value + 1 returning value";
const RESERVE_POSTGRES: &str = "with here as (select set_config('synchronous_commit', 'local', true) as set) \
    insert into counter (name, value) select 'payload_block', 1 from here where here.set is not null \
    on conflict (name) do update set value = counter.value + 1 returning value";

/// A block of numbers that only its holder uses.
#[derive(Debug)]
pub struct KeyBlock {
    next: i64,
    end: i64,
    /// How often the database had lost something when it was fetched: one that went back
    /// hands the same block out again.
    losses: u64,
}

impl KeyBlock {
    /// An empty block: [`Store::refill`] it before the first use.
    pub fn empty() -> Self {
        Self {
            next: 0,
            end: 0,
            losses: 0,
        }
    }

    /// How many keys are left.
    pub fn left(&self) -> usize {
        usize::try_from(self.end - self.next).unwrap_or(0)
    }

    /// A key for a payload that expires at `expires`, rounded up to the end of that
    /// day. `None` when the block is used up.
    pub fn take(&mut self, expires: Timestamp) -> Option<i64> {
        if self.next >= self.end {
            return None;
        }
        let key = first_of_day(expires.seconds().div_euclid(DAY)) | self.next;
        self.next += 1;
        Some(key)
    }
}

impl Store {
    /// Fetches a new block if fewer than `needed` keys are left in `block`.
    ///
    /// Its commit waits for no standby: a block that a fail-over takes back is found out like
    /// any other loss of the database, and the commits of what is stored under its keys come
    /// after it in the same log.
    pub async fn refill(&self, block: &mut KeyBlock, needed: usize) -> StoreResult<()> {
        let losses = self.losses();
        if block.left() >= needed && block.losses == losses {
            return Ok(());
        }
        let text = match &*self.db {
            Db::Sqlite(_) => RESERVE_SQLITE,
            Db::Postgres(_) => RESERVE_POSTGRES,
        };
        let number: i64 = self
            .write("reserving payload keys")
            .scalar(Sql::new(text))
            .await?;
        let block_number = number & ((1 << (NUMBER_BITS - BLOCK_BITS)) - 1);
        *block = KeyBlock {
            next: block_number << BLOCK_BITS,
            end: (block_number + 1) << BLOCK_BITS,
            losses,
        };
        Ok(())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    sqlite: &[RESERVE_SQLITE],
    postgres: &[RESERVE_POSTGRES],
    ..Statements::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_day_of_expiry_and_never_repeat() {
        let mut block = KeyBlock {
            next: 5,
            end: 7,
            losses: 0,
        };
        let late = block.take(Timestamp::from_seconds(10 * DAY)).unwrap();
        let early = block.take(Timestamp::from_seconds(9 * DAY)).unwrap();
        assert!(early < late);
        assert_eq!(block.take(Timestamp::from_seconds(0)), None);
        assert_eq!(expires_at(late), Timestamp::from_seconds(11 * DAY));
        assert!(first_of_day(10) <= late && late < first_of_day(11));
    }
}
