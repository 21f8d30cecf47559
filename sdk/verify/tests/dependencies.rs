//! What the crate brings along: its promise of a small tree.

use std::collections::BTreeSet;
use std::process::Command;

fn tree(features: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "postrider-verify",
        ])
        .args([
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--no-default-features", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    // `name vX.Y.Z (path or mark)`
    let names = text
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_default_features_bring_at_most_twenty_crates_and_no_procedural_macros() {
    let crates = tree("");
    assert!(crates.len() <= 20, "{}: {crates:#?}", crates.len());
    for unwanted in ["syn ", "proc-macro2 ", "tokio ", "serde "] {
        assert!(
            !crates.iter().any(|name| name.starts_with(unwanted)),
            "{unwanted}: {crates:#?}"
        );
    }
}

#[test]
fn only_the_databases_features_bring_their_clients() {
    for (features, sqlx, redis) in [
        ("axum,ed25519,seen,testing", false, false),
        ("sqlite", true, false),
        ("redis", false, true),
    ] {
        let crates = tree(features);
        let has = |name: &str| crates.iter().any(|found| found.starts_with(name));
        assert_eq!((has("sqlx "), has("redis ")), (sqlx, redis), "{features}");
    }
}

#[test]
fn no_dependency_needs_a_newer_rust_than_is_promised() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let minor = |version: &str| {
        version
            .split('.')
            .nth(1)
            .and_then(|minor| minor.parse::<u32>().ok())
    };
    let promised = minor(env!("CARGO_PKG_RUST_VERSION")).unwrap();
    let crates = tree("axum,ed25519,redis,seen,testing");
    let packages = metadata["packages"].as_array().unwrap();
    let mut checked = 0;
    for package in packages {
        let name = format!(
            "{} v{}",
            package["name"].as_str().unwrap(),
            package["version"].as_str().unwrap()
        );
        if let Some(needed) = package["rust_version"]
            .as_str()
            .filter(|_| crates.contains(&name))
        {
            assert!(
                minor(needed).unwrap() <= promised,
                "{name} needs Rust {needed}"
            );
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
}
