//! What the looks do to many deliveries at once, in a transaction: on each engine in its way.

use uuid::Uuid;

use super::{postgres, sqlite};
use crate::commit::log::RowId;
use crate::commit::log::owned::DeliveryKey;
use crate::engine::error::{StoreResult, during};
use crate::engine::run::{Connection, Tx};

/// Whether this row of the commit log still owes; nobody else closes it meanwhile.
pub(crate) async fn hold(tx: &mut Tx<'_>, row: RowId) -> StoreResult<bool> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::hold(connection, row).await,
        Connection::Postgres(connection) => postgres::hold(connection, row).await,
    }
    .map_err(during("holding a row of the commit log"))
}

/// These rows owe nothing any more.
pub(crate) async fn close(tx: &mut Tx<'_>, rows: &[RowId]) -> StoreResult<()> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::close(connection, rows).await,
        Connection::Postgres(connection) => postgres::close(connection, rows).await,
    }
    .map_err(during("closing rows of the commit log"))
}

/// Which of these deliveries are fresh in this node's hand.
pub(crate) async fn fresh(
    tx: &mut Tx<'_>,
    keys: &[DeliveryKey],
    node: i64,
) -> StoreResult<Vec<(Uuid, Uuid)>> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::fresh(connection, keys, node).await,
        Connection::Postgres(connection) => postgres::fresh(connection, keys, node).await,
    }
    .map_err(during("looking at deliveries"))
}

/// Makes those of them due that are fresh in this node's hand, for anybody. Returns their
/// endpoints.
pub(crate) async fn free(
    tx: &mut Tx<'_>,
    keys: &[DeliveryKey],
    node: i64,
    due: i64,
) -> StoreResult<Vec<Uuid>> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::free(connection, keys, node, due).await,
        Connection::Postgres(connection) => postgres::free(connection, keys, node, due).await,
    }
    .map_err(during("freeing deliveries"))
}

/// Gives those of them that are fresh a due time; owner and token stay. Returns their
/// endpoints, and whether nobody owns them.
pub(crate) async fn claim(
    tx: &mut Tx<'_>,
    keys: &[DeliveryKey],
    due: i64,
) -> StoreResult<Vec<(Uuid, bool)>> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::claim(connection, keys, due).await,
        Connection::Postgres(connection) => postgres::claim(connection, keys, due).await,
    }
    .map_err(during("giving deliveries a due time"))
}

/// The fresh deliveries of these messages, each with its application, whoever owns them.
pub(crate) async fn fresh_of(
    tx: &mut Tx<'_>,
    messages: &[(Uuid, Uuid)],
) -> StoreResult<Vec<(Uuid, Uuid)>> {
    match tx.connection()? {
        Connection::Sqlite(connection) => sqlite::fresh_of(connection, messages).await,
        Connection::Postgres(connection) => postgres::fresh_of(connection, messages).await,
    }
    .map_err(during("looking at deliveries"))
}
