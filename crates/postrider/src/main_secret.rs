//! The secret that encrypts endpoint secrets at rest: set, or kept beside the SQLite file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use postrider_store::{Secret, random_hex};

use crate::settings::{Settings, long_enough};
use crate::sqlite_file::{beside, folder, real_path};

/// Why there is no main secret.
#[derive(Debug, thiserror::Error)]
pub enum MainSecretError {
    /// Several nodes share a PostgreSQL database, and no file beside it could be theirs.
    #[error(
        "POSTRIDER_MAIN_SECRET is not set: with PostgreSQL it must be at least 32 characters, \
         the same on every node (openssl rand -base64 48)"
    )]
    Required,
    /// The database is there and its key is not: a new key could not read what the old one wrote.
    #[error(
        "{} exists and its key file {} does not: restore the file, or set POSTRIDER_MAIN_SECRET \
         to what it held", database.display(), key.display()
    )]
    Lost {
        /// The database file.
        database: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The key file holds something that is no key.
    #[error(
        "key file {}: must hold at least 32 characters of text: restore it, or set \
         POSTRIDER_MAIN_SECRET", .0.display()
    )]
    Damaged(PathBuf),
    /// The key file cannot be read or written.
    #[error("key file {}: {source}", key.display())]
    File {
        /// The key file.
        key: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The main secret. With SQLite it is made at the first start, in `NAME.key` beside the
/// database file and readable by its owner alone.
///
/// # Errors
/// Unset with PostgreSQL; a key file that is lost, damaged or out of reach.
pub fn resolve(settings: &Settings) -> Result<Secret, MainSecretError> {
    if let Some(secret) = &settings.main_secret {
        return Ok(secret.clone());
    }
    let name = settings
        .database_url
        .sqlite_path()
        .ok_or(MainSecretError::Required)?;
    let database = real_path(name);
    let key = key_file(&database);
    let failed = |source| MainSecretError::File {
        key: key.clone(),
        source,
    };
    // The version before looked beside the name that it was given, a link perhaps.
    for place in [&key, &key_file(name)] {
        if let Some(secret) = read(place)? {
            return Ok(secret);
        }
    }
    if std::fs::metadata(&database).is_ok_and(|file| file.len() > 0) {
        return Err(MainSecretError::Lost { database, key });
    }
    create(&key).map_err(failed)?;
    // Another process may have been first: what is in the file counts.
    read(&key)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// The main secret, if there is one; none is made.
///
/// # Errors
/// A key file that is damaged or out of reach.
pub(crate) fn existing(settings: &Settings) -> Result<Option<Secret>, MainSecretError> {
    match (&settings.main_secret, found_key(settings)) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(key)) => read(&key),
        (None, None) => Ok(None),
    }
}

/// The key file that is there, be it in use or not.
pub(crate) fn found_key(settings: &Settings) -> Option<PathBuf> {
    let name = settings.database_url.sqlite_path()?;
    let places = [key_file(&real_path(name)), key_file(name)];
    places.into_iter().find(|place| place.exists())
}

/// The key file of the SQLite file at `database`: `postrider.db.key` for `postrider.db`.
pub fn key_file(database: &Path) -> PathBuf {
    beside(database, ".key")
}

fn read(key: &Path) -> Result<Option<Secret>, MainSecretError> {
    match std::fs::read_to_string(key) {
        Ok(text) if long_enough(text.trim()) => Ok(Some(Secret::new(text.trim().to_owned()))),
        Ok(_) => Err(MainSecretError::Damaged(key.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(MainSecretError::Damaged(key.to_owned()))
        }
        Err(source) => Err(MainSecretError::File {
            key: key.to_owned(),
            source,
        }),
    }
}

/// Writes a new key to a file of its own, and links it into place only when it is on disk:
/// nobody ever sees half a key, and of two processes one wins.
fn create(key: &Path) -> io::Result<()> {
    let directory = folder(key);
    std::fs::create_dir_all(directory)?;
    let mut draft = key.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = write_new(&draft, &random_hex::<32>()).and_then(|()| {
        match std::fs::hard_link(&draft, key) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => File::open(directory)?.sync_all(),
        }
    });
    std::fs::remove_file(&draft)?;
    written
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Inputs, load};

    fn settings(database_url: &str, secret: Option<&str>) -> Settings {
        let mut environment = vec![("POSTRIDER_DATABASE_URL".to_owned(), database_url.to_owned())];
        environment
            .extend(secret.map(|text| ("POSTRIDER_MAIN_SECRET".to_owned(), text.to_owned())));
        let inputs = Inputs {
            environment,
            ..Inputs::default()
        };
        load(inputs).unwrap().settings
    }

    fn in_directory() -> (tempfile::TempDir, Settings, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("new/postrider.db");
        let settings = settings(&format!("sqlite://{}", database.display()), None);
        (directory, settings, database)
    }

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let (_directory, settings, database) = in_directory();
        let made = resolve(&settings).unwrap();
        assert!(long_enough(made.expose()));
        std::fs::write(&database, "data").unwrap();
        assert_eq!(resolve(&settings).unwrap(), made);
        let names: Vec<_> = std::fs::read_dir(database.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "no draft is left: {names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_a_key_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_directory, settings, database) = in_directory();
        resolve(&settings).unwrap();
        let mode = std::fs::metadata(key_file(&database))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_database_whose_key_is_lost_gets_no_new_one() {
        let (_directory, settings, database) = in_directory();
        std::fs::create_dir_all(database.parent().unwrap()).unwrap();
        std::fs::write(&database, "data").unwrap();
        assert!(matches!(
            resolve(&settings),
            Err(MainSecretError::Lost { .. })
        ));
        assert!(!key_file(&database).exists());
    }

    #[test]
    fn a_key_file_that_was_cut_short_is_refused() {
        let (_directory, settings, database) = in_directory();
        std::fs::create_dir_all(database.parent().unwrap()).unwrap();
        std::fs::write(key_file(&database), "short").unwrap();
        assert!(matches!(
            resolve(&settings),
            Err(MainSecretError::Damaged(_))
        ));
    }

    #[test]
    fn postgresql_needs_the_secret_to_be_set() {
        let secret = "0123456789abcdef0123456789abcdef";
        let unset = settings("postgres://u@h/db", None);
        assert!(matches!(resolve(&unset), Err(MainSecretError::Required)));
        let set = settings("postgres://u@h/db", Some(secret));
        assert_eq!(resolve(&set).unwrap().expose(), secret);
    }
}
