//! SQLite files: copied as of one moment while others write, and looked into.
//!
//! A copy is one transaction that reads: writers are not held up by it, and the log grows
//! until it ends, since nothing that it reads may be carried over meanwhile. Rows are counted
//! in the same transaction, which neither `VACUUM INTO` nor the online backup would let us do.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use uuid::Uuid;

use super::{BackupError, Contents, during, quoted};
use crate::engine::migrate;

/// How long SQLite waits for others' locks.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies the database at `from` to `to`, which is to be no file or an empty one, and says
/// what there was. What others write meanwhile is not in it.
///
/// # Errors
/// [`BackupError`]; `to` is to be thrown away then.
pub async fn copy(from: &Path, to: &Path) -> Result<Contents, BackupError> {
    let options = SqliteConnectOptions::new()
        .filename(to)
        .create_if_missing(true)
        // Nobody sees it before it is whole and on the disk.
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .busy_timeout(PATIENCE);
    let mut connection = options
        .connect()
        .await
        .map_err(during(format!("making {}", to.display())))?;
    let what = format!("copying {}", from.display());
    let path = from.to_str().ok_or_else(|| BackupError::Database {
        what: what.clone(),
        source: sqlx::Error::Configuration("its path is no UTF-8".into()),
    })?;
    sqlx::query("attach $1 as original")
        .bind(path)
        .execute(&mut connection)
        .await
        .map_err(during(format!("opening {}", from.display())))?;
    let contents = copy_attached(&mut connection, &what).await?;
    connection.close().await.map_err(during(what))?;
    contents.ours(&from.display().to_string(), migrate::sqlite())?;
    Ok(contents)
}

async fn copy_attached(
    connection: &mut SqliteConnection,
    what: &str,
) -> Result<Contents, BackupError> {
    run(connection, what, "begin").await?;
    let contents = contents(connection, "original", what).await?;
    let makers: Vec<(String, String, String)> = sqlx::query_as(
        "select type, name, sql from original.sqlite_schema \
         where sql is not null and name not like 'sqlite\\_%' escape '\\' order by type = 'table' desc, rowid",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(during(what))?;
    // Indices are made before the rows, so that SQLite carries them over as they are.
    for (kind, _, maker) in &makers {
        if kind == "table" || kind == "index" {
            run(connection, what, maker).await?;
        }
    }
    for (_, name, _) in makers.iter().filter(|(kind, _, _)| kind == "table") {
        let name = quoted(name);
        let text = format!("insert into main.{name} select * from original.{name}");
        run(connection, what, &text).await?;
    }
    // What counts rows that were numbered once for all.
    run(connection, what, "delete from main.sqlite_sequence").await?;
    let sequences = "insert into main.sqlite_sequence select * from original.sqlite_sequence";
    run(connection, what, sequences).await?;
    for (kind, _, maker) in &makers {
        if kind == "trigger" || kind == "view" {
            run(connection, what, maker).await?;
        }
    }
    run(connection, what, "commit").await?;
    Ok(contents)
}

/// Looks into the file, all of it: SQLite's own check, and whose it is.
///
/// # Errors
/// [`BackupError`], also for a file that is damaged, not ours or too new.
pub async fn examine(file: &Path) -> Result<Contents, BackupError> {
    let what = format!("reading {}", file.display());
    let mut connection = open(file).await.map_err(during(&what))?;
    let checked = sqlx::query_scalar("pragma integrity_check(1)");
    let words: String = checked
        .fetch_one(&mut connection)
        .await
        .map_err(during(&what))?;
    if words != "ok" {
        let file = file.to_owned();
        return Err(BackupError::Damaged { file, words });
    }
    connection.close().await.map_err(during(&what))?;
    look(file).await
}

/// Looks into the file without checking all of it.
///
/// # Errors
/// [`BackupError`], also for a file that is not ours or too new.
pub async fn look(file: &Path) -> Result<Contents, BackupError> {
    let what = format!("reading {}", file.display());
    let mut connection = open(file).await.map_err(during(&what))?;
    let contents = contents(&mut connection, "main", &what).await?;
    connection.close().await.map_err(during(&what))?;
    contents.ours(&file.display().to_string(), migrate::sqlite())?;
    Ok(contents)
}

/// Brings all of the file's log into the file, so that it is whole without it. Nobody else
/// may have it open.
///
/// # Errors
/// [`BackupError`]; the file is as it was.
pub async fn without_log(file: &Path) -> Result<(), BackupError> {
    let what = format!("closing the log of {}", file.display());
    let mut connection = open(file).await.map_err(during(&what))?;
    let mode: String = sqlx::query_scalar("pragma journal_mode = delete")
        .fetch_one(&mut connection)
        .await
        .map_err(during(&what))?;
    connection.close().await.map_err(during(&what))?;
    if mode == "delete" {
        return Ok(());
    }
    Err(BackupError::Database {
        what,
        source: sqlx::Error::Protocol(format!("the log's mode stays {mode}")),
    })
}

async fn open(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(file);
    options.busy_timeout(PATIENCE).connect().await
}

async fn run(connection: &mut SqliteConnection, what: &str, text: &str) -> Result<(), BackupError> {
    // Our own constants, and what the schema says of itself.
    let done = sqlx::query(AssertSqlSafe(text.to_owned())).execute(connection);
    done.await.map(|_| ()).map_err(during(what))
}

async fn contents(
    connection: &mut SqliteConnection,
    schema: &str,
    what: &str,
) -> Result<Contents, BackupError> {
    let mut contents = Contents::default();
    let tables: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(format!(
        "select name from {schema}.sqlite_schema where type = 'table' \
         and name not like 'sqlite\\_%' escape '\\' order by name"
    )))
    .fetch_all(&mut *connection)
    .await
    .map_err(during(what))?;
    for (table,) in tables {
        let text = format!("select count(*) from {schema}.{}", quoted(&table));
        let rows = number(connection, text).await.map_err(during(what))?;
        contents.rows.insert(table, rows.unwrap_or(0));
    }
    let has = |table: &str| contents.rows.contains_key(table);
    let (meta, steps) = (has("meta"), has("_sqlx_migrations"));
    let (message, dated) = (
        has("message"),
        ["journal", "change"].map(|table| (table, has(table))),
    );
    if meta {
        let text = format!("select name, value from {schema}.meta");
        let rows = sqlx::query_as(AssertSqlSafe(text)).fetch_all(&mut *connection);
        contents.add_meta(rows.await.map_err(during(what))?);
    }
    if steps {
        let text =
            format!("select version, checksum from {schema}._sqlx_migrations order by version");
        let rows = sqlx::query_as(AssertSqlSafe(text)).fetch_all(&mut *connection);
        contents.steps = rows.await.map_err(during(what))?;
    }
    if message {
        let text = format!("select max(id) from {schema}.message");
        let newest = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut *connection);
        let newest: Option<Uuid> = newest.await.map_err(during(what))?;
        contents.add_newest(None, newest);
    }
    for (table, _) in dated.into_iter().filter(|(_, there)| *there) {
        let text = format!("select max(at) from {schema}.{table}");
        let newest = number(connection, text).await.map_err(during(what))?;
        contents.add_newest(newest, None);
    }
    Ok(contents)
}

async fn number(
    connection: &mut SqliteConnection,
    text: String,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(text))
        .fetch_one(connection)
        .await
}
