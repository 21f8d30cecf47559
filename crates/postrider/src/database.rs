//! Opens the store as the settings say.

use postrider_store::{Cipher, Clock, ConnectError, ConnectOptions, Store, StoreError};

use crate::error::Exit;
use crate::main_secret::{self, MainSecretError};
use crate::settings::Settings;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no main secret to encrypt with.
    #[error(transparent)]
    MainSecret(#[from] MainSecretError),
    /// The database cannot be opened.
    #[error("{url}")]
    Open {
        /// The database's address, masked.
        url: String,
        /// Why not.
        source: ConnectError,
    },
    /// The database was open and did not do as asked.
    #[error(transparent)]
    Use(#[from] StoreError),
}

impl DatabaseError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::MainSecret(_)
            | Self::Open {
                source: ConnectError::MainSecret | ConnectError::Scheme | ConnectError::Url(_),
                ..
            } => Exit::Usage,
            Self::Open {
                source: ConnectError::Reach(_) | ConnectError::File { .. },
                ..
            } => Exit::DatabaseUnreachable,
            Self::Open {
                source: ConnectError::Store(error),
                ..
            }
            | Self::Use(error)
                if error.is_transient() =>
            {
                Exit::DatabaseUnreachable
            }
            Self::Open { .. } | Self::Use(_) => Exit::Failure,
        }
    }
}

/// Opens the database and brings it up to date.
///
/// # Errors
/// [`DatabaseError`]; nothing in it shows a password.
pub(crate) async fn open(settings: &Settings) -> Result<Store, DatabaseError> {
    let secret = main_secret::resolve(settings)?;
    let options = ConnectOptions {
        url: settings.database_url.expose().to_owned(),
        connections: settings.database_connections,
    };
    Store::open(&options, Cipher::new(secret.expose()), Clock::system())
        .await
        .map_err(|source| DatabaseError::Open {
            url: settings.database_url.to_string(),
            source,
        })
}
