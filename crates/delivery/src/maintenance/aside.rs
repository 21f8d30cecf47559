//! Putting aside what fails, so that it does not hold up the rest.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use postrider_domain::Timestamp;

/// How long something rests whose fault is of the moment: it goes on soon after the cause's end.
const MOMENT: Duration = Duration::from_secs(1);
/// How long it rests otherwise: twice as long each time, from here to there.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// What has failed and rests.
#[derive(Debug)]
pub(crate) struct Aside<K>(HashMap<K, Resting>);

#[derive(Clone, Copy, Debug)]
struct Resting {
    failures: u32,
    until: Timestamp,
}

impl<K> Default for Aside<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Aside<K> {
    /// Puts something aside that has failed now.
    pub(crate) fn put(&mut self, key: K, now: Timestamp, is_transient: bool) {
        let failures = self.0.get(&key).map_or(0, |resting| resting.failures);
        let rest = if is_transient {
            MOMENT
        } else {
            REST.0.saturating_mul(1 << failures.min(16)).min(REST.1)
        };
        let resting = Resting {
            failures: failures + 1,
            until: now.plus(rest),
        };
        self.0.insert(key, resting);
    }

    /// It works.
    pub(crate) fn well(&mut self, key: K) {
        self.0.remove(&key);
    }

    /// What rests still. What has long been well without anybody's saying so is forgotten.
    pub(crate) fn resting(&mut self, now: Timestamp) -> Vec<K> {
        self.0.retain(|_, resting| now < resting.until.plus(REST.1));
        let still = self.0.iter().filter(|(_, resting)| now < resting.until);
        still.map(|(key, _)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_rests_twice_as_long_each_time_up_to_a_minute() {
        let (mut aside, mut now) = (Aside::default(), Timestamp::from_seconds(1_800_000_000));
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            aside.put('a', now, false);
            let end = now.plus(Duration::from_secs(seconds));
            assert_eq!(aside.resting(end.minus(Duration::from_micros(1))), ['a']);
            assert!(aside.resting(end).is_empty());
            now = end;
        }
        aside.put('b', now, true);
        aside.put('b', now, true);
        assert!(aside.resting(now.plus(MOMENT)).is_empty());
        aside.put('a', now, false);
        aside.well('a');
        assert!(!aside.resting(now).contains(&'a'));
    }
}
