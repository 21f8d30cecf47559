//! The two engines behind one type, and the macros that send one text to either.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::{PgPool, SqlitePool};

use super::checkpoint::Checkpointer;
use super::cipher::Cipher;
use super::clock::Clock;
use super::news::News;

/// The database, the clock that it judges by, and the cipher of its secrets.
/// Clones share one pool.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) db: Arc<Db>,
    pub(crate) cipher: Cipher,
    pub(crate) clock: Clock,
    pub(crate) news: Arc<News>,
    /// Whether the database was empty when it was opened.
    pub(crate) new: bool,
}

/// Which database engine serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file beside the binary.
    Sqlite,
    /// A server that several nodes share.
    Postgres,
}

#[derive(Debug)]
pub(crate) enum Db {
    Sqlite(SqliteDb),
    Postgres(PostgresDb),
}

/// SQLite has one writer at a time. One connection writes, and those who need it
/// queue for it in order: SQLite's own busy handler would starve them under load.
#[derive(Debug)]
pub(crate) struct SqliteDb {
    pub(crate) read: SqlitePool,
    pub(crate) write: SqlitePool,
    pub(crate) path: PathBuf,
    pub(crate) checkpointer: Checkpointer,
}

#[derive(Debug)]
pub(crate) struct PostgresDb {
    pub(crate) read: PgPool,
    pub(crate) write: PgPool,
    /// For the committers, one connection each.
    pub(crate) commit: PgPool,
    /// What the pools connect through.
    #[expect(dead_code, reason = "held for as long as the pools live")]
    pub(crate) relay: Option<Arc<super::nodelay::Relay>>,
}

impl Store {
    /// Which engine serves.
    pub fn engine(&self) -> Engine {
        match &*self.db {
            Db::Sqlite(_) => Engine::Sqlite,
            Db::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether nobody had opened this database before.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// The clock that the store judges by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Closes every connection after its work is done.
    pub async fn close(&self) {
        match &*self.db {
            Db::Sqlite(db) => {
                db.checkpointer.stop();
                db.read.close().await;
                db.write.close().await;
            }
            Db::Postgres(db) => {
                db.read.close().await;
                db.commit.close().await;
                db.write.close().await;
            }
        }
    }
}
