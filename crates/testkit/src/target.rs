//! Where cargo put this build.

use std::path::{Path, PathBuf};

/// Cargo's target directory, found from the running test's own path
/// (`target/PROFILE/deps/TEST`), so that `CARGO_TARGET_DIR` is honoured.
pub fn target_dir() -> PathBuf {
    profile_dir()
        .parent()
        .map_or_else(|| PathBuf::from("target"), Path::to_owned)
}

fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    test.ancestors()
        .skip(1)
        .find(|folder| {
            folder
                .file_name()
                .is_some_and(|name| name != "deps" && name != "examples")
        })
        .map_or_else(|| PathBuf::from("target/debug"), Path::to_owned)
}

/// The `postrider` binary under test: `POSTRIDER_BIN`, else the one of this build.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("POSTRIDER_BIN")
        .map_or_else(|| profile_dir().join("postrider"), PathBuf::from);
    assert!(
        path.is_file(),
        "no binary at {}: run `cargo build -p postrider`, or name one in POSTRIDER_BIN",
        path.display()
    );
    path
}
