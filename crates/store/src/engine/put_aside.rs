//! What rests in the database because it has failed: for how long, and what is kept of why.

use std::time::Duration;

use crate::engine::error::StoreError;

/// How far what is put aside is counted.
pub(crate) const COUNTED: i64 = 10_000;
/// The longest rest.
const LONGEST: Duration = Duration::from_mins(5);
/// Characters that are kept of an error.
const WORDS: usize = 500;

/// How long something rests that has failed so many times before: twice as long each time.
pub(crate) fn rest(failures: i32) -> Duration {
    let times = 1 << failures.clamp(0, 16);
    Duration::from_secs(1).saturating_mul(times).min(LONGEST)
}

/// An error in words, with its cause.
pub(crate) fn words(error: &StoreError) -> String {
    let cause =
        std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    format!("{error}{cause}").chars().take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_five_minutes() {
        let seconds: Vec<u64> = (0..11).map(|failures| rest(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(rest(i32::MAX), LONGEST);
        assert_eq!(rest(-1), Duration::from_secs(1));
    }
}
