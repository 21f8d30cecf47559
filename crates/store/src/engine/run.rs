//! Running statements: outside a transaction on the reading or the writing pool, or in one.
//!
//! A helper that works in a transaction takes `&mut Tx`. What ends without [`Tx::commit`] is
//! rolled back.

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{FromRow, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use super::error::{StoreError, StoreResult};
use super::sql::Sql;
use super::transaction::SqliteTransaction;
use super::{Db, Store};

/// A row that both engines can give.
pub(crate) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> AnyRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A connection of either engine.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection<'_> {
    async fn all<R: AnyRow>(self, sql: &Sql) -> Result<Vec<R>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let (text, args) = sql.bound::<SqliteArguments>()?;
                sqlx::query_as_with(text, args).fetch_all(connection).await
            }
            Self::Postgres(connection) => {
                let (text, args) = sql.bound::<PgArguments>()?;
                sqlx::query_as_with(text, args).fetch_all(connection).await
            }
        }
    }

    async fn optional<R: AnyRow>(self, sql: &Sql) -> Result<Option<R>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let (text, args) = sql.bound::<SqliteArguments>()?;
                sqlx::query_as_with(text, args)
                    .fetch_optional(connection)
                    .await
            }
            Self::Postgres(connection) => {
                let (text, args) = sql.bound::<PgArguments>()?;
                sqlx::query_as_with(text, args)
                    .fetch_optional(connection)
                    .await
            }
        }
    }

    async fn run(self, sql: &Sql) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let (text, args) = sql.bound::<SqliteArguments>()?;
                let done = sqlx::query_with(text, args).execute(connection).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(connection) => {
                let (text, args) = sql.bound::<PgArguments>()?;
                let done = sqlx::query_with(text, args).execute(connection).await?;
                Ok(done.rows_affected())
            }
        }
    }
}

/// One statement outside a transaction.
pub(crate) struct Once<'s> {
    store: &'s Store,
    operation: &'static str,
    writes: bool,
}

impl Store {
    /// To read outside a transaction; `operation` is what is being done, for errors.
    pub(crate) fn read(&self, operation: &'static str) -> Once<'_> {
        Once {
            store: self,
            operation,
            writes: false,
        }
    }

    /// To write with one statement, which commits by itself. Fail points are around it.
    pub(crate) fn write(&self, operation: &'static str) -> Once<'_> {
        Once {
            store: self,
            operation,
            writes: true,
        }
    }
}

/// A connection of a pool, for as long as a statement takes.
enum Held {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Held {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

impl Once<'_> {
    async fn hold(&self) -> StoreResult<Held> {
        let held = match (&*self.store.db, self.writes) {
            (Db::Sqlite(db), true) => db.write.acquire().await.map(Held::Sqlite),
            (Db::Sqlite(db), false) => db.read.acquire().await.map(Held::Sqlite),
            (Db::Postgres(db), true) => db.write.acquire().await.map(Held::Postgres),
            (Db::Postgres(db), false) => db.read.acquire().await.map(Held::Postgres),
        };
        if self.writes {
            pass(self.operation, "before");
        }
        held.map_err(|source| StoreError::from_sqlx(self.operation, source))
    }

    fn done<T>(&self, done: Result<T, sqlx::Error>) -> StoreResult<T> {
        if self.writes {
            pass(self.operation, "after");
        }
        done.map_err(|source| StoreError::from_sqlx(self.operation, source))
    }

    /// Every row.
    pub(crate) async fn all<R: AnyRow>(self, sql: Sql) -> StoreResult<Vec<R>> {
        let mut held = self.hold().await?;
        let rows = held.connection().all(&sql).await;
        self.done(rows)
    }

    /// The row, if there is one.
    pub(crate) async fn optional<R: AnyRow>(self, sql: Sql) -> StoreResult<Option<R>> {
        let mut held = self.hold().await?;
        let row = held.connection().optional(&sql).await;
        self.done(row)
    }

    /// For what it changes: how many rows.
    pub(crate) async fn run(self, sql: Sql) -> StoreResult<u64> {
        let mut held = self.hold().await?;
        let changed = held.connection().run(&sql).await;
        self.done(changed)
    }

    /// The row that there always is.
    pub(crate) async fn one<R: AnyRow>(self, sql: Sql) -> StoreResult<R> {
        let operation = self.operation;
        let row = self.optional(sql).await?;
        row.ok_or_else(|| StoreError::from_sqlx(operation, sqlx::Error::RowNotFound))
    }

    /// The value of the row, if there is one.
    pub(crate) async fn optional_scalar<T>(self, sql: Sql) -> StoreResult<Option<T>>
    where
        (T,): AnyRow,
    {
        Ok(self.optional::<(T,)>(sql).await?.map(|row| row.0))
    }

    /// The value of every row.
    pub(crate) async fn scalars<T>(self, sql: Sql) -> StoreResult<Vec<T>>
    where
        (T,): AnyRow,
    {
        let rows = self.all::<(T,)>(sql).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The value of the row that there always is.
    pub(crate) async fn scalar<T>(self, sql: Sql) -> StoreResult<T>
    where
        (T,): AnyRow,
    {
        Ok(self.one::<(T,)>(sql).await?.0)
    }
}

/// A transaction that writes. One that is dropped before [`Tx::commit`] is rolled back.
pub(crate) struct Tx<'c> {
    operation: &'static str,
    open: Option<Open<'c>>,
}

enum Open<'c> {
    Sqlite(SqliteTransaction),
    Postgres(Transaction<'static, Postgres>),
    /// Somebody else ends it.
    Lent(Connection<'c>),
}

impl Store {
    /// Begins a transaction; `operation` is what is being done, for errors and fail points.
    pub(crate) async fn begin(&self, operation: &'static str) -> StoreResult<Tx<'static>> {
        let open = match &*self.db {
            Db::Sqlite(db) => Open::Sqlite(SqliteTransaction::begin(&db.write, operation).await?),
            Db::Postgres(db) => {
                let begun = db.write.begin().await;
                Open::Postgres(begun.map_err(|source| StoreError::from_sqlx(operation, source))?)
            }
        };
        Ok(Tx {
            operation,
            open: Some(open),
        })
    }
}

impl<'c> Tx<'c> {
    /// What helpers write in a transaction that somebody else begins and ends.
    pub(crate) fn lent(connection: Connection<'c>, operation: &'static str) -> Self {
        Self {
            operation,
            open: Some(Open::Lent(connection)),
        }
    }

    /// Every row.
    pub(crate) async fn all<R: AnyRow>(&mut self, sql: Sql) -> StoreResult<Vec<R>> {
        let done = self.connection()?.all(&sql).await;
        done.map_err(|source| StoreError::from_sqlx(self.operation, source))
    }

    /// The row, if there is one.
    pub(crate) async fn optional<R: AnyRow>(&mut self, sql: Sql) -> StoreResult<Option<R>> {
        let done = self.connection()?.optional(&sql).await;
        done.map_err(|source| StoreError::from_sqlx(self.operation, source))
    }

    /// The row that there always is.
    pub(crate) async fn one<R: AnyRow>(&mut self, sql: Sql) -> StoreResult<R> {
        let row = self.optional(sql).await?;
        row.ok_or_else(|| StoreError::from_sqlx(self.operation, sqlx::Error::RowNotFound))
    }

    /// The value of the row, if there is one.
    pub(crate) async fn optional_scalar<T>(&mut self, sql: Sql) -> StoreResult<Option<T>>
    where
        (T,): AnyRow,
    {
        Ok(self.optional::<(T,)>(sql).await?.map(|row| row.0))
    }

    /// The value of every row.
    pub(crate) async fn scalars<T>(&mut self, sql: Sql) -> StoreResult<Vec<T>>
    where
        (T,): AnyRow,
    {
        let rows = self.all::<(T,)>(sql).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The value of the row that there always is.
    pub(crate) async fn scalar<T>(&mut self, sql: Sql) -> StoreResult<T>
    where
        (T,): AnyRow,
    {
        Ok(self.one::<(T,)>(sql).await?.0)
    }

    /// For what it changes: how many rows.
    pub(crate) async fn run(&mut self, sql: Sql) -> StoreResult<u64> {
        let done = self.connection()?.run(&sql).await;
        done.map_err(|source| StoreError::from_sqlx(self.operation, source))
    }

    /// Commits it. After an error nothing is known of what it wrote, and SQLite's connection,
    /// whose state is not known either, is closed.
    pub(crate) async fn commit(mut self) -> StoreResult<()> {
        pass(self.operation, "before");
        let operation = self.operation;
        match self.open.take() {
            Some(Open::Sqlite(tx)) => tx.commit(operation).await?,
            Some(Open::Postgres(tx)) => {
                let done = tx.commit().await;
                done.map_err(|source| StoreError::from_sqlx(operation, source))?;
            }
            Some(Open::Lent(_)) | None => {}
        }
        pass(operation, "after");
        Ok(())
    }

    /// For statements that have a text for each engine.
    pub(crate) fn connection(&mut self) -> StoreResult<Connection<'_>> {
        match &mut self.open {
            Some(Open::Sqlite(tx)) => Ok(Connection::Sqlite(tx)),
            Some(Open::Postgres(tx)) => Ok(Connection::Postgres(tx)),
            Some(Open::Lent(Connection::Sqlite(connection))) => Ok(Connection::Sqlite(connection)),
            Some(Open::Lent(Connection::Postgres(connection))) => {
                Ok(Connection::Postgres(connection))
            }
            None => Err(StoreError::from_sqlx(
                self.operation,
                sqlx::Error::BeginFailed,
            )),
        }
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        // PostgreSQL's is rolled back by the driver, before its connection is used again.
        if let Some(Open::Sqlite(mut tx)) = self.open.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // If that fails, or is not reached any more, the connection is closed.
            runtime.spawn(async move { tx.roll_back().await });
        }
    }
}

/// The fail points around what commits under its operation's name.
fn pass(operation: &str, place: &str) {
    #[cfg(feature = "failpoints")]
    super::fail_points::pass(&format!("store::{operation}::{place}"));
    #[cfg(not(feature = "failpoints"))]
    let _ = (operation, place);
}

#[cfg(test)]
impl Sql {
    /// How the engine would run the statement, one step a line; PostgreSQL as its sessions are
    /// set, so that it reads a whole table only where nothing else is possible.
    pub(crate) async fn plan(self, store: &Store) -> Vec<String> {
        let explaining = store.read("explaining a statement");
        match &*store.db {
            Db::Sqlite(_) => {
                let steps = explaining.all(self.behind("explain query plan "));
                let steps: Vec<(i64, i64, i64, String)> = steps.await.unwrap();
                steps.into_iter().map(|step| step.3).collect()
            }
            Db::Postgres(_) => explaining.scalars(self.behind("explain ")).await.unwrap(),
        }
    }
}

#[cfg(test)]
impl Store {
    /// Has the engine prepare a statement, without a run.
    pub(crate) async fn prepare(&self, sql: Sql) -> Result<(), sqlx::Error> {
        use sqlx::Executor as _;
        match &*self.db {
            Db::Sqlite(db) => db.read.prepare(sql.text()).await.map(|_| ()),
            Db::Postgres(db) => db.read.prepare(sql.text()).await.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support;

    const INSERT: &str = "insert into meta (name, value) values ($1, $2)";

    fn named(name: &str) -> Sql {
        Sql::new(INSERT).with(name).with(b"x".as_slice())
    }

    both_engines! {
        async fn what_ends_without_a_commit_is_rolled_back_and_the_next_goes_on(db) {
            let store = &db.store;
            let mut tx = store.begin("trying").await.unwrap();
            assert_eq!(tx.run(named("dropped")).await.unwrap(), 1);
            drop(tx);
            // One that is given up in the middle of a statement.
            let mut tx = store.begin("trying").await.unwrap();
            let begun = tokio::time::timeout(std::time::Duration::ZERO, tx.run(named("given up")));
            let _ = begun.await;
            drop(tx);
            let mut tx = store.begin("trying").await.unwrap();
            // A refusal leaves a transaction that only ends.
            tx.run(Sql::new(INSERT).with("refused").with(None::<&[u8]>)).await.unwrap_err();
            drop(tx);
            let mut tx = store.begin("trying").await.unwrap();
            tx.run(named("committed")).await.unwrap();
            tx.commit().await.unwrap();
            let there = Sql::new("select name from meta where value = $1 order by name").with(b"x".as_slice());
            let there: Vec<String> = store.read("looking").scalars(there).await.unwrap();
            assert_eq!(there, ["committed"]);
        }

        async fn null_is_bound_as_its_kind(db) {
            let row = Sql::new("select cast($1 as text), cast($2 as bigint), cast($3 as integer), cast($4 as smallint)")
                .with(None::<&str>).with(None::<i64>).with(None::<i32>).with(None::<i16>);
            let row: (Option<String>, Option<i64>, Option<i32>, Option<i16>) =
                db.store.read("reading nothing").one(row).await.unwrap();
            assert_eq!(row, (None, None, None, None));
        }
    }
}
