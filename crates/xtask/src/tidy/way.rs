//! A message's way, as the first page lists it, is short, and each file of it names the next.

use std::io;
use std::path::Path;

const PAGE: &str = "ARCHITECTURE.md";
const HEADING: &str = "## A message's way";
/// The most files that a newcomer reads to follow a message.
const MOST: usize = 12;
/// What the line of a file's head begins with that names the next.
const NEXT: &str = "//! Next on a message's way: ";

pub(super) fn check(root: &Path) -> io::Result<Vec<String>> {
    let page = std::fs::read_to_string(root.join(PAGE))?;
    let stations = stations(&page);
    let mut faults = Vec::new();
    if stations.is_empty() || stations.len() > MOST {
        faults.push(format!(
            "{PAGE}: a message's way has {} files: 1 to {MOST}",
            stations.len()
        ));
    }
    for pair in stations.windows(2) {
        let (here, next) = (pair[0], pair[1]);
        let text = std::fs::read_to_string(root.join(here)).unwrap_or_default();
        if !names(&text, next) {
            faults.push(format!("{here}: its head does not say {NEXT}`{next}`"));
        }
    }
    Ok(faults)
}

/// The files of the numbered list.
fn stations(page: &str) -> Vec<&str> {
    let list = page.split(HEADING).nth(1).unwrap_or_default();
    let list = list.split("\n## ").next().unwrap_or_default();
    let is_numbered = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
    list.lines()
        .filter(is_numbered)
        .filter_map(|line| line.split('`').nth(1))
        .collect()
}

fn names(text: &str, next: &str) -> bool {
    let mut heads = text.lines().filter_map(|line| line.strip_prefix(NEXT));
    heads.any(|named| named.split('`').nth(1) == Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_list_are_found_and_what_follows_it_is_not() {
        let page = "# A\n\n## A message's way\n\nFrom:\n\n1. `a/b.rs`: x\n2. `a/c.rs`, or `d.rs`\n\nLater `e.rs`.\n\n## Crates\n\n1. `f.rs`\n";
        assert_eq!(stations(page), ["a/b.rs", "a/c.rs"]);
        assert!(stations("# A\n").is_empty());
    }

    #[test]
    fn a_head_names_the_next_or_it_does_not() {
        let text = "//! What it is.\n//!\n//! Next on a message's way: `a/c.rs`.\n";
        assert!(names(text, "a/c.rs"));
        assert!(!names(text, "a/d.rs"));
        assert!(!names("//! `a/c.rs`\n", "a/c.rs"));
    }
}
