//! The two engines behind one type, and the macros that send one text to either.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::{PgPool, SqlitePool};

use crate::checkpoint::Checkpointer;
use crate::ingest::recent_keys::RecentKeys;
use crate::{Cipher, Clock};

/// The database, the clock that it judges by, and the cipher of its secrets.
/// Clones share one pool.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) db: Arc<Db>,
    pub(crate) cipher: Cipher,
    pub(crate) clock: Clock,
    pub(crate) feed: Arc<crate::feed::Feed>,
    /// Whether the database was empty when it was opened.
    pub(crate) new: bool,
    pub(crate) unreadable: Arc<crate::owed::Unreadable>,
    pub(crate) expiry: Arc<crate::retention::keys::Progress>,
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
    /// Used under the writing connection alone.
    pub(crate) recent_keys: RecentKeys,
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
    pub(crate) relay: Option<Arc<crate::nodelay::Relay>>,
}

/// Runs one statement outside a transaction on the reading pool.
macro_rules! read {
    ($store:expr, $operation:literal, $pool:ident => $body:expr) => {
        match &*$store.db {
            $crate::db::Db::Sqlite(db) => {
                let $pool = &db.read;
                $body
            }
            $crate::db::Db::Postgres(db) => {
                let $pool = &db.read;
                $body
            }
        }
        .map_err(|source| $crate::StoreError::from_sqlx($operation, source))
    };
}

/// Runs one statement outside a transaction on the writing pool. Fail points are around it.
macro_rules! write {
    ($store:expr, $operation:literal, $pool:ident => $body:expr) => {{
        $crate::fail_point!(concat!("store::", $operation, "::before"));
        let written = write_unmarked!($store, $operation, $pool => $body);
        $crate::fail_point!(concat!("store::", $operation, "::after"));
        written
    }};
}

macro_rules! write_unmarked {
    ($store:expr, $operation:literal, $pool:ident => $body:expr) => {
        match &*$store.db {
            $crate::db::Db::Sqlite(db) => {
                let $pool = &db.write;
                $body
            }
            $crate::db::Db::Postgres(db) => {
                let $pool = &db.write;
                $body
            }
        }
        .map_err(|source| $crate::StoreError::from_sqlx($operation, source))
    };
}

/// Runs a block in one transaction, committed if the block ends in `Ok` and
/// rolled back otherwise. Statements in it run on `&mut *$conn` and turn driver
/// errors with `wrong($operation)`.
///
/// The block is compiled once per engine; it must not hold more than it needs.
#[cfg(not(feature = "failpoints"))]
macro_rules! transaction {
    ($($all:tt)*) => { transaction_unmarked!($($all)*) };
}

/// The same, with fail points before and after the commit.
#[cfg(feature = "failpoints")]
macro_rules! transaction {
    ($store:expr, $operation:literal, $conn:ident => $body:block) => {{
        let done = transaction_unmarked!($store, $operation, $conn => {
            let outcome: $crate::StoreResult<_> = async { $body }.await;
            $crate::fail_point!(concat!("store::", $operation, "::before"));
            outcome
        });
        $crate::fail_point!(concat!("store::", $operation, "::after"));
        done
    }};
}

macro_rules! transaction_unmarked {
    ($store:expr, $operation:literal, $conn:ident => $body:block) => {{
        let wrong = $crate::error::wrong($operation);
        match &*$store.db {
            $crate::db::Db::Sqlite(db) => {
                let mut tx =
                    $crate::transaction::SqliteTransaction::begin(&db.write, $operation).await?;
                let $conn = &mut *tx;
                let outcome: $crate::StoreResult<_> = async { $body }.await;
                match outcome {
                    Ok(value) => tx.commit($operation).await.map(|()| value),
                    Err(error) => Err(tx.rolled_back(error).await),
                }
            }
            $crate::db::Db::Postgres(db) => {
                let mut tx = db.write.begin().await.map_err(wrong)?;
                let $conn = &mut *tx;
                let outcome: $crate::StoreResult<_> = async { $body }.await;
                match outcome {
                    Ok(value) => tx.commit().await.map_err(wrong).map(|()| value),
                    Err(error) => Err(error),
                }
            }
        }
    }};
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
