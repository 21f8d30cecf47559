//! One server per SQLite file: its lock is what makes every predecessor dead.

use std::fs::{File, TryLockError};

use super::ServeError;
use crate::settings::Settings;

/// Locks `NAME.lock` beside the SQLite file for as long as the result lives; `None` with
/// PostgreSQL, where nodes hold leases.
pub(super) fn lock(settings: &Settings) -> Result<Option<File>, ServeError> {
    let Some(database) = settings.database_url.sqlite_path() else {
        return Ok(None);
    };
    let wrong = |source| ServeError::System {
        operation: "cannot lock the database file",
        source,
    };
    if let Some(folder) = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(wrong)?;
    }
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let file = File::create(name).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(ServeError::InUse(database.display().to_string())),
        Err(TryLockError::Error(source)) => Err(wrong(source)),
    }
}
