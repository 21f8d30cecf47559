//! Several statements in one go, for SQLite: each call of the driver is a hop to its
//! thread and back, which costs more than most of our statements.

use serde::Serialize;
use sqlx::sqlite::{SqliteArguments, SqliteQueryResult, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Either, Encode, Executor, Sqlite, SqliteConnection, Type};

use crate::engine::error::StoreResult;
use crate::engine::error::during;

/// Statements under construction, with their values.
#[derive(Default)]
pub(crate) struct Script {
    text: String,
    args: SqliteArguments,
    statements: usize,
    failed: Option<sqlx::error::BoxDynError>,
}

impl Script {
    /// Adds a statement of our own, whose parameters count from `$1`; bind its values next.
    pub(crate) fn add(&mut self, statement: &str) -> &mut Self {
        let before = self.args.len();
        let mut rest = statement;
        while let Some(at) = rest.find('$') {
            let digits = rest[at + 1..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            let number: usize = rest[at + 1..at + 1 + digits].parse().unwrap_or(0);
            self.text.push_str(&rest[..=at]);
            self.text.push_str(&(before + number).to_string());
            rest = &rest[at + 1 + digits..];
        }
        self.text.push_str(rest);
        self.text.push(';');
        self.statements += 1;
        self
    }

    /// How many statements there are.
    pub(crate) fn len(&self) -> usize {
        self.statements
    }

    /// Binds the next value of the statement that was added last.
    pub(crate) fn bind<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'q> Encode<'q, Sqlite> + Type<Sqlite>,
    {
        if let Err(error) = self.args.add(value) {
            self.failed = Some(error);
        }
        self
    }

    /// Runs the statements and returns how many rows each has changed.
    pub(crate) async fn run(
        self,
        connection: &mut SqliteConnection,
        operation: &'static str,
    ) -> StoreResult<Vec<u64>> {
        let mut changed = Vec::new();
        let take = |result| {
            if let Either::Left(done) = result {
                changed.push(SqliteQueryResult::rows_affected(&done));
            }
        };
        self.each(connection, operation, take).await?;
        Ok(changed)
    }

    /// Runs the statements and returns their rows, each with the place of its statement.
    pub(crate) async fn rows(
        self,
        connection: &mut SqliteConnection,
        operation: &'static str,
    ) -> StoreResult<Vec<(usize, SqliteRow)>> {
        let (mut at, mut rows) = (0, Vec::new());
        let take = |result| match result {
            Either::Left(_) => at += 1,
            Either::Right(row) => rows.push((at, row)),
        };
        self.each(connection, operation, take).await?;
        Ok(rows)
    }

    async fn each(
        self,
        connection: &mut SqliteConnection,
        operation: &'static str,
        mut take: impl FnMut(Either<SqliteQueryResult, SqliteRow>),
    ) -> StoreResult<()> {
        use futures_util::TryStreamExt;
        let during = during(operation);
        if let Some(error) = self.failed {
            return Err(during(sqlx::Error::Encode(error)));
        }
        if self.text.is_empty() {
            return Ok(());
        }
        // The text is made of our own constants; every value is bound.
        let query = sqlx::query_with(AssertSqlSafe(self.text), self.args);
        let mut results = Executor::fetch_many(connection, query);
        while let Some(result) = results.try_next().await.map_err(during)? {
            take(result);
        }
        Ok(())
    }
}

/// Serialised straight to text: a tree of values in between would cost more than SQLite's
/// own work.
pub(crate) fn as_json(rows: &[impl Serialize]) -> StoreResult<String> {
    serde_json::to_string(rows)
        .map_err(|error| during("writing a batch as JSON")(sqlx::Error::Encode(error.into())))
}
