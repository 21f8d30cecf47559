//! Copies of the database: made beside running servers, looked into, and compared.
//!
//! Nothing here brings a database up to date: what is looked at stays as it is.

pub mod postgres;
pub mod sqlite;

use std::collections::BTreeMap;
use std::path::PathBuf;

use postrider_domain::{MessageId, Timestamp};
use sqlx::migrate::Migrator;
use thiserror::Error;
use uuid::Uuid;

use crate::engine::cipher::Cipher;
use crate::engine::connect::{CHECK_WORD, FINGERPRINT};

/// Why a database could not be copied or looked into.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The database refused something.
    #[error("{what}")]
    Database {
        /// What was being done, to what.
        what: String,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// SQLite's check found something.
    #[error("{} is damaged: {words}", file.display())]
    Damaged {
        file: PathBuf,
        /// What it found first.
        words: String,
    },
    /// It is another program's, or nobody's.
    #[error("{0} is no database of Postrider's")]
    NotOurs(String),
    /// A newer version has brought it up to date.
    #[error("{what} is of a newer version of Postrider: this one does not know its step {step}")]
    Newer {
        /// Which database.
        what: String,
        /// The first step that is not known.
        step: i64,
    },
    /// A copy does not hold what was read from its original.
    #[error("the copy has {found} rows of {table}, not {expected}")]
    Differs {
        table: String,
        /// In the original.
        expected: i64,
        /// In the copy.
        found: i64,
    },
}

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Rows of each table.
    pub rows: BTreeMap<String, i64>,
    /// When its newest message, change or commit was.
    pub newest: Option<Timestamp>,
    /// The fingerprint of the main secret that it was made under, if it says so.
    pub fingerprint: Option<String>,
    /// The word that only that secret opens.
    word: Option<Vec<u8>>,
    /// Steps of the schema, with their digests.
    steps: Vec<(i64, Vec<u8>)>,
}

/// Tables that every version has had, in one piece.
const OURS: [&str; 3] = ["_sqlx_migrations", "meta", "app"];

impl Contents {
    /// Rows of a table, or of a partitioned one's parts together.
    pub fn rows_of(&self, table: &str) -> i64 {
        let is_part = |name: &str| {
            let rest = name.strip_prefix(table);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("_d"))
        };
        let parts = self.rows.iter().filter(|(name, _)| is_part(name));
        parts.map(|(_, rows)| rows).sum()
    }

    /// Whether there is nothing in it, not even a schema.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether it was made under this secret.
    pub fn opens_with(&self, cipher: &Cipher) -> bool {
        let word = self.word.as_deref();
        word.is_some_and(|word| cipher.open(CHECK_WORD, Uuid::nil(), word).is_ok())
    }

    /// The last step of its schema.
    pub fn step(&self) -> i64 {
        self.steps.last().map_or(0, |step| step.0)
    }

    /// That each table has as many rows as in `original`.
    pub fn same_as(&self, original: &Self) -> Result<(), BackupError> {
        for (table, &expected) in &original.rows {
            let found = self.rows.get(table).copied().unwrap_or(0);
            if found != expected {
                let table = table.clone();
                return Err(BackupError::Differs {
                    table,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// That it is ours, and of a version that `known` covers.
    fn ours(&self, what: &str, known: &Migrator) -> Result<(), BackupError> {
        if OURS.iter().any(|table| !self.rows.contains_key(*table)) {
            return Err(BackupError::NotOurs(what.to_owned()));
        }
        for (step, digest) in &self.steps {
            let known = known.iter().find(|known| known.version == *step);
            if known.is_none_or(|known| *known.checksum != **digest) {
                return Err(BackupError::Newer {
                    what: what.to_owned(),
                    step: *step,
                });
            }
        }
        Ok(())
    }

    fn add_meta(&mut self, rows: Vec<(String, Vec<u8>)>) {
        for (name, value) in rows {
            match &*name {
                "main_secret" => self.word = Some(value),
                FINGERPRINT => self.fingerprint = String::from_utf8(value).ok(),
                _ => {}
            }
        }
    }

    fn add_newest(&mut self, at: Option<i64>, message: Option<Uuid>) {
        let at = at.map(Timestamp::from_micros);
        let minted = message.map(|id| MessageId::from_uuid(id).minted_at());
        self.newest = self.newest.max(at).max(minted);
    }
}

fn during(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> BackupError {
    let what = what.into();
    move |source| BackupError::Database { what, source }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
