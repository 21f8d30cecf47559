//! Spans in bulk, in a transaction: on each engine in its way.

use super::{Counts, Key, Table, postgres, sqlite};
use crate::commit::log::RowId;
use crate::engine::error::StoreResult;
use crate::engine::run::{Connection, Tx};

/// Takes the right to change spans, for the rest of the transaction; false if another node
/// has it.
pub(super) async fn is_alone(tx: &mut Tx<'_>) -> StoreResult<bool> {
    match tx.connection()? {
        // Whoever writes is alone.
        Connection::Sqlite(_) => Ok(true),
        Connection::Postgres(connection) => postgres::lock(connection).await,
    }
}

/// Marks commits as rolled up, each with whether it owes afterwards; false if one of them
/// was, or is not there.
pub(super) async fn claim(tx: &mut Tx<'_>, rows: &[(RowId, bool)]) -> StoreResult<bool> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::claim(connection, rows).await,
        Connection::Postgres(connection) => postgres::claim(connection, rows).await,
    }
}

/// Adds a table to what is there.
pub(super) async fn merge(tx: &mut Tx<'_>, mut table: Table) -> StoreResult<()> {
    for (key, counts) in known(tx, &table).await? {
        if let Some(sum) = table.get_mut(&key) {
            sum.merge(&counts);
        }
    }
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::write(connection, &table).await,
        Connection::Postgres(connection) => postgres::write(connection, &table).await,
    }
}

/// Removes these spans. Says how many there were.
pub(super) async fn remove(tx: &mut Tx<'_>, keys: &[Key]) -> StoreResult<u64> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::remove(connection, keys).await,
        Connection::Postgres(connection) => postgres::remove(connection, keys).await,
    }
}

async fn known(tx: &mut Tx<'_>, table: &Table) -> StoreResult<Vec<(Key, Counts)>> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::known(connection, table).await,
        Connection::Postgres(connection) => postgres::known(connection, table).await,
    }
}
