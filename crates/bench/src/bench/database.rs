//! A database for one server of the bench, gone afterwards.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use url::Url;

use super::{cpu, machine};

const PREFIX: &str = "postrider_bench_";
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// Databases of an earlier bench that was interrupted.
const LEFT_OVER: &str = r"select datname::text from pg_database d
    where datname like 'postrider\_bench\_%'
    and not exists (select from pg_stat_activity a where a.datname = d.datname)";

/// Whether they are gone.
static SWEPT: AtomicBool = AtomicBool::new(false);

/// Which database a server runs on.
#[derive(Debug)]
pub(super) struct Database {
    /// What POSTRIDER_DATABASE_URL takes.
    pub(super) url: String,
    /// Product and version, and what decides about its speed.
    pub(super) description: String,
    /// PostgreSQL's first process, when it runs on this machine.
    pub(super) postmaster: Option<u32>,
    /// The PostgreSQL server and the database's name there.
    made: Option<(Url, String)>,
}

impl Database {
    /// A SQLite file in `folder`.
    pub(super) async fn sqlite(folder: &Path) -> io::Result<Self> {
        let mut memory = SqliteConnection::connect("sqlite::memory:")
            .await
            .map_err(io::Error::other)?;
        let version: String = sqlx::query_scalar("select sqlite_version()")
            .fetch_one(&mut memory)
            .await
            .map_err(io::Error::other)?;
        Ok(Self {
            url: format!("sqlite://{}", folder.join("postrider.db").display()),
            description: format!("SQLite {version} on {}", machine::file_system(folder)?),
            postmaster: None,
            made: None,
        })
    }

    /// A new database on a PostgreSQL server: `url`, else POSTRIDER_TEST_DATABASE_URL, else
    /// the one at 127.0.0.1:5432.
    pub(super) async fn postgres(url: Option<&str>) -> io::Result<Self> {
        let from_environment = std::env::var("POSTRIDER_TEST_DATABASE_URL").ok();
        let server = url
            .or(from_environment.as_deref())
            .unwrap_or(DEFAULT_SERVER);
        let server = Url::from_str(server)
            .map_err(|error| io::Error::other(format!("--postgres-url {server}: {error}")))?;
        Self::create(&server).await.map_err(|error| {
            let place = server.host_str().unwrap_or_default();
            let port = server.port().unwrap_or(5432);
            io::Error::other(format!(
                "PostgreSQL at {place}:{port}: {error}; name a server with --postgres-url or \
                 POSTRIDER_TEST_DATABASE_URL, or measure --engine sqlite alone"
            ))
        })
    }

    async fn create(server: &Url) -> Result<Self, sqlx::Error> {
        let mut connection = PgConnection::connect(server.as_str()).await?;
        // Once: a database of this bench may have no connection yet when the next one is made.
        if !SWEPT.swap(true, Ordering::Relaxed) {
            let left: Vec<String> = sqlx::query_scalar(LEFT_OVER)
                .fetch_all(&mut connection)
                .await?;
            for name in left {
                execute(&mut connection, &format!("drop database if exists {name}")).await?;
            }
        }
        let name = format!("{PREFIX}{}", uuid::Uuid::new_v4().simple());
        execute(
            &mut connection,
            &format!("create database {name} template template0"),
        )
        .await?;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut connection)
            .await?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self {
            url: url.into(),
            description: describe(&mut connection).await?,
            postmaster: cpu::parent_of(backend.unsigned_abs(), "postgres"),
            made: Some((server.clone(), name)),
        })
    }

    /// Its name on a PostgreSQL server.
    pub(super) fn name(&self) -> Option<String> {
        self.made.as_ref().map(|(_, name)| name.clone())
    }

    /// Makes a PostgreSQL server write down what it has in memory, so that it need not do so
    /// by itself for a while; nothing for SQLite.
    pub(super) async fn checkpoint(&self) -> io::Result<()> {
        let Some((server, _)) = &self.made else {
            return Ok(());
        };
        let written = async {
            let mut connection = PgConnection::connect(server.as_str()).await?;
            execute(&mut connection, "checkpoint").await
        };
        written.await.map_err(io::Error::other)
    }

    /// Removes what was made on a PostgreSQL server.
    pub(super) async fn remove(self) -> io::Result<()> {
        let Some((server, name)) = self.made else {
            return Ok(());
        };
        let drop = format!("drop database if exists {name} with (force)");
        let removed = async {
            let mut connection = PgConnection::connect(server.as_str()).await?;
            execute(&mut connection, &drop).await
        };
        removed.await.map_err(io::Error::other)
    }
}

async fn describe(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let mut parts = Vec::new();
    for setting in [
        "server_version",
        "fsync",
        "synchronous_commit",
        "shared_buffers",
        "autovacuum",
    ] {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(setting)
            .fetch_one(&mut *connection)
            .await?;
        parts.push(match setting {
            "server_version" => format!("PostgreSQL {value}"),
            _ => format!("{setting} {value}"),
        });
    }
    Ok(parts.join(", "))
}

async fn execute(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    connection
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .map(|_| ())
}

/// A new, empty folder for one server, on a disk.
///
/// # Errors
/// A target directory in memory, where a sync costs nothing and a figure means nothing.
pub(crate) fn folder(target: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = target.join("bench").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let kind = machine::file_system(&folder)?;
    if matches!(kind.as_str(), "tmpfs" | "ramfs") {
        return Err(io::Error::other(format!(
            "{} is on {kind}: set CARGO_TARGET_DIR to a folder on a disk",
            folder.display()
        )));
    }
    Ok(folder)
}
