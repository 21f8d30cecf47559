//! How sure a ratio is: the mean of its logarithms and the 95 % interval of that mean.

use std::f64::consts::PI;

/// What the interval holds the true mean with.
const CONFIDENCE: f64 = 0.95;
/// Beyond the quantile for one degree of freedom, the largest there is.
const FARTHEST: f64 = 16.0;
/// Halvings of a range of that size: to the last bit of what is printed.
const HALVINGS: u32 = 60;

/// A ratio and between what it lies.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(super) struct Interval {
    pub(super) ratio: f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
}

impl Interval {
    /// From the logarithms of independent ratios; one alone tells nothing of their spread.
    pub(super) fn of(logarithms: &[f64]) -> Option<Self> {
        let count = logarithms.len();
        if count < 2 {
            return None;
        }
        let mean = logarithms.iter().sum::<f64>() / count as f64;
        let squares: f64 = logarithms.iter().map(|one| (one - mean).powi(2)).sum();
        let error = (squares / (count - 1) as f64 / count as f64).sqrt();
        let half = quantile(count - 1) * error;
        Some(Self {
            ratio: mean.exp(),
            lower: (mean - half).exp(),
            upper: (mean + half).exp(),
        })
    }

    /// Half of what lies between its ends.
    pub(super) fn half_width(self) -> f64 {
        (self.upper - self.lower) / 2.0
    }

    /// For people: the ratio, and between what it lies.
    pub(super) fn text(self) -> String {
        format!("{:.4} [{:.4}, {:.4}]", self.ratio, self.lower, self.upper)
    }
}

/// The value that Student's t with `freedom` degrees of freedom stays within, either side of
/// nought, with the probability that an interval here has.
fn quantile(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, FARTHEST);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if within(middle, freedom) < CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability that Student's t lies between `-t` and `t`: the finite series for whole
/// degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn within(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2 == 1;
    // The series ends with the power `freedom - 2` of the cosine.
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    for power in (usize::from(odd)..freedom.saturating_sub(1)).step_by(2) {
        sum += term;
        let next = power as f64 + 1.0;
        term *= cosine * cosine * next / (next + 1.0);
    }
    if odd {
        2.0 / PI * (angle + sine * sum)
    } else {
        sine * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        for (freedom, wanted) in [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (9, 2.262),
            (19, 2.093),
            (20, 2.086),
            (120, 1.980),
            (1_001, 1.962),
        ] {
            let found = quantile(freedom);
            assert!((found - wanted).abs() < 6e-4, "{freedom}: {found}");
        }
    }

    #[test]
    fn an_interval_is_the_mean_of_the_logarithms_and_what_their_spread_allows() {
        // Logarithms with mean 0 and standard error 0.1 / sqrt(3).
        let interval = Interval::of(&[-0.1, 0.0, 0.1]).unwrap();
        let half = 4.3027 * 0.1 / 3.0_f64.sqrt();
        assert!((interval.ratio - 1.0).abs() < 1e-12);
        assert!((interval.lower - (-half).exp()).abs() < 1e-4);
        assert!((interval.upper - half.exp()).abs() < 1e-4);
        assert!((interval.half_width() - half.sinh()).abs() < 1e-4);
    }

    #[test]
    fn turning_the_two_round_turns_the_ratio_round() {
        let pairs = [0.01, 0.03, -0.02, 0.015];
        let one = Interval::of(&pairs).unwrap();
        let other = Interval::of(&pairs.map(|pair| -pair)).unwrap();
        assert!((one.ratio * other.ratio - 1.0).abs() < 1e-12);
        assert!((one.upper * other.lower - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_single_pair_has_no_interval_and_equal_ones_have_one_of_no_width() {
        assert_eq!(Interval::of(&[0.5]), None);
        assert!(Interval::of(&[0.2; 20]).unwrap().half_width() < 1e-12);
    }
}
