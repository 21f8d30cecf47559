//! The token bucket behind `throttleRate`. Whole numbers only, so that no
//! rounding adds up to a send too many.

use crate::Timestamp;

/// One token, in the bucket's unit: millionths, so that a rate per second is a
/// rate of units per microsecond.
const TOKEN: u64 = 1_000_000;
/// No burst is larger than this, whatever the rate.
const MAX_BURST: u64 = 100;

/// A token bucket: so many sends per second, with a burst of a tenth of that (at
/// least 1, at most 100), so that no second sees much more than the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: u64,
    level: u64,
    filled_at: Timestamp,
}

fn capacity(rate: u64) -> u64 {
    (rate / 10).clamp(1, MAX_BURST) * TOKEN
}

impl Bucket {
    /// A full bucket of so many tokens per second (0 counts as 1).
    pub fn new(rate: u16, now: Timestamp) -> Self {
        let rate = u64::from(rate.max(1));
        Self {
            rate,
            level: capacity(rate),
            filled_at: now,
        }
    }

    /// Takes a token, or tells when there is one to take.
    pub fn try_take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.fill(now);
        if let Some(level) = self.level.checked_sub(TOKEN) {
            self.level = level;
            return Ok(());
        }
        let wait = (TOKEN - self.level).div_ceil(self.rate);
        Err(self.filled_at.plus(std::time::Duration::from_micros(wait)))
    }

    /// Puts a token back that was taken for a send that did not happen.
    pub fn put_back(&mut self) {
        self.level = (self.level + TOKEN).min(capacity(self.rate));
    }

    /// Whether it is as a new one would be: nothing is lost with it.
    pub fn is_full(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        self.level == capacity(self.rate)
    }

    /// Changes the rate from now on (0 counts as 1); what has been earned stays,
    /// up to the new burst.
    pub fn set_rate(&mut self, rate: u16, now: Timestamp) {
        self.fill(now);
        self.rate = u64::from(rate.max(1));
        self.level = self.level.min(capacity(self.rate));
    }

    /// Tokens per second.
    pub fn rate(&self) -> u16 {
        u16::try_from(self.rate).unwrap_or(u16::MAX)
    }

    fn fill(&mut self, now: Timestamp) {
        if now <= self.filled_at {
            // The clock stepped back: nothing is earned twice. Should it have
            // jumped far, count from here, lest the lane wait for it to return.
            if self.filled_at.since(now).as_secs() >= 1 {
                self.filled_at = now;
            }
            return;
        }
        let micros = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        self.level = self
            .level
            .saturating_add(micros.saturating_mul(self.rate))
            .min(capacity(self.rate));
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + micros)
    }

    /// Takes as often as possible for so many seconds; the times of the takes.
    fn drain(bucket: &mut Bucket, from: i64, seconds: i64) -> Vec<Timestamp> {
        let mut now = at(from);
        let mut taken = Vec::new();
        while now < at(from + seconds * 1_000_000) {
            match bucket.try_take(now) {
                Ok(()) => taken.push(now),
                Err(next) => {
                    assert!(next > now);
                    now = next;
                }
            }
        }
        taken
    }

    #[test]
    fn over_ten_seconds_it_gives_the_rate_and_one_burst_exactly() {
        for (rate, burst) in [
            (1, 1),
            (3, 1),
            (7, 1),
            (10, 1),
            (50, 5),
            (1000, 100),
            (65535, 100),
        ] {
            let mut bucket = Bucket::new(rate, at(0));
            let taken = drain(&mut bucket, 0, 10).len() as i64;
            let want = i64::from(rate) * 10 + burst;
            assert!((want - 1..=want).contains(&taken), "{rate}: {taken}");
        }
    }

    #[test]
    fn the_time_it_names_is_the_first_at_which_there_is_a_token() {
        let mut bucket = Bucket::new(3, at(0));
        assert_eq!(bucket.try_take(at(0)), Ok(()));
        let next = at(333_334);
        assert_eq!(bucket.try_take(at(0)), Err(next));
        assert_eq!(bucket.try_take(at(333_333)), Err(next));
        assert_eq!(bucket.try_take(next), Ok(()));
    }

    #[test]
    fn no_second_sees_more_than_the_rate_and_the_burst() {
        let mut bucket = Bucket::new(20, at(0));
        drain(&mut bucket, 0, 2);
        let taken = drain(&mut bucket, 60_000_000, 5);
        for (i, first) in taken.iter().enumerate() {
            let second = taken[i..].iter().filter(|t| t.since(*first).as_secs() < 1);
            assert!(second.count() <= 22);
        }
    }

    #[test]
    fn a_long_rest_earns_no_more_than_the_burst() {
        let mut bucket = Bucket::new(10, at(0));
        bucket.try_take(at(0)).unwrap();
        let much_later = at(i64::MAX / 2);
        assert_eq!(bucket.try_take(much_later), Ok(()));
        assert!(bucket.try_take(much_later).is_err());
    }

    #[test]
    fn the_rate_can_change_while_it_runs() {
        let mut bucket = Bucket::new(1, at(0));
        bucket.try_take(at(0)).unwrap();
        assert_eq!(bucket.try_take(at(0)), Err(at(1_000_000)));
        bucket.set_rate(100, at(0));
        assert_eq!(bucket.rate(), 100);
        assert_eq!(bucket.try_take(at(0)), Err(at(10_000)));
        assert_eq!(bucket.try_take(at(10_000)), Ok(()));
        let mut full = Bucket::new(1000, at(0));
        full.set_rate(10, at(0));
        assert_eq!(full.try_take(at(0)), Ok(()));
        assert_eq!(full.try_take(at(0)), Err(at(100_000)));
    }

    #[test]
    fn a_clock_that_steps_back_earns_nothing_twice_and_does_not_stall_the_lane() {
        let mut bucket = Bucket::new(10, at(0));
        bucket.try_take(at(0)).unwrap();
        assert_eq!(bucket.try_take(at(-500_000)), Err(at(100_000)));
        assert_eq!(bucket.try_take(at(-5_000_000)), Err(at(-4_900_000)));
        assert_eq!(bucket.try_take(at(-4_900_000)), Ok(()));
    }

    #[test]
    fn a_token_put_back_can_be_taken_again_but_never_above_the_burst() {
        let mut bucket = Bucket::new(5, at(0));
        bucket.put_back();
        bucket.try_take(at(0)).unwrap();
        assert!(bucket.try_take(at(0)).is_err());
        bucket.put_back();
        assert_eq!(bucket.try_take(at(0)), Ok(()));
    }

    #[test]
    fn a_rate_of_zero_counts_as_one() {
        assert_eq!(Bucket::new(0, at(0)), Bucket::new(1, at(0)));
    }
}
