//! `cargo xtask tidy`, which needs nothing of the product and is built in seconds; all other
//! tools are in `crates/bench`, and are passed on to it.

mod tidy;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What `crates/bench` does, and cargo's profile for it: what publishes and counts must not be
/// slower than what it measures.
const ELSEWHERE: &[(&str, &str)] = &[
    ("bench", "release"),
    ("crash", "tuning"),
    ("regen", "dev"),
    ("seed", "dev"),
];

const HELP: &str = "usage: cargo xtask tidy | bench | crash | regen | seed

  tidy   checks the sources against the rules of ARCHITECTURE.md
  bench  measures deliveries per second, CPU and latency of the release binary
  crash  attacks the real server under load, at length, and counts what is lost
  regen  writes the generated files that are checked in
  seed   fills a database as a busy installation would in a month

All but tidy take --help.";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let task = arguments.first().map(OsString::as_os_str);
    if task == Some(OsStr::new("tidy")) {
        return tidy();
    }
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(name, _)| task == Some(OsStr::new(name)));
    let Some((_, profile)) = elsewhere else {
        eprintln!("{HELP}");
        return ExitCode::FAILURE;
    };
    pass_on(&arguments, profile)
}

fn tidy() -> ExitCode {
    match tidy::check(&root()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds `crates/bench` and has it do the task.
fn pass_on(arguments: &[OsString], profile: &str) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        // What is measured needs no dashboard.
        .env("POSTRIDER_WITHOUT_DASHBOARD", "1")
        .args(["run", "--quiet", "--locked", "--package", "postrider-bench"])
        .args(["--profile", profile, "--"])
        .args(arguments)
        .status();
    match status {
        Ok(status) => {
            u8::try_from(status.code().unwrap_or(1)).map_or(ExitCode::FAILURE, Into::into)
        }
        Err(error) => {
            eprintln!("xtask: cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's directory.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
