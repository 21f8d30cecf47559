//! Percentiles and medians.

/// Half and nearly all of a run's publish-to-receipt times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    /// From nanoseconds in any order; zeros when there are none.
    pub(super) fn of(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        let at = |share| percentile(&nanos, share) as f64 / 1e6;
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }

    /// The median of each figure over several runs.
    pub(super) fn median(runs: &[Self]) -> Self {
        let of = |pick: fn(&Self) -> f64| median(runs.iter().map(pick).collect());
        Self {
            p50: of(|run| run.p50),
            p99: of(|run| run.p99),
            max: of(|run| run.max),
        }
    }
}

/// The smallest value that at least `share` of the values do not exceed (nearest rank).
fn percentile(sorted: &[u64], share: f64) -> u64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// The middle value, or the lower of the two in the middle; 0 when there is none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 0.5), 50);
        assert_eq!(percentile(&hundred, 0.99), 99);
        assert_eq!(percentile(&hundred, 1.0), 100);
        assert_eq!(percentile(&[7], 0.5), 7);
        assert_eq!(percentile(&[7], 0.99), 7);
        assert_eq!(percentile(&[], 0.5), 0);
    }

    #[test]
    fn latencies_are_milliseconds_whatever_their_order() {
        let latency = Latency::of(vec![3_000_000, 1_000_000, 2_000_000]);
        assert!((latency.p50 - 2.0).abs() < 1e-9);
        assert!((latency.p99 - 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).abs() < 1e-9);
    }
}
