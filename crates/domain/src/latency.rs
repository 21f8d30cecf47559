//! How long attempts took, as counts of durations in slots that grow with them: small
//! enough to be kept for each minute, exact enough for percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

/// Slots per doubling.
const STEPS: u64 = 8;
/// log2 of [`STEPS`].
const STEP_BITS: u32 = 3;
/// The last slot: everything from here on (about an hour) counts as this.
const LAST: u8 = 240;

/// Counts of durations by slot. A slot is an eighth of a doubling wide, so that a
/// percentile is off by an eighth of its value at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency(BTreeMap<u8, u64>);

/// The slot of a duration in microseconds.
fn slot(micros: u64) -> u8 {
    if micros < STEPS {
        return micros as u8;
    }
    let exponent = micros.ilog2();
    let step = (micros >> (exponent - STEP_BITS)) - STEPS;
    let slot = u64::from(exponent - STEP_BITS + 1) * STEPS + step;
    u8::try_from(slot).map_or(LAST, |slot| slot.min(LAST))
}

/// Where a slot begins, in microseconds.
fn begins(slot: u8) -> u64 {
    let slot = u64::from(slot);
    if slot < STEPS {
        return slot;
    }
    (STEPS + slot % STEPS) << (slot / STEPS - 1)
}

impl Latency {
    /// Counts one duration.
    pub fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        *self.0.entry(slot(micros)).or_default() += 1;
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (slot, count) in &other.0 {
            let mine = self.0.entry(*slot).or_default();
            *mine = mine.saturating_add(*count);
        }
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The duration that `percent` of all do not exceed, told from the slot that it lies
    /// in; `None` if nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = (percent / 100.0 * total as f64).clamp(1.0, total as f64);
        let mut before = 0.0;
        for (slot, count) in &self.0 {
            let count = *count as f64;
            if before + count >= rank {
                let (from, to) = (begins(*slot), begins(slot.saturating_add(1)));
                let share = (rank - before) / count;
                let micros = from as f64 + (to.saturating_sub(from)) as f64 * share;
                return Some(Duration::from_micros(micros as u64));
            }
            before += count;
        }
        None
    }

    /// As bytes: each slot that counted something, then its count, seven bits a byte, the
    /// lowest first, the high bit set on all but the last (LEB128).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 2);
        for (slot, count) in &self.0 {
            bytes.push(*slot);
            let mut rest = *count;
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` if it did not.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut slots = BTreeMap::new();
        let mut bytes = bytes.iter();
        while let Some(&slot) = bytes.next() {
            let (mut count, mut shift) = (0_u64, 0_u32);
            loop {
                let byte = *bytes.next()?;
                count |= u64::from(byte & 0x7F).checked_shl(shift)?;
                if byte & 0x80 == 0 {
                    break;
                }
                shift += 7;
            }
            let mine: &mut u64 = slots.entry(slot.min(LAST)).or_default();
            *mine = mine.saturating_add(count);
        }
        Some(Self(slots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        for one in micros {
            latency.add(Duration::from_micros(one));
        }
        latency
    }

    #[test]
    fn slots_follow_each_other_without_a_gap() {
        for slot_ in 0..LAST {
            let from = begins(slot_);
            let to = begins(slot_ + 1);
            assert!(from < to, "{slot_}");
            assert_eq!(slot(from), slot_);
            assert_eq!(slot(to - 1), slot_);
        }
        assert_eq!(slot(u64::MAX), LAST);
    }

    #[test]
    fn a_percentile_is_off_by_an_eighth_at_most() {
        let latency = of(1..=10_000);
        for (percent, exact) in [
            (50.0, 5_000.0),
            (95.0, 9_500.0),
            (99.0, 9_900.0),
            (100.0, 10_000.0),
        ] {
            let told = latency.percentile(percent).unwrap().as_micros() as f64;
            assert!((told - exact).abs() / exact < 0.125, "{percent}: {told}");
        }
        assert_eq!(Latency::default().percentile(50.0), None);
        let one = of([30_000_000]).percentile(50.0).unwrap();
        assert!(
            one >= Duration::from_secs(26) && one <= Duration::from_secs(34),
            "{one:?}"
        );
    }

    #[test]
    fn counts_survive_their_bytes_and_add_up() {
        let mut all = of((0..100_000).map(|n| n * 37 % 2_000_000));
        let other = of([0, 1, 7, 8, u64::MAX]);
        assert_eq!(Latency::from_bytes(&all.to_bytes()), Some(all.clone()));
        let twice: Vec<u8> = [all.to_bytes(), other.to_bytes()].concat();
        all.merge(&other);
        assert_eq!(all.count(), 100_005);
        assert_eq!(Latency::from_bytes(&twice), Some(all));
    }

    #[test]
    fn other_bytes_are_refused_without_a_panic() {
        assert_eq!(Latency::from_bytes(&[1]), None);
        assert_eq!(Latency::from_bytes(&[1, 0x80]), None);
        assert_eq!(
            Latency::from_bytes(&[
                1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1
            ]),
            None
        );
        let wide = Latency::from_bytes(&[255, 1]).unwrap();
        assert!(wide.percentile(50.0).is_some());
    }
}
