//! `cargo xtask crash PART`: the real binary under attack, at length. docs/reliability.md says
//! what each part does and has the results.

mod database;
mod disk;
mod frozen;
mod going;
mod history;
mod kill;
mod ledger;
mod nodes;
mod past;
mod process;
mod promotion;
mod reads;
mod record;
mod soak;
mod tally;
mod wal;
mod world;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use postrider_testkit::Engine;

use crate::bench;
use crate::bench::machine::Machine;
use record::Record;

/// What is tried, and how much of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// What happens to the server; or `table`, to print what was found
    part: Part,
    /// Only this engine; without it each that the part concerns
    #[arg(long, value_enum)]
    engine: Option<Which>,
    /// How often it happens [default: as many as docs/reliability.md shows]
    #[arg(long)]
    rounds: Option<u64>,
    /// Decides everything that is random [default: a random one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Messages that are published in a second
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Cargo's profile of the binary under attack
    #[arg(long, default_value = "tuning")]
    profile: String,
    /// Attacks this binary, which was built with the feature `failpoints`, instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Does not keep the result
    #[arg(long)]
    dry: bool,
    /// With `table`: writes it into docs/reliability.md
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// kill -9 of the server, at random and at each fail point
    Kill,
    /// PostgreSQL is killed, stopped, ends its back-ends, refuses connections
    Database,
    /// SQLite's log is cut off anywhere; each round is a cut
    Wal,
    /// The database's disk is full
    Disk,
    /// One of three nodes is stopped and resumed or killed, another's clock is wrong
    Nodes,
    /// Commits wait for 100 s for a standby that is away
    Frozen,
    /// A standby that lags takes over while the node lives on
    Promotion,
    /// Steady traffic; each round is a minute
    Soak,
    /// The same traffic over a short and a long history; each round is a row of it
    History,
    /// No run: the table of the last runs
    Table,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
}

impl Part {
    fn rounds(self) -> u64 {
        match self {
            Self::Kill => 500,
            Self::Database => 100,
            Self::Wal => 2_000,
            Self::Disk => 50,
            Self::Nodes | Self::Soak => 60,
            Self::Frozen => 5,
            Self::Promotion => 20,
            Self::History => 5_000_000,
            Self::Table => 0,
        }
    }

    fn engines(self) -> &'static [Engine] {
        match self {
            Self::Kill | Self::Disk | Self::Soak | Self::History => {
                &[Engine::Sqlite, Engine::Postgres]
            }
            Self::Wal => &[Engine::Sqlite],
            Self::Database | Self::Nodes | Self::Frozen | Self::Promotion => &[Engine::Postgres],
            Self::Table => &[],
        }
    }
}

/// What every part needs.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    binary: PathBuf,
    target: PathBuf,
    seed: u64,
    rounds: u64,
    rate: u32,
    machine: Machine,
    build: String,
}

impl Context {
    /// A record of nothing yet: where and on what.
    fn record(&self) -> Record {
        Record {
            commit: self.machine.commit.clone(),
            date: self.machine.date.clone(),
            machine: self.machine.without_commit(),
            build: self.build.clone(),
            ..Record::default()
        }
    }
}

/// Runs a part and prints what it found; gives what must not be, a line each.
///
/// # Errors
/// A build that fails, a server that does not come up, a database that cannot be had.
pub(crate) fn run(root: &Path, options: &Options) -> io::Result<Vec<String>> {
    if options.part == Part::Table {
        return record::table(root, options.write);
    }
    let context = context(root, options)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut faults = Vec::new();
    for engine in options.part.engines() {
        let wanted = match options.engine {
            None => true,
            Some(Which::Sqlite) => *engine == Engine::Sqlite,
            Some(Which::Postgres) => *engine == Engine::Postgres,
        };
        if !wanted {
            continue;
        }
        let record = runtime.block_on(part(options.part, &context, *engine))?;
        println!("{}", record.line());
        if !options.dry {
            record.keep(root)?;
        }
        faults.extend(record.faults);
    }
    Ok(faults)
}

async fn part(part: Part, context: &Context, engine: Engine) -> io::Result<Record> {
    match part {
        Part::Kill => kill::run(context, engine).await,
        Part::Database => database::run(context).await,
        Part::Wal => wal::run(context).await,
        Part::Disk => disk::run(context, engine).await,
        Part::Nodes => nodes::run(context).await,
        Part::Frozen => frozen::run(context).await,
        Part::Promotion => promotion::run(context).await,
        Part::Soak => soak::run(context, engine).await,
        Part::History => history::run(context, engine).await,
        Part::Table => Err(io::Error::other("no run")),
    }
}

fn context(root: &Path, options: &Options) -> io::Result<Context> {
    let target = bench::target_directory()?;
    let profile = options.profile.as_str();
    let (binary, build) = if let Some(binary) = &options.binary {
        (std::fs::canonicalize(binary)?, "a given binary".to_owned())
    } else {
        // Apart from every other build: no other has fail points in it.
        let own = target.join("crash");
        let own_text = own.display().to_string();
        let mut arguments = vec!["build", "--locked", "-p", "postrider"];
        arguments.extend(["--features", "failpoints", "--profile", profile]);
        arguments.extend(["--target-dir", &own_text]);
        bench::cargo(root, &arguments)?;
        let folder = if profile == "dev" { "debug" } else { profile };
        let binary = own.join(folder).join("postrider");
        (binary, format!("profile {profile}, feature failpoints"))
    };
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(()) % 1_000_000);
    eprintln!("seed {seed}, {}", binary.display());
    Ok(Context {
        binary,
        target,
        seed,
        rounds: options.rounds.unwrap_or_else(|| options.part.rounds()),
        rate: options.rate,
        machine: Machine::look(root),
        build,
    })
}
