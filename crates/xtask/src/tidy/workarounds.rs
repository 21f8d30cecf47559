//! What we do in a library's place only until it does so itself: a newer version of it has
//! somebody look.

use std::io;
use std::path::Path;

/// Library, the last version that lacks it, and where we do it instead.
const WORKAROUNDS: &[(&str, &str, &str)] =
    &[("sqlx", "0.9.0", "crates/store/src/engine/nodelay.rs")];

pub(super) fn check(root: &Path) -> io::Result<Vec<String>> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    let mut faults = Vec::new();
    for (library, version, place) in WORKAROUNDS {
        if root.join(place).exists() {
            faults.extend(outlived(&lock, library, version, place));
        } else {
            faults.push(format!(
                "crates/xtask/src/tidy/workarounds.rs: {place} is gone: take it off the list"
            ));
        }
    }
    Ok(faults)
}

/// Whether the lock file has another version of the library than the last that lacks it.
fn outlived(lock: &str, library: &str, version: &str, place: &str) -> Option<String> {
    let entry = format!("name = \"{library}\"\nversion = \"");
    let found = lock.split_once(&entry)?.1.split('"').next()?;
    (found != version).then(|| {
        format!(
            "{place}: stands in for what {library} {version} lacks, and {library} is {found} now: \
             look whether it can go, or raise the version in crates/xtask/src/tidy/workarounds.rs"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_library_has_the_stand_in_looked_at() {
        let lock = |version| {
            format!(
                "[[package]]\nname = \"sqlx-core\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"sqlx\"\nversion = \"{version}\"\n"
            )
        };
        let said = |version| outlived(&lock(version), "sqlx", "0.9.0", "nodelay.rs");
        assert_eq!(said("0.9.0"), None);
        assert!(said("0.9.1").unwrap().contains("sqlx is 0.9.1 now"));
    }
}
