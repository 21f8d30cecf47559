//! Statements whose text depends on the request: filters, cursors and lists.
//!
//! The text never holds a value of the request; every value is bound.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::page::PageRequest;
use crate::{Store, StoreResult};

/// A value to bind.
pub(crate) enum Arg {
    Uuid(Uuid),
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Uuid> for Arg {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_owned())
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// A row that both engines can give.
pub(crate) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> AnyRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A statement under construction.
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) args: Vec<Arg>,
}

/// Runs a statement on the connection of a transaction and gives the rows that it changed.
macro_rules! change {
    ($conn:ident, $wrong:ident, $sql:expr) => {{
        let sql: $crate::sql::Sql = $sql;
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql.text.clone()));
        for arg in &sql.args {
            query = match arg {
                $crate::sql::Arg::Uuid(value) => query.bind(*value),
                $crate::sql::Arg::Int(value) => query.bind(*value),
                $crate::sql::Arg::Text(value) => query.bind(value.as_str()),
                $crate::sql::Arg::Bytes(value) => query.bind(value.as_slice()),
            };
        }
        query
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?
            .rows_affected()
    }};
}
pub(crate) use change;

impl Sql {
    /// Begins with `text`.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            args: Vec::new(),
        }
    }

    /// Adds text of our own.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a bound value.
    pub(crate) fn bind(&mut self, arg: impl Into<Arg>) -> &mut Self {
        self.args.push(arg.into());
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }

    /// Adds `and COLUMN in (...)`, unless `values` is empty.
    pub(crate) fn and_in(&mut self, column: &str, values: &[String]) -> &mut Self {
        for (index, value) in values.iter().enumerate() {
            if index == 0 {
                self.push(" and ").push(column).push(" in (");
            } else {
                self.push(", ");
            }
            self.bind(value.as_str());
        }
        if !values.is_empty() {
            self.push(")");
        }
        self
    }

    /// Adds ` and COLUMN in (...)`, a list of ids that is not empty.
    pub(crate) fn and_ids(&mut self, column: &str, ids: &[Uuid]) -> &mut Self {
        self.push(" and ").push(column).push(" in ");
        for (index, id) in ids.iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(*id);
        }
        self.push(")")
    }

    /// Adds `(...)`, a list of bound keys.
    pub(crate) fn keys(&mut self, keys: &[&[u8]]) -> &mut Self {
        for (index, key) in keys.iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(*key);
        }
        self.push(")")
    }

    /// Adds the cursor's condition on `key`.
    pub(crate) fn cursor<K: Clone>(
        &mut self,
        key: &str,
        page: &PageRequest<K>,
        arg: impl Fn(K) -> Arg,
    ) -> &mut Self {
        if let Some(bound) = page.bound() {
            let sign = if page.sql_descending() { " < " } else { " > " };
            self.push(" and ").push(key).push(sign).bind(arg(bound));
        }
        self
    }

    /// Adds the cursor's condition on `key`, the order and the limit.
    pub(crate) fn page<K: Clone>(
        &mut self,
        key: &str,
        page: &PageRequest<K>,
        arg: impl Fn(K) -> Arg,
    ) -> &mut Self {
        self.cursor(key, page, arg)
            .order(key, page)
            .push(" limit ")
            .bind(page.fetch())
    }

    /// Adds the order in which the page's statement runs.
    pub(crate) fn order<K: Clone>(&mut self, key: &str, page: &PageRequest<K>) -> &mut Self {
        let direction = if page.sql_descending() { " desc" } else { "" };
        self.push(" order by ").push(key).push(direction)
    }

    /// Adds the condition that the page's statement goes no further than `last`.
    pub(crate) fn up_to<K: Clone>(
        &mut self,
        key: &str,
        page: &PageRequest<K>,
        last: impl Into<Arg>,
    ) -> &mut Self {
        let sign = if page.sql_descending() {
            " >= "
        } else {
            " <= "
        };
        self.push(" and ").push(key).push(sign).bind(last)
    }

    /// Runs the statement on the reading pool.
    pub(crate) async fn fetch<R: AnyRow>(
        &self,
        store: &Store,
        operation: &'static str,
    ) -> StoreResult<Vec<R>> {
        let wrong = crate::error::wrong(operation);
        macro_rules! run {
            ($pool:expr) => {{
                let mut query = sqlx::query_as(AssertSqlSafe(self.text.clone()));
                for arg in &self.args {
                    query = match arg {
                        Arg::Uuid(value) => query.bind(*value),
                        Arg::Int(value) => query.bind(*value),
                        Arg::Text(value) => query.bind(value.as_str()),
                        Arg::Bytes(value) => query.bind(value.as_slice()),
                    };
                }
                query.fetch_all($pool).await.map_err(wrong)
            }};
        }
        match &*store.db {
            crate::db::Db::Sqlite(db) => run!(&db.read),
            crate::db::Db::Postgres(db) => run!(&db.read),
        }
    }

    /// Runs the statement on the writing pool, for its effect alone.
    pub(crate) async fn execute(&self, store: &Store, operation: &'static str) -> StoreResult<()> {
        self.execute_counting(store, operation).await.map(|_| ())
    }

    /// Runs the statement on the writing pool. Says how many rows it changed.
    pub(crate) async fn execute_counting(
        &self,
        store: &Store,
        operation: &'static str,
    ) -> StoreResult<u64> {
        let wrong = crate::error::wrong(operation);
        macro_rules! run {
            ($pool:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe(self.text.clone()));
                for arg in &self.args {
                    query = match arg {
                        Arg::Uuid(value) => query.bind(*value),
                        Arg::Int(value) => query.bind(*value),
                        Arg::Text(value) => query.bind(value.as_str()),
                        Arg::Bytes(value) => query.bind(value.as_slice()),
                    };
                }
                query
                    .execute($pool)
                    .await
                    .map(|done| done.rows_affected())
                    .map_err(wrong)
            }};
        }
        match &*store.db {
            crate::db::Db::Sqlite(db) => run!(&db.write),
            crate::db::Db::Postgres(db) => run!(&db.write),
        }
    }

    /// How the engine would run the statement, one step a line; PostgreSQL as its sessions are
    /// set, so that it reads a whole table only where nothing else is possible.
    #[cfg(test)]
    pub(crate) async fn plan(mut self, store: &Store) -> Vec<String> {
        let operation = "explaining a statement";
        match &*store.db {
            crate::db::Db::Sqlite(_) => {
                self.text.insert_str(0, "explain query plan ");
                let rows: Vec<(i64, i64, i64, String)> =
                    self.fetch(store, operation).await.unwrap();
                rows.into_iter().map(|row| row.3).collect()
            }
            crate::db::Db::Postgres(_) => {
                self.text.insert_str(0, "explain ");
                let rows: Vec<(String,)> = self.fetch(store, operation).await.unwrap();
                rows.into_iter().map(|row| row.0).collect()
            }
        }
    }
}
