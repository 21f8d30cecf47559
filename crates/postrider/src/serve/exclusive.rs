//! One server per SQLite file: its lock is what makes every predecessor dead.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::ServeError;
use crate::settings::Settings;
use crate::sqlite_file::{self, Names};

/// Takes the SQLite file; `None` with PostgreSQL, where nodes hold leases.
pub(super) async fn lock(settings: &Settings) -> Result<Option<Names>, ServeError> {
    match settings.database_url.sqlite_path() {
        Some(name) => {
            let taken = sqlite_file::take(name).await?;
            warn_of_links(name);
            Ok(Some(taken))
        }
        None => Ok(None),
    }
}

/// SQLite keeps the log by the file's name: what a crash leaves there is found by it alone.
fn warn_of_links(name: &Path) {
    let links = std::fs::metadata(name).map_or(1, |file| file.nlink());
    if links > 1 {
        tracing::warn!(
            "{} has {links} names (hard links): always start on this one, and remove the others, or \
             what its log holds after a crash is not found",
            name.display()
        );
    }
}
