//! `cargo xtask bench verify`: how fast `postrider-verify` is beside other crates. These bring
//! a cryptography library of their own, so the program that measures is a workspace apart.

use std::io;
use std::path::Path;
use std::process::Command;

/// Builds the program in `target`, runs it, and gives what went wrong.
pub(super) fn run(root: &Path, target: &Path) -> io::Result<Vec<String>> {
    let manifest = root.join("sdk/verify/bench/Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--release", "--locked", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target.join("verify-bench"))
        .status()?;
    if status.success() {
        return Ok(Vec::new());
    }
    Ok(vec![format!("verifications: {status}")])
}
