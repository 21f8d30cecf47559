//! Dice, so that what failed together is not tried together.

/// A number from 0 to below 1, for what [`postrider_domain::NextInput`] and lanes move
/// at random. It decides nothing that anybody could gain from guessing.
#[expect(clippy::disallowed_methods, reason = "dice are thrown here alone")]
pub(crate) fn jitter() -> f64 {
    rand::random()
}
