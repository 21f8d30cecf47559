//! How a command can end.

use std::error::Error;
use std::process::ExitCode;

use crate::database::DatabaseError;
use crate::serve::ServeError;
use crate::settings::Problems;

/// Exit codes; `postrider --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Tried and failed.
    Failure = 1,
    /// The command line or the settings are wrong; nothing was tried.
    Usage = 2,
    /// The database does not answer (`EX_UNAVAILABLE` of sysexits.h): try again later.
    DatabaseUnreachable = 69,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Something is wrong with the settings.
    #[error(transparent)]
    Settings(#[from] Problems),
    /// Something is wrong with the command line that clap could not see.
    #[error("{0}")]
    Usage(String),
    /// The database could not be opened or used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The server did not start, or stopped because of a fault.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// The exit code that tells a script what kind of failure this is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Settings(_) | Self::Usage(_) => Exit::Usage,
            Self::Database(error) => error.exit(),
            Self::Serve(error) => error.exit(),
            Self::Failed(_) => Exit::Failure,
        }
    }
}

/// `error` and what caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some errors repeat their cause in their own words.
        if !said.contains(&words) {
            said.push_str(": ");
            said.push_str(&words);
        }
        cause = error.source();
    }
    said
}
