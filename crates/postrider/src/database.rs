//! Opens the store as the settings say.

use std::path::PathBuf;

use postrider_store::{Cipher, Clock, ConnectError, ConnectOptions, Secret, Store, StoreError};

use crate::exit::Exit;
use crate::main_secret::{self, MainSecretError};
use crate::output;
use crate::settings::Settings;
use crate::sqlite_file::{self, FileError};

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no main secret to encrypt with.
    #[error(transparent)]
    MainSecret(#[from] MainSecretError),
    /// The SQLite file is another's or out of reach.
    #[error(transparent)]
    File(#[from] FileError),
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
                source:
                    ConnectError::Reach(_) | ConnectError::Room { .. } | ConnectError::File { .. },
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
            Self::File(error) => error.exit(),
            Self::Open { .. } | Self::Use(_) => Exit::Failure,
        }
    }
}

/// Opens the database and brings it up to date.
///
/// # Errors
/// [`DatabaseError`]; nothing in it shows a password.
pub(crate) async fn open(settings: &Settings) -> Result<Store, DatabaseError> {
    let key = main_secret::found_key(settings);
    // Before anything is said of a file that is another's.
    if let Some(name) = settings.database_url.sqlite_path() {
        sqlite_file::join(name).await?;
    }
    let secret = main_secret::resolve(settings)?;
    let store = connect(settings, &secret).await?;
    if let Some(text) = bereft(settings, &store, key) {
        output::warn(&text);
    }
    Ok(store)
}

/// What is said of an empty database beside a key that was found before it was opened.
pub(crate) fn bereft(settings: &Settings, store: &Store, key: Option<PathBuf>) -> Option<String> {
    let key = key.filter(|_| store.is_new())?;
    Some(format!(
        "{} is empty, and its key file {} was here before: most likely the database file was \
         emptied, or copied while a server had it. If it is not meant to begin anew, stop the \
         server and bring the right file back (postrider restore)",
        settings.database_url,
        key.display()
    ))
}

async fn connect(settings: &Settings, secret: &Secret) -> Result<Store, DatabaseError> {
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

/// Opens the database as [`open`] does, with the connections that a server cannot do without.
///
/// # Errors
/// [`DatabaseError`]; nothing in it shows a password.
pub(crate) async fn open_to_serve(settings: &Settings) -> Result<Store, DatabaseError> {
    let store = open(settings).await?;
    match store.hold_connections().await {
        Ok(()) => Ok(store),
        Err(source) => Err(DatabaseError::Open {
            url: settings.database_url.to_string(),
            source,
        }),
    }
}
