//! An SQLite file as a thing: where its name leads, and who has it in hand.
//!
//! A file has many names: symbolic and hard links, paths through linked or mounted folders.
//! What must hold for the file, such as that one server serves it, is therefore locked on
//! the file itself. Names matter all the same, since SQLite finds the file's log by its name:
//! who comes by another name than the one that has it would open it without its log.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exit::Exit;

/// How often a file that is in use is tried: by commands, which take moments.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);
/// Links that lead to a file, at most.
const LINKS: usize = 40;

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A server has it, or a restore.
    #[error(
        "another postrider serves {}: stop it first, or use PostgreSQL for several nodes",
        .0.display()
    )]
    Served(PathBuf),
    /// Somebody has it, and not under this name.
    #[error(
        "{} is in use by another postrider command, or by a server under another name of the \
         file (a hard link, a mount): use that server's name, or stop it",
        .0.display()
    )]
    InUse(PathBuf),
    /// A file or folder is out of reach.
    #[error("cannot {what} {}", path.display())]
    Reach {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl FileError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Reach { .. } => Exit::DatabaseUnreachable,
            Self::Served(_) | Self::InUse(_) => Exit::Failure,
        }
    }

    fn reach(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Reach { what, path, source }
    }
}

/// The file that `name` leads to through links and folders, be it there or not.
pub(crate) fn real_path(name: &Path) -> PathBuf {
    let mut path = name.to_owned();
    // A link may lead to a file that is still to be made.
    for _ in 0..LINKS {
        if let Ok(real) = std::fs::canonicalize(&path) {
            return real;
        }
        let Ok(target) = std::fs::read_link(&path) else {
            break;
        };
        path = folder(&path).join(target);
    }
    match (std::fs::canonicalize(folder(&path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// `NAME.lock`, `NAME.key` and the like.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The folder that a path is in.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Takes the file at `name` for the rest of this process, as a server does, and makes it if
/// it is not there. Only for as long as the result lives are servers of the version before
/// kept out too: they lock `NAME.lock` alone.
///
/// # Errors
/// [`FileError`]; the file is somebody else's or out of reach.
pub(crate) async fn take(name: &Path) -> Result<Names, FileError> {
    let real = real_path(name);
    let file = open(&real)?;
    for _ in 0..TRIES {
        if lock(&file, &real)? {
            keep(file);
            return lock_names(name, &real).await;
        }
        if is_served(&real)? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    // Whoever has it works with it through SQLite, in another process: closing this is safe.
    Err(FileError::Served(real))
}

/// Takes the file at `name` for the rest of this process, or joins the server that has it
/// under the same name; makes it if it is not there.
///
/// # Errors
/// [`FileError`]; the file is in use under another name, or out of reach.
pub(crate) async fn join(name: &Path) -> Result<Joined, FileError> {
    let real = real_path(name);
    let file = open(&real)?;
    for _ in 0..TRIES {
        if lock(&file, &real)? || is_served(&real)? {
            return Ok(Joined(keep(file)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(FileError::InUse(real))
}

/// A file that this process may work with.
pub(crate) struct Joined(&'static File);

impl Joined {
    /// Keeps no server from starting any more, for a command that takes long.
    pub(crate) fn leave(&self) {
        // What was not locked stays as it is.
        let _ = self.0.unlock();
    }
}

/// The locks that servers of the version before know.
pub(crate) struct Names {
    #[expect(dead_code, reason = "held for as long as this lives")]
    files: Vec<File>,
}

async fn lock_names(given: &Path, real: &Path) -> Result<Names, FileError> {
    let mut paths = vec![beside(real, ".lock"), beside(given, ".lock")];
    paths.dedup_by_key(|path| real_path(path));
    let mut files = Vec::new();
    for path in paths {
        let file = File::create(&path).map_err(FileError::reach("open", &path))?;
        // A command that looks whether it is locked has it for a moment.
        let mut tries = 5;
        while !try_lock(&file, &path)? {
            tries -= 1;
            if tries == 0 {
                return Err(FileError::Served(real.to_owned()));
            }
            tokio::time::sleep(PAUSE).await;
        }
        files.push(file);
    }
    Ok(Names { files })
}

/// Whether a server has the file under this name.
fn is_served(real: &Path) -> Result<bool, FileError> {
    let path = beside(real, ".lock");
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(FileError::reach("open", &path))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(FileError::reach("lock", &path)(source)),
    }
}

fn open(real: &Path) -> Result<File, FileError> {
    match File::open(real) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map_err(FileError::reach("open", real)),
    }
    let folder = folder(real);
    std::fs::create_dir_all(folder).map_err(FileError::reach("make the folder", folder))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(real).map_err(FileError::reach("make", real))
}

/// Locks the database file itself where that and SQLite's own locks do not see each other.
/// Elsewhere names have to do.
fn lock(file: &File, path: &Path) -> Result<bool, FileError> {
    if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        return Ok(!is_served(path)?);
    }
    try_lock(file, path)
}

fn try_lock(file: &File, path: &Path) -> Result<bool, FileError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(FileError::reach("lock", path)(source)),
    }
}

/// For good: closing any descriptor of a file drops all locks that this process has on it by
/// way of `fcntl`, which are SQLite's.
fn keep(file: File) -> &'static File {
    Box::leak(Box::new(file))
}
