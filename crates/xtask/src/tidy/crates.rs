//! Who may depend on whom.

use std::io;
use std::path::Path;

/// The server's crates, and which of ours each may name.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("store", &["postrider-domain"]),
    ("dashboard", &[]),
    (
        "delivery",
        &["postrider-domain", "postrider-store", "postrider-verify"],
    ),
    (
        "api",
        &[
            "postrider-dashboard",
            "postrider-delivery",
            "postrider-domain",
            "postrider-store",
            "postrider-verify",
        ],
    ),
    (
        "postrider",
        &[
            "postrider-api",
            "postrider-delivery",
            "postrider-domain",
            "postrider-store",
            "postrider-verify",
        ],
    ),
];

/// Libraries that one crate of the server keeps to itself.
const PRIVATE: &[(&str, &str)] = &[
    ("sqlx", "store"),
    ("apalis", "delivery"),
    ("apalis-core", "delivery"),
    ("reqwest", "delivery"),
];

pub(super) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for (name, allowed) in ARROWS {
        let manifest = std::fs::read_to_string(root.join(format!("crates/{name}/Cargo.toml")))?;
        faults.extend(check_manifest(name, allowed, &manifest));
    }
    Ok(faults)
}

fn check_manifest(name: &str, allowed: &[&str], manifest: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for dependency in dependencies(manifest) {
        if dependency.starts_with("postrider") && !allowed.contains(&dependency) {
            faults.push(format!(
                "crates/{name}/Cargo.toml: must not depend on {dependency}"
            ));
        }
        let owner = PRIVATE.iter().find(|(library, _)| *library == dependency);
        if let Some((_, owner)) = owner.filter(|(_, owner)| *owner != name) {
            faults.push(format!(
                "crates/{name}/Cargo.toml: only crates/{owner} names {dependency}"
            ));
        }
    }
    faults
}

/// Names in `[dependencies]` and its target-specific kin; tests may take what they like.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            inside = header.ends_with("dependencies") && !header.ends_with("dev-dependencies");
            names.extend(header.strip_prefix("dependencies."));
        } else if inside && !line.starts_with('#') {
            names.extend(
                line.split(['.', '=', ' '])
                    .next()
                    .filter(|name| !name.is_empty()),
            );
            // A renamed dependency is still the one it is.
            names.extend(
                line.split("package = \"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next()),
            );
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_reaches_too_far_is_found() {
        let manifest = "[dependencies]\nsqlx.workspace = true\npostrider-api = { path = '' }\n\
                        http2 = { package = \"reqwest\", version = \"1\" }\n";
        assert_eq!(
            check_manifest("domain", &[], manifest),
            [
                "crates/domain/Cargo.toml: only crates/store names sqlx",
                "crates/domain/Cargo.toml: must not depend on postrider-api",
                "crates/domain/Cargo.toml: only crates/delivery names reqwest",
            ]
        );
    }

    #[test]
    fn tests_may_depend_on_what_they_like() {
        let manifest =
            "[dependencies]\nserde.workspace = true\n[dev-dependencies]\nsqlx.workspace = true\n";
        assert_eq!(
            check_manifest("domain", &[], manifest),
            Vec::<String>::new()
        );
    }
}
