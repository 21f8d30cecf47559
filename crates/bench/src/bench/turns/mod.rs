//! `cargo xtask bench turns OLD NEW`: what a message costs one build of the server, as a
//! ratio to what it costs another. docs/bench.md says how, and how to build the two.

mod cost;
mod interval;
mod pair;
mod report;
mod side;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::clock;
use super::machine::Machine;
use interval::Interval;
use pair::Pair;
use report::{Build, EngineTurns, TurnsReport};

/// Which binaries, and how much is measured.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// The server binary that is the measure
    old: PathBuf,
    /// The server binary that is measured
    new: PathBuf,
    /// Which database they run on
    #[arg(long, value_enum, default_value_t = super::Engines::Both)]
    engine: super::Engines,
    /// The fewest pairs of each engine
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pairs: u32,
    /// No more pairs of an engine are begun after so long, however wide its interval is
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Stops with an interval whose half is at most so wide
    #[arg(long, default_value_t = 0.015)]
    half_width: f64,
    /// Messages of each turn, of which a pair has four
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u64).range(500..=1_000_000))]
    messages: u64,
    /// Publishers at once
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4096))]
    publishers: u16,
    /// Fails if the upper end of an interval is above this: 1.02 where a change may cost 2 %
    #[arg(long)]
    at_most: Option<f64>,
    /// What the report calls the two builds, in place of what `--version` says: commits, say
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    commits: Vec<String>,
    /// PostgreSQL server to make databases on [default: POSTRIDER_TEST_DATABASE_URL, else
    /// postgres://postgres@127.0.0.1:5432/postgres]
    #[arg(long)]
    postgres_url: Option<String>,
    /// Writes every pair's figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One of the two engines.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Measures and prints; gives what went wrong, a line each.
///
/// # Errors
/// A binary that is not there, a server or database that does not start.
pub(super) fn run(root: &Path, target: &Path, options: &Options) -> io::Result<Vec<String>> {
    let builds = builds(options)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(measure(root, target, &builds, options))?;
    println!("{}", report.text());
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(report.faults(options.at_most))
}

fn builds(options: &Options) -> io::Result<[Build; 2]> {
    let build = |number: usize, given: &PathBuf| {
        let path = std::fs::canonicalize(given)
            .map_err(|error| io::Error::other(format!("{}: {error}", given.display())))?;
        let named = options.commits.get(number).cloned();
        Ok::<_, io::Error>(Build {
            name: named.unwrap_or_else(|| side::version(&path)),
            path,
        })
    };
    Ok([build(0, &options.old)?, build(1, &options.new)?])
}

async fn measure(
    root: &Path,
    target: &Path,
    builds: &[Build; 2],
    options: &Options,
) -> io::Result<TurnsReport> {
    let mut engines = Vec::new();
    for (engine, other) in [
        (Engine::Sqlite, super::Engines::Postgres),
        (Engine::Postgres, super::Engines::Sqlite),
    ] {
        if options.engine != other {
            engines.push(on(engine, target, builds, options).await?);
        }
    }
    Ok(TurnsReport {
        machine: Machine::look(root),
        builds: builds.clone(),
        messages: options.messages,
        publishers: options.publishers,
        engines,
    })
}

/// Pairs until the interval is narrow, or the time is over.
async fn on(
    engine: Engine,
    target: &Path,
    builds: &[Build; 2],
    options: &Options,
) -> io::Result<EngineTurns> {
    let start = clock::now();
    let limit = Duration::from_secs(options.minutes * 60);
    let mut turns = EngineTurns::new(engine.name());
    loop {
        let number = turns.pairs.len() as u32 + 1;
        let (pair, description) = Pair::measure(number, engine, target, builds, options).await?;
        turns.database = description;
        turns.add(pair);
        let passed = clock::now().saturating_duration_since(start);
        turns.seconds = passed.as_secs_f64();
        eprintln!("{}", turns.progress());
        let narrow = |found: Interval| found.half_width() <= options.half_width;
        let enough = number >= options.pairs && turns.interval.is_some_and(narrow);
        if enough || passed >= limit {
            return Ok(turns);
        }
    }
}
