//! Backups of SQLite files.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use postrider_store::backup::{Contents, sqlite};

use super::draft::Draft;
use super::failed;
use crate::database::DatabaseError;
use crate::error::CommandError;
use crate::sqlite_file::{self, beside};

/// Copies the database beside its server, if there is one, and checks the copy.
pub(super) async fn backup(name: &Path, file: &Path) -> Result<Contents, CommandError> {
    let database = sqlite_file::real_path(name);
    if !std::fs::metadata(&database).is_ok_and(|there| there.len() > 0) {
        return Err(CommandError::Failed(format!(
            "there is no database at {}",
            database.display()
        )));
    }
    apart(&database, file)?;
    let joined = sqlite_file::join(name).await.map_err(DatabaseError::from)?;
    // A server may start meanwhile.
    joined.leave();
    let draft = Draft::new(file)?;
    let there = sqlite::copy(&database, draft.path())
        .await
        .map_err(|error| failed(&error))?;
    let copied = sqlite::examine(draft.path())
        .await
        .map_err(|error| failed(&error))?;
    copied.same_as(&there).map_err(|error| failed(&error))?;
    draft.finish()?;
    Ok(copied)
}

/// That a backup is no file of the database's own.
pub(super) fn apart(database: &Path, file: &Path) -> Result<(), CommandError> {
    let identity = |path: &Path| {
        let there = std::fs::metadata(path).ok()?;
        Some((there.dev(), there.ino()))
    };
    let backup = (sqlite_file::real_path(file), identity(file));
    for ending in [
        "",
        "-wal",
        "-shm",
        "-journal",
        ".key",
        ".lock",
        ".migrate-lock",
    ] {
        let own = beside(database, ending);
        let same_file = backup.1.is_some() && identity(&own) == backup.1;
        if same_file || backup.0 == own {
            return Err(CommandError::Failed(format!(
                "{} is a file of the database itself",
                file.display()
            )));
        }
    }
    Ok(())
}
