//! Opening the database: pools, durability settings, and the check that the main
//! secret is the one that the stored secrets were sealed under.

mod postgres;
mod session;
#[cfg(feature = "failpoints")]
mod steps;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use thiserror::Error;
use uuid::Uuid;

use crate::engine::checkpoint::Checkpointer;
use crate::engine::cipher::Cipher;
use crate::engine::clock::Clock;
use crate::engine::error::StoreError;
use crate::engine::news::News;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::{Db, Engine, SqliteDb};
use crate::engine::{Store, migrate};

pub use session::SessionError;

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// `sqlite://PATH` or `postgres://...`.
    pub url: String,
    /// Connections for reads and small writes together on PostgreSQL, where two more are
    /// for commits; readers on SQLite.
    pub connections: u32,
}

/// Why the database could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is neither SQLite's nor PostgreSQL's.
    #[error("the database URL must begin with sqlite:// or postgres://")]
    Scheme,
    /// The URL cannot be read.
    #[error("the database URL cannot be read")]
    Url(#[source] sqlx::Error),
    /// The file or its folder cannot be made.
    #[error("cannot open {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server does not answer, or refuses us.
    #[error("cannot reach the database")]
    Reach(#[source] sqlx::Error),
    /// The server has no room for the connections that a node needs from its start on.
    #[error(
        "PostgreSQL has no room for this node: it needs {needed} connections at once and up to {most} in all (POSTRIDER_DATABASE_CONNECTIONS, and {} for commits): raise max_connections, or the role's or the database's connection limit, or lower POSTRIDER_DATABASE_CONNECTIONS of the nodes",
        postgres::COMMITTERS
    )]
    Room {
        /// Connections that a node opens at its start and keeps.
        needed: u32,
        /// Connections that it may come to have.
        most: u32,
        /// The driver's words.
        #[source]
        source: sqlx::Error,
    },
    /// The server, or what stands before it, is not fit for us.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A migration failed.
    #[error("cannot bring the database up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A later version has taken away what this one uses.
    #[error(
        "a later version of postrider has changed this database (its schema needs step {needs}; version {version} knows up to step {knows}): start the later version",
        version = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The step that a program must know at least.
        needs: i64,
        /// The last one that this program knows.
        knows: i64,
    },
    /// Secrets in this database were sealed under another main secret.
    #[error("POSTRIDER_MAIN_SECRET is not the one that this database's secrets were stored under")]
    MainSecret,
    /// Anything else that went wrong while opening.
    #[error("cannot prepare the database")]
    Store(#[from] StoreError),
}

/// Where the word that the main secret must open is sealed.
pub(crate) const CHECK_WORD: &str = "meta.main_secret";
/// The row of `meta` with the main secret's fingerprint.
pub(crate) const FINGERPRINT: &str = "main_secret_fingerprint";

/// The path in a `sqlite://` URL, without its query.
pub(crate) fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(rest.split('?').next().unwrap_or(rest)))
}

const INSERT_CHECK: &str =
    "insert into meta (name, value) values ('main_secret', $1) on conflict (name) do nothing";
const READ_CHECK: &str = "select value from meta where name = 'main_secret'";
const READ_META: &str = "select value from meta where name = $1";
const INSERT_META: &str =
    "insert into meta (name, value) values ($1, $2) on conflict (name) do nothing";

/// What time it is there, and since when it has been up.
const CLOCK_POSTGRES: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint, \
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint";

impl Store {
    /// Connects to the database, brings it up to date, and sets the clock by it.
    pub(crate) async fn connect(
        options: &ConnectOptions,
        cipher: Cipher,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let db = if let Some(path) = sqlite_path(&options.url) {
            Db::Sqlite(open_sqlite(&path, options.connections).await?)
        } else if options.url.starts_with("postgres://") || options.url.starts_with("postgresql://")
        {
            Db::Postgres(postgres::open(options).await?)
        } else {
            return Err(ConnectError::Scheme);
        };
        let mut store = Self {
            db: Arc::new(db),
            cipher,
            clock,
            news: Arc::new(News::new()),
            new: false,
        };
        match (store.make_ready().await, &*store.db) {
            (Err(error), Db::Postgres(db)) => Err(postgres::explained(db, error).await),
            (Err(error), Db::Sqlite(_)) => Err(error),
            (Ok(new), _) => {
                store.new = new;
                Ok(store)
            }
        }
    }

    /// Whether the main secret's check was made only now.
    async fn make_ready(&self) -> Result<bool, ConnectError> {
        migrate::run(&self.db).await?;
        let new = self.check_main_secret().await?;
        self.set_clock().await?;
        Ok(new)
    }

    /// Opens the connections that a server cannot do without, and keeps them, so that nobody
    /// else takes their places later: one to read, one to write, and those for commits.
    ///
    /// # Errors
    /// [`ConnectError::Room`] if the server has not so many; [`ConnectError::Reach`].
    pub async fn hold_connections(&self) -> Result<(), ConnectError> {
        let Db::Postgres(db) = &*self.db else {
            return Ok(());
        };
        postgres::hold(db).await
    }

    /// Sets the clock by the database's, so that nodes of one database agree, and looks
    /// whether it is still the same server: another, or one that was started anew, may not
    /// have all that the last one had (see [`Store::losses`]).
    pub async fn set_clock(&self) -> Result<i64, StoreError> {
        if self.engine() == Engine::Sqlite {
            return Ok(0);
        }
        let (micros, started): (i64, i64) = self
            .read("reading the clock")
            .one(Sql::new(CLOCK_POSTGRES))
            .await?;
        self.news.served_by(started);
        Ok(self
            .clock
            .set_by(postrider_domain::Timestamp::from_micros(micros)))
    }

    /// The first start stores a sealed word; every later one must be able to open it. Says
    /// whether this is the first.
    async fn check_main_secret(&self) -> Result<bool, ConnectError> {
        let word = self
            .cipher
            .seal(CHECK_WORD, Uuid::nil(), b"postrider")
            .map_err(StoreError::from)?;
        let stored = self
            .write("storing the main secret's check")
            .run(Sql::new(INSERT_CHECK).with(&word))
            .await?;
        let new = stored > 0;
        let stored: Vec<u8> = self
            .read("reading the main secret's check")
            .scalar(Sql::new(READ_CHECK))
            .await?;
        self.cipher
            .open(CHECK_WORD, Uuid::nil(), &stored)
            .map_err(|_| ConnectError::MainSecret)?;
        // So that whoever has a backup can be told which secret it wants.
        let known: Option<Vec<u8>> = self
            .read("reading the main secret's fingerprint")
            .optional_scalar(Sql::new(READ_META).with(FINGERPRINT))
            .await?;
        if known.is_none() {
            let fingerprint = self.cipher.fingerprint().into_bytes();
            self.write("storing the main secret's fingerprint")
                .run(Sql::new(INSERT_META).with(FINGERPRINT).with(&fingerprint))
                .await
                .map(|_| ())?;
        }
        Ok(new)
    }
}

/// Bytes of SQLite's log that are kept for the next one: 64 MiB, more than it usually
/// comes to.
const LOG_KEPT: &str = "67108864";

async fn open_sqlite(path: &Path, connections: u32) -> Result<SqliteDb, ConnectError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|source| ConnectError::File {
            path: folder.to_owned(),
            source,
        })?;
    }
    // What lies beside the file lies beside it whatever link leads there.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // FULL: a commit is on the disk before the publisher hears 202. The writer's page
    // cache stays small: a large one costs a scan per commit (measured in the prototype).
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-2048")
        // A safety net, 160 MiB: the checkpointer comes first.
        .pragma("wal_autocheckpoint", "40000")
        // What the log grew to beyond that, since a reader held on to it, is given back when
        // it begins anew.
        .pragma("journal_size_limit", LOG_KEPT);
    let pool = |max: u32, read_only: bool| {
        let pool = SqlitePoolOptions::new()
            .max_connections(max)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(10));
        #[cfg(feature = "failpoints")]
        let pool = steps::counted(pool);
        pool.connect_with(
            options
                .clone()
                .pragma("query_only", if read_only { "on" } else { "off" }),
        )
    };
    let write = pool(1, false).await.map_err(ConnectError::Reach)?;
    let read = pool(connections.clamp(1, 8), true)
        .await
        .map_err(ConnectError::Reach)?;
    let checkpointer = Checkpointer::start(options, write.clone());
    Ok(SqliteDb {
        checkpointer,
        read,
        write,
        path: path.to_owned(),
    })
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[INSERT_CHECK, READ_CHECK, READ_META, INSERT_META],
    postgres: &[CLOCK_POSTGRES],
    ..Statements::NONE
};
