//! Tools that work with the product: `cargo xtask bench`, `crash`, `seed`, `regen`.

mod bench;
mod crash;
mod reference;
mod regen;
mod seed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures, attacks and fills the product, and writes what is made of its code.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measures deliveries per second, CPU and latency of the release binary
    Bench(bench::Options),
    /// Attacks the real server under load, at length, and counts what is lost
    Crash(crash::Options),
    /// Fills a database as a busy installation would in a month: to try the dashboard on
    Seed(seed::SeedOptions),
    /// Writes the generated files that are checked in
    Regen {
        /// Writes nothing; fails if a file is not what it should be
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let root = root();
    let faults = match Cli::parse().task {
        Task::Bench(options) => bench::run(&root, &options),
        Task::Crash(options) => crash::run(&root, &options),
        Task::Seed(options) => seed::run(&root, &options),
        Task::Regen { check } => regen::run(&root, check),
    };
    match faults {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's directory.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
