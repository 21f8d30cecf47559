//! Putting a backup in the database's place, or leaving everything as it was.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use postrider_domain::Timestamp;
use postrider_store::Clock;
use postrider_store::backup::{Contents, sqlite as file_of};

use super::draft::{Draft, wrong};
use super::{Restored, check_key, failed, postgres as server};
use crate::error::CommandError;
use crate::output;
use crate::settings::Settings;
use crate::sqlite_file::{self, beside, folder};

/// Checks the backup, and puts it in place of the file at `name`, which is kept.
pub(super) async fn sqlite(
    settings: &Settings,
    name: &Path,
    file: &Path,
    force: bool,
) -> Result<Restored, CommandError> {
    let database = sqlite_file::real_path(name);
    super::sqlite::apart(&database, file)?;
    // Until this process ends: nobody serves the file while it is replaced.
    let _names = sqlite_file::take(name)
        .await
        .map_err(crate::serve::ServeError::from)?;
    let draft = Draft::new(&database)?;
    let file = &sqlite_file::real_path(file);
    file_of::examine(file)
        .await
        .map_err(|error| failed(&error))?;
    let backup = file_of::copy(file, draft.path())
        .await
        .map_err(|error| failed(&error))?;
    let copied = file_of::examine(draft.path())
        .await
        .map_err(|error| failed(&error))?;
    copied.same_as(&backup).map_err(|error| failed(&error))?;
    check_key(settings, &copied, force)?;
    check_age(&database, file, &copied, force).await?;
    like(draft.path(), &database)?;
    let aside = set_aside(&database).await?;
    draft.finish()?;
    Ok(Restored {
        contents: copied,
        replaced: aside
            .map(|aside| format!("What was there before is kept as {}", aside.display())),
    })
}

fn is_there(database: &Path) -> bool {
    std::fs::metadata(database).is_ok_and(|there| there.len() > 0)
}

/// That nothing is lost by going back to the backup, unless that is wanted.
async fn check_age(
    database: &Path,
    file: &Path,
    backup: &Contents,
    force: bool,
) -> Result<(), CommandError> {
    if force || !is_there(database) {
        return Ok(());
    }
    let there = file_of::look(database).await.map_err(|error| {
        CommandError::Failed(format!(
            "cannot tell whether {} is newer than the backup ({}): replace it with --force",
            database.display(),
            crate::output::chain(&error)
        ))
    })?;
    if there.newest <= backup.newest {
        return Ok(());
    }
    let moment = |at: Option<Timestamp>| at.map_or("nothing".to_owned(), |at| at.to_string());
    Err(CommandError::Failed(format!(
        "{} is newer (its newest is of {}) than {} ({}): what came between would be lost; \
         if that is meant, use --force",
        database.display(),
        moment(there.newest),
        file.display(),
        moment(backup.newest)
    )))
}

/// Gives the draft to whom the database belongs: a server may run as another user than who
/// restores.
fn like(draft: &Path, database: &Path) -> Result<(), CommandError> {
    let Ok(there) = std::fs::metadata(database) else {
        return Ok(());
    };
    let own = std::fs::metadata(draft).map_err(wrong("read", draft))?;
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        let owner = chown(draft, Some(there.uid()), Some(there.gid()));
        owner.map_err(wrong("hand over", draft))?;
    }
    std::fs::set_permissions(draft, there.permissions()).map_err(wrong("hand over", draft))
}

/// Keeps what is there under another name too, so that there is a whole file under its own
/// name at every moment.
async fn set_aside(database: &Path) -> Result<Option<PathBuf>, CommandError> {
    let mut aside = None;
    let moment = Clock::system().now().to_string();
    let moment: String = moment.chars().filter(char::is_ascii_alphanumeric).collect();
    let kept = beside(database, &format!(".replaced-{moment}"));
    if is_there(database) {
        if let Err(error) = file_of::without_log(database).await {
            // Damaged: its log stays beside it.
            output::warn(&crate::output::chain(&error));
        }
        if std::fs::hard_link(database, &kept).is_err() {
            std::fs::rename(database, &kept).map_err(wrong("keep", database))?;
        }
        aside = Some(kept.clone());
    }
    // A log that is left would be taken for the backup's.
    for ending in ["-wal", "-journal", "-shm"] {
        let part = beside(database, ending);
        if part.exists() {
            std::fs::rename(&part, beside(&kept, ending)).map_err(wrong("keep", &part))?;
        }
    }
    let synced = std::fs::File::open(folder(database)).and_then(|folder| folder.sync_all());
    synced.map_err(wrong("write", folder(database)))?;
    Ok(aside)
}

/// Checks the backup, and puts it into the database that the URL names.
pub(super) async fn postgres(
    settings: &Settings,
    file: &Path,
    force: bool,
) -> Result<Restored, CommandError> {
    let url = settings.database_url.expose();
    let backup = server::read(file).await?;
    check_key(settings, &backup, force)?;
    let emptied = server::make_way(url, file, &backup, force).await?;
    server::restore(url, file, emptied).await?;
    let there = server::contents(url).await?;
    there.same_as(&backup).map_err(|error| failed(&error))?;
    Ok(Restored {
        contents: there,
        replaced: emptied.then(|| "What was there before is gone".to_owned()),
    })
}
