//! The `postrider` program: command line, settings, and the wiring of API, delivery and store.
//!
//! **Invariants.** Whatever is wrong with the settings is said before anything is opened.
//! No output shows a secret. What people read goes to standard output, logs and errors to
//! standard error, so that `postrider key create` can be piped.

mod cli;
mod commands;
mod database;
mod error;
mod exit;
pub mod first_run;
mod logging;
mod login_link;
pub mod main_secret;
mod output;
pub mod serve;
pub mod settings;
mod sqlite_file;

use std::process::ExitCode;

use clap::Parser as _;

pub use error::CommandError;
pub use exit::Exit;

/// Runs what the command line asks for, and says how it went.
pub fn run() -> ExitCode {
    #[cfg(feature = "failpoints")]
    postrider_store::fail_points::arm();
    // clap itself leaves with 0 after --help and with 2 after a wrong command line.
    match commands::dispatch(cli::Cli::parse()) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            output::complain(&error);
            error.exit().into()
        }
    }
}
