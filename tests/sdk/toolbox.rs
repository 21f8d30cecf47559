//! Installs what the recipes need, once, and gives the commands that start them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postrider_testkit::{binary, once_per_fingerprint, target_dir};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/examples")
}

/// A program of this workspace that is built beside the server.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = binary().with_file_name(name);
    assert!(
        path.is_file(),
        "no {}: run `cargo build -p {name}`",
        path.display()
    );
    path
}

/// Messages of every scheme, genuine and forged.
pub(crate) fn vectors() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/verify/vectors/schemes.json");
    path.canonicalize().expect("the vectors are checked in")
}

/// Node with these arguments, beside the recipes in Express and their packages, which is
/// where Node looks for them.
pub(crate) fn node(arguments: &[&str]) -> Command {
    let (sources, folder) = (
        examples().join("express"),
        target_dir().join("test-sdk/express"),
    );
    let read = |name: &str| fs::read_to_string(sources.join(name)).expect("text");
    let lock = read("package-lock.json");
    let packages = once_per_fingerprint(&folder, &[&lock], || {
        for name in ["package.json", "package-lock.json"] {
            fs::write(folder.join(name), read(name)).map_err(|error| error.to_string())?;
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        install(Command::new("npm").args(npm).current_dir(&folder))
    });
    packages.unwrap_or_else(|error| panic!("the recipes in Express need Node 20 and npm: {error}"));
    for name in ["receiver.mjs", "github.mjs", "vectors.test.mjs"] {
        // By rename, so that another test never starts half of one.
        let part = folder.join(format!(".{name}.{}", std::process::id()));
        fs::write(&part, read(name)).expect("the target folder can be written");
        fs::rename(&part, folder.join(name)).expect("the target folder can be written");
    }
    let mut command = Command::new("node");
    command.args(arguments).current_dir(folder);
    command
}

/// Python with these arguments, in the folder of the recipes in Flask.
pub(crate) fn python(arguments: &[&str]) -> Command {
    let (sources, folder) = (
        examples().join("flask"),
        target_dir().join("test-sdk/flask"),
    );
    let requirements = sources.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("text");
    let environment = folder.join("venv");
    let packages = once_per_fingerprint(&folder, &[&wanted], || {
        let _ = fs::remove_dir_all(&environment);
        install(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ]);
        install(pip.arg(&requirements))
    });
    packages
        .unwrap_or_else(|error| panic!("the recipes in Flask need Python 3 with venv: {error}"));
    let mut command = Command::new(environment.join("bin/python"));
    command.arg("-B").args(arguments).current_dir(sources);
    command
}

fn install(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}
