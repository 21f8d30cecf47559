//! Finds the name that a mistyped one was probably meant to be.

/// The candidate that takes the fewest edits, if it takes few enough to be a likely slip.
pub(super) fn nearest(wrong: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let wrong = wrong.to_ascii_lowercase();
    candidates
        .map(|name| {
            (
                strsim::levenshtein(&wrong, &name.to_ascii_lowercase()),
                name,
            )
        })
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, name)| *edits <= (name.len() / 3).max(2))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> impl Iterator<Item = String> {
        ["LISTEN", "PUBLIC_URL"].into_iter().map(String::from)
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("LISTNE", names()).as_deref(), Some("LISTEN"));
        assert_eq!(
            nearest("public_uri", names()).as_deref(),
            Some("PUBLIC_URL")
        );
    }

    #[test]
    fn a_word_like_no_other_gets_no_suggestion() {
        assert_eq!(nearest("ZQXJKVWB", names()), None);
    }
}
