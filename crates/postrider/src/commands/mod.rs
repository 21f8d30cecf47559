//! The subcommands, a file each.

mod backup;
mod completions;
mod config;
mod key;
pub(crate) mod login_link;
mod migrate;
mod receive;
mod serve;
mod verify;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;

use crate::cli::{Cli, Command, DatabaseArgs};
use crate::error::CommandError;
use crate::settings::{Inputs, Loaded, load, registry};

/// Does what the command line asks for.
pub(crate) fn dispatch(cli: Cli) -> Result<(), CommandError> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Serve(args) => serve::run(args, config),
        Command::Migrate(args) => migrate::run(args, config),
        Command::Key(command) => key::run(command, config),
        Command::Backup(args) => backup::run(args, config),
        Command::Restore(args) => backup::run_restore(args, config),
        Command::LoginLink(args) => login_link::run(args, config),
        Command::Receive(args) => receive::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Config(args) => config::run(&args, config),
        Command::Completions { shell } => completions::run(shell),
    }
}

type Flags = BTreeMap<&'static str, String>;

fn settings(flags: Flags, config: Option<&Path>) -> Result<Loaded, CommandError> {
    Ok(load(Inputs::gather(flags, config)?)?)
}

impl DatabaseArgs {
    fn flags(self) -> Flags {
        self.database_url
            .map(|url| (registry::DATABASE_URL.name, url))
            .into_iter()
            .collect()
    }
}

/// Runs a short command on one thread.
fn block_on<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    runtime(tokio::runtime::Builder::new_current_thread())?.block_on(work)
}

fn runtime(mut builder: tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, CommandError> {
    builder
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(format!("cannot start the runtime: {error}")))
}

/// `rows` as a table whose columns line up.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let padded = row.iter().zip(&widths);
        let cells: Vec<_> = padded
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
