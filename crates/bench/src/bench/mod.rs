//! `cargo xtask bench`: publisher, server and sink on this machine. docs/bench.md says what
//! each figure means.

pub(crate) mod api;
mod board;
pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod cpu;
mod dashboard;
pub(crate) mod database;
mod direct;
mod driver;
mod engine;
pub(crate) mod machine;
mod measure;
mod report;
mod screens;
mod server;
mod sink;
pub(crate) mod stats;
mod template;
mod turns;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use board::Board;
use database::Database;
use engine::{Bench, EngineFigures, Extent};
use machine::Machine;
use report::Report;
use server::Server;
use sink::Sink;

/// What is measured, and how much of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Which database the server runs on
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// Fewer messages and shorter runs: to see that it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Messages of each run at full load [default: 100000; with --quick 20000]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    messages: Option<u64>,
    /// Publishers at once at full load
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4096))]
    publishers: u16,
    /// PostgreSQL server to make a database on [default: POSTRIDER_TEST_DATABASE_URL, else
    /// postgres://postgres@127.0.0.1:5432/postgres]
    #[arg(long)]
    postgres_url: Option<String>,
    /// Writes every run's figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measures this postrider binary, instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Leaves out the runs beside an endpoint that hangs
    #[arg(long)]
    no_hang: bool,
    /// Only this part; without it all of them
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Debug, Subcommand)]
enum Part {
    /// Each question and each screen of the dashboard, on a seeded database of each kind
    Dashboard(dashboard::Options),
    /// Verifications per second of the recipient's crate, beside those of other crates
    Verify,
    /// CPU per message of two server binaries, in turns: their ratio and its 95 % interval
    Turns(turns::Options),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

impl Options {
    fn extent(&self) -> Extent {
        let (messages, paced_seconds) = if self.quick {
            (20_000, 4)
        } else {
            (100_000, 20)
        };
        Extent {
            messages: self.messages.unwrap_or(messages),
            publishers: usize::from(self.publishers),
            paced_seconds,
            hang: !self.no_hang,
        }
    }
}

/// Measures and prints; gives what went wrong, a line each.
///
/// # Errors
/// A build that fails, a server or database that does not start, a connection that breaks.
pub(crate) fn run(root: &Path, options: &Options) -> io::Result<Vec<String>> {
    let target = target_directory()?;
    if matches!(options.part, Some(Part::Verify)) {
        return verify::run(root, &target);
    }
    if let Some(Part::Dashboard(part)) = &options.part {
        return dashboard::run(root, &target, part);
    }
    if let Some(Part::Turns(part)) = &options.part {
        return turns::run(root, &target, part);
    }
    let binary = if let Some(binary) = &options.binary {
        std::fs::canonicalize(binary)
            .map_err(|error| io::Error::other(format!("--binary {}: {error}", binary.display())))?
    } else {
        cargo(root, &["build", "--release", "--locked", "-p", "postrider"])?;
        target.join("release/postrider")
    };
    let place = Place { target, binary };
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(measure(root, &place, options))?;
    println!("{}", report.text());
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    let mut faults = report.faults;
    // A given binary, or a hurry, is about deliveries.
    if options.binary.is_none() && !options.quick {
        faults.extend(verify::run(root, &place.target)?);
    }
    Ok(faults)
}

pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> io::Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    // Not in `root`: paths among the arguments are relative to where we are.
    command
        // What is measured needs no dashboard.
        .env("POSTRIDER_WITHOUT_DASHBOARD", "1")
        .args(arguments.iter().take(1))
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .args(arguments.iter().skip(1));
    succeed(&mut command)
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command:?}: {status}")))
}

/// Cargo's target directory, from the path of this program: `target/release/postrider-bench`.
pub(crate) fn target_directory() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    match program.ancestors().nth(2) {
        Some(directory) => Ok(directory.to_owned()),
        None => Err(io::Error::other(format!(
            "{}: not below target",
            program.display()
        ))),
    }
}

/// Where servers get their folders, and what they run.
#[derive(Debug)]
struct Place {
    target: PathBuf,
    binary: PathBuf,
}

async fn measure(root: &Path, place: &Place, options: &Options) -> io::Result<Report> {
    let extent = options.extent();
    let board = Arc::new(Board::new());
    let sink = Sink::answering(Arc::clone(&board)).await?;
    let direct = direct::ceiling(&board, sink.address, extent.messages, extent.publishers).await?;
    let mut engines = Vec::new();
    if options.engine != Engines::Postgres {
        let folder = database::folder(&place.target, "sqlite")?;
        let database = Database::sqlite(&folder).await?;
        engines.push(one("SQLite", place, &folder, database, &board, &sink, extent).await?);
    }
    if options.engine != Engines::Sqlite {
        let folder = database::folder(&place.target, "postgres")?;
        let database = Database::postgres(options.postgres_url.as_deref()).await?;
        engines.push(
            one(
                "PostgreSQL",
                place,
                &folder,
                database,
                &board,
                &sink,
                extent,
            )
            .await?,
        );
    }
    Ok(Report {
        machine: Machine::look(root),
        publishers: extent.publishers,
        messages: extent.messages,
        direct,
        engines,
        faults: board.faults(),
    })
}

/// Measures a fresh server on `database`, which is removed afterwards, whatever happens.
async fn one(
    engine: &'static str,
    place: &Place,
    folder: &Path,
    database: Database,
    board: &Arc<Board>,
    sink: &Sink,
    extent: Extent,
) -> io::Result<EngineFigures> {
    let measured = async {
        let server = Server::start(&place.binary, folder, &database.url, ("bench", &[])).await?;
        let postmaster = database.postmaster;
        let bench = Bench::prepare(engine, &server, postmaster, board, sink.address).await?;
        let figures = bench.run(extent, &database.description).await?;
        server.stop().await?;
        Ok(figures)
    };
    let measured: io::Result<EngineFigures> = measured.await;
    let removed = database.remove().await;
    let figures = measured?;
    removed?;
    std::fs::remove_dir_all(folder)?;
    Ok(figures)
}
