//! Transactions on SQLite's writing connection.
//!
//! SQLite ends a transaction by itself when the disk is full, an I/O fails or memory is
//! short, of which the driver's count of open transactions knows nothing: a connection that
//! went back to the pool with that count refuses every transaction from then on. So none of
//! ours are the driver's. What is left of one whose end is not known is not guessed: its
//! connection is closed, and the next one is made anew.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};

use crate::engine::error::during;
use crate::engine::error::{StoreError, StoreResult};

/// Begins a transaction that writes: the first statement of the first script.
pub(crate) const BEGIN: &str = "begin immediate";
/// Ends it: the last statement of the last script.
pub(crate) const COMMIT: &str = "commit";
const ROLLBACK: &str = "rollback";

/// A transaction that writes. One that is dropped while it is open takes its connection
/// along, and so is rolled back.
pub(crate) struct SqliteTransaction {
    connection: PoolConnection<Sqlite>,
    open: bool,
}

impl SqliteTransaction {
    /// Begins one.
    pub(crate) async fn begin(pool: &SqlitePool, operation: &'static str) -> StoreResult<Self> {
        let mut tx = Self::scripted(pool, operation).await?;
        tx.bound(BEGIN, operation).await?;
        Ok(tx)
    }

    /// One whose first script is still to be run, with [`BEGIN`] in front: beginning and end
    /// travel with the statements next to them, since each call is a hop to the driver's
    /// thread and back.
    pub(crate) async fn scripted(pool: &SqlitePool, operation: &'static str) -> StoreResult<Self> {
        let connection = pool.acquire().await.map_err(during(operation))?;
        Ok(Self {
            connection,
            open: true,
        })
    }

    /// Commits it.
    pub(crate) async fn commit(mut self, operation: &'static str) -> StoreResult<()> {
        self.bound(COMMIT, operation).await?;
        self.open = false;
        Ok(())
    }

    /// Says that a script has committed it.
    pub(crate) fn committed(&mut self) {
        self.open = false;
    }

    /// Rolls it back after `error`, which it gives back.
    pub(crate) async fn rolled_back(mut self, error: StoreError) -> StoreError {
        self.roll_back().await;
        error
    }

    /// Rolls it back; if that fails, with its connection.
    pub(crate) async fn roll_back(&mut self) {
        if self.open && sqlx::query(ROLLBACK).execute(&mut **self).await.is_ok() {
            self.open = false;
        }
    }

    /// Begins or ends it. Neither has any data that could be at fault, so that whatever goes
    /// wrong speaks of the moment, such as that SQLite has ended the transaction by itself.
    async fn bound(&mut self, statement: &'static str, operation: &'static str) -> StoreResult<()> {
        match sqlx::query(statement).execute(&mut **self).await {
            Ok(_) => Ok(()),
            Err(source) => Err(StoreError::Unavailable { operation, source }),
        }
    }
}

impl Deref for SqliteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for SqliteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
