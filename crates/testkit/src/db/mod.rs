//! A database of its own for each test, gone at the test's end.

mod cluster;
mod data;
mod gateway;
mod moving;
mod postgres;
mod programs;
mod server;
mod small_disks;
mod template;
mod unprivileged;

use std::path::{Path, PathBuf};

use postrider_store::Engine;
use tempfile::TempDir;

use gateway::Gateway;
use moving::MovingDatabase;
use postgres::PostgresDatabase;
pub use server::{PostgresServer, Stop};
pub use small_disks::SmallDisks;
pub(crate) use unprivileged::Account;

/// An empty database that no other test knows. Dropping it removes it, with every
/// connection to it.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sqlite(TempDir),
    /// A file that somebody else keeps, and that only the server sees.
    Elsewhere(PathBuf),
    Postgres(PostgresDatabase),
    Moving(MovingDatabase),
}

impl TestDatabase {
    /// Makes one. On PostgreSQL it is made on the server that
    /// `POSTRIDER_TEST_DATABASE_URL` names, else on the one at 127.0.0.1:5432, else on
    /// a throwaway cluster of the tests' own; panics and names these ways when none
    /// can be had. There it already has the schema in it, to save a second.
    pub async fn new(engine: Engine) -> Self {
        Self::make(engine, true).await
    }

    /// Makes one with nothing in it, not even the schema.
    pub async fn empty(engine: Engine) -> Self {
        Self::make(engine, false).await
    }

    async fn make(engine: Engine, filled: bool) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::Builder::new()
                    .prefix("postrider-test-")
                    .tempdir()
                    .expect("a temporary folder can be made");
                Self {
                    url: format!("sqlite://{}", folder.path().join("postrider.db").display()),
                    kind: Kind::Sqlite(folder),
                }
            }
            Engine::Postgres => {
                let database = PostgresDatabase::create(filled).await;
                Self {
                    url: database.url.clone(),
                    kind: Kind::Postgres(database),
                }
            }
        }
    }

    /// An SQLite file that only the server sees.
    pub(crate) fn elsewhere(path: &Path) -> Self {
        Self {
            url: format!("sqlite://{}", path.display()),
            kind: Kind::Elsewhere(path.to_owned()),
        }
    }

    /// What `POSTRIDER_DATABASE_URL` takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which engine it is on.
    pub fn engine(&self) -> Engine {
        match self.kind {
            Kind::Sqlite(_) | Kind::Elsewhere(_) => Engine::Sqlite,
            Kind::Postgres(_) | Kind::Moving(_) => Engine::Postgres,
        }
    }

    /// The SQLite file; none on PostgreSQL.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::Sqlite(folder) => Some(Path::join(folder.path(), "postrider.db")),
            Kind::Elsewhere(path) => Some(path.clone()),
            Kind::Postgres(_) | Kind::Moving(_) => None,
        }
    }

    /// Runs one statement behind the server's back and gives the rows it touched.
    pub async fn execute(&self, sql: &str) -> u64 {
        let done = match &self.kind {
            Kind::Sqlite(_) | Kind::Elsewhere(_) => postgres::execute_sqlite(&self.url, sql).await,
            Kind::Postgres(database) => postgres::execute(&database.url, sql).await,
            Kind::Moving(database) => postgres::execute(&database.behind(), sql).await,
        };
        done.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Reads one number behind the server's back.
    pub async fn number(&self, sql: &str) -> i64 {
        let read = match &self.kind {
            Kind::Sqlite(_) | Kind::Elsewhere(_) => postgres::number_sqlite(&self.url, sql).await,
            Kind::Postgres(database) => postgres::number(&database.url, sql).await,
            Kind::Moving(database) => postgres::number(&database.behind(), sql).await,
        };
        read.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// PostgreSQL only: makes one that the test can cut off from its server.
    pub async fn severable() -> Self {
        let mut database = Self::new(Engine::Postgres).await;
        database.url = database.postgres_mut().open_gateway();
        database
    }

    /// The database of a server of the test's own, which the test can cut off, and move to
    /// another server. What the test asks behind the server's back, it asks the superuser's
    /// way, of whichever server it is on.
    pub fn on(server: &PostgresServer) -> Self {
        let (url, database) = MovingDatabase::on(server);
        let kind = Kind::Moving(database);
        Self { url, kind }
    }

    /// Of one that is [`Self::on`] a server: leads new connections to another. Those that are
    /// there stay until that server ends, or the database goes away.
    pub fn move_to(&self, server: &PostgresServer) {
        match &self.kind {
            Kind::Moving(database) => database.move_to(server),
            _ => panic!("made by TestDatabase::on"),
        }
    }

    /// Of a [`Self::severable`] one, or one [`Self::on`] a server of its own: ends every
    /// connection and refuses new ones, until [`Self::come_back`].
    pub async fn go_away(&self) {
        self.gateway().cut().await;
    }

    /// Loses every answer of the database from now on, while it does what it is told, until
    /// it goes away or comes back.
    pub fn lose_answers(&self) {
        self.gateway().lose_answers();
    }

    /// Lets everyone connect again.
    pub fn come_back(&self) {
        self.gateway().restore();
    }

    fn gateway(&self) -> &Gateway {
        match &self.kind {
            Kind::Postgres(database) => database.gateway(),
            Kind::Moving(database) => database.gateway(),
            Kind::Sqlite(_) | Kind::Elsewhere(_) => {
                panic!("only a PostgreSQL database can be away")
            }
        }
    }

    fn postgres_mut(&mut self) -> &mut PostgresDatabase {
        match &mut self.kind {
            Kind::Postgres(database) => database,
            _ => panic!("only a shared server's database can be severable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::on_both_engines! {
        async fn a_database_is_empty_usable_and_its_own(engine: Engine) {
            let one = TestDatabase::empty(engine).await;
            let other = TestDatabase::empty(engine).await;
            one.execute("create table thing (id bigint)").await;
            other.execute("create table thing (id bigint)").await;
            one.execute("insert into thing values (7)").await;
            assert_eq!(one.number("select count(*) from thing").await, 1);
            assert_eq!(other.number("select count(*) from thing").await, 0);
        }
    }

    #[test]
    fn a_postgres_database_goes_away_and_comes_back() {
        crate::run(async {
            let database = TestDatabase::severable().await;
            database.go_away().await;
            assert!(postgres::number(database.url(), "select 1").await.is_err());
            database.come_back();
            assert_eq!(database.number("select 1").await, 1);
        });
    }

    #[test]
    fn a_postgres_database_is_gone_after_its_test() {
        crate::run(async {
            let watcher = TestDatabase::empty(Engine::Postgres).await;
            let mut short_lived = TestDatabase::new(Engine::Postgres).await;
            let name = short_lived.postgres_mut().name.clone();
            drop(short_lived);
            let left = format!("select count(*) from pg_database where datname = '{name}'");
            crate::eventually("the database to be dropped", async || {
                match watcher.number(&left).await {
                    0 => Ok(()),
                    left => Err(left),
                }
            })
            .await;
        });
    }
}
