//! Moving a delay at random, so that what failed together is not tried together.

use std::time::Duration;

/// A delay is moved by up to this share of itself, either way.
pub const SHARE: f64 = 0.1;

/// The delay moved by `random`, a number from 0 (earliest) to 1 (latest); 0.5, and
/// what is no number, move nothing.
pub(crate) fn jittered(delay: Duration, random: f64) -> Duration {
    let random = if random.is_finite() {
        random.clamp(0.0, 1.0)
    } else {
        0.5
    };
    delay.mul_f64(1.0 - SHARE + 2.0 * SHARE * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_moved_by_a_tenth_at_most_and_odd_numbers_do_no_harm() {
        for (random, millis) in [
            (0.0, 900),
            (0.5, 1000),
            (1.0, 1100),
            (-9.0, 900),
            (9.0, 1100),
            (f64::NAN, 1000),
            (f64::INFINITY, 1000),
        ] {
            let moved = jittered(Duration::from_secs(1), random);
            assert_eq!(moved.as_millis(), millis, "{random}");
        }
    }
}
