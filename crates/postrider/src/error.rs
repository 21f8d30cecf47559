//! How a command can end.

use crate::database::DatabaseError;
use crate::exit::Exit;
use crate::output::PrintError;
use crate::serve::ServeError;
use crate::settings::Problems;

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
    /// What was found could not be said.
    #[error(transparent)]
    Print(#[from] PrintError),
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
            Self::Print(_) | Self::Failed(_) => Exit::Failure,
        }
    }
}
