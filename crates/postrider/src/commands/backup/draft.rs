//! A file that gets its name when it is whole and on the disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::CommandError;
use crate::sqlite_file::{beside, folder};

/// The file under its first name, beside the one that it is to have; gone when dropped.
pub(super) struct Draft {
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// An empty one, which only its owner can read.
    pub(super) fn new(target: &Path) -> Result<Self, CommandError> {
        let path = beside(target, &format!(".partial-{}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path).map_err(wrong("make", &path))?;
        Ok(Self {
            path,
            target: target.to_owned(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Brings it to the disk and gives it its name.
    pub(super) fn finish(self) -> Result<(), CommandError> {
        let file = File::open(&self.path).and_then(|file| file.sync_all());
        file.map_err(wrong("write", &self.path))?;
        std::fs::rename(&self.path, &self.target).map_err(wrong("make", &self.target))?;
        let folder = folder(&self.target);
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(wrong("write", folder))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After it has its name there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(super) fn wrong(what: &str, path: &Path) -> impl FnOnce(io::Error) -> CommandError {
    let text = format!("cannot {what} {}", path.display());
    move |error| CommandError::Failed(format!("{text}: {error}"))
}
