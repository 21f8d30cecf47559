//! PostgreSQL databases: looked into in the snapshot that `pg_dump` is to write down. The
//! copying itself is PostgreSQL's own programs'.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use uuid::Uuid;

use super::{BackupError, Contents, during, quoted};
use crate::engine::migrate;

/// A database as it stood at one moment, for as long as this lives.
#[derive(Debug)]
pub struct Snapshot {
    /// What `pg_dump --snapshot` takes.
    pub id: String,
    /// The server's version, such as 150020.
    pub version: i32,
    /// What was in it.
    pub contents: Contents,
    /// Nodes that serve it, as far as their leases say.
    pub nodes: i64,
    connection: PgConnection,
}

impl Snapshot {
    /// Takes one of the database at `url`. One that is empty is no fault here.
    ///
    /// # Errors
    /// [`BackupError`], also for a database that is not ours or too new.
    pub async fn take(url: &str) -> Result<Self, BackupError> {
        let what = "reading the database";
        let mut connection = PgConnectOptions::from_str(url)
            .map_err(during("reading the database's URL"))?
            .application_name("postrider backup")
            // It waits for other programs, which take as long as they take.
            .options([
                ("idle_in_transaction_session_timeout", "0"),
                ("statement_timeout", "0"),
                ("timezone", "UTC"),
            ])
            .connect()
            .await
            .map_err(during("reaching the database"))?;
        sqlx::query("begin isolation level repeatable read read only")
            .execute(&mut connection)
            .await
            .map_err(during(what))?;
        let (id, version): (String, i32) = sqlx::query_as(
            "select pg_export_snapshot(), current_setting('server_version_num')::integer",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(during(what))?;
        let contents = contents(&mut connection).await.map_err(during(what))?;
        let mut nodes = 0;
        if contents.rows.contains_key("node") {
            nodes = sqlx::query_scalar(
                "select count(*) from node where lease_until > extract(epoch from clock_timestamp()) * 1000000",
            )
            .fetch_one(&mut connection)
            .await
            .map_err(during(what))?;
        }
        if !contents.is_empty() {
            contents.ours("the database", migrate::postgres())?;
        }
        Ok(Self {
            id,
            version,
            contents,
            nodes,
            connection,
        })
    }

    /// Lets go of it.
    ///
    /// # Errors
    /// [`BackupError`]; it is gone all the same.
    pub async fn end(self) -> Result<(), BackupError> {
        let ended = self.connection.close().await;
        ended.map_err(during("leaving the database"))
    }
}

async fn contents(connection: &mut PgConnection) -> Result<Contents, sqlx::Error> {
    let mut contents = Contents::default();
    let tables: Vec<(String,)> = sqlx::query_as(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = current_schema() and c.relkind = 'r' order by 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (table,) in tables {
        let text = format!("select count(*) from {}", quoted(&table));
        let rows = sqlx::query_scalar(AssertSqlSafe(text));
        let rows: i64 = rows.fetch_one(&mut *connection).await?;
        contents.rows.insert(table, rows);
    }
    if !contents.rows.contains_key("meta") || !contents.rows.contains_key("_sqlx_migrations") {
        return Ok(contents);
    }
    let meta = sqlx::query_as("select name, value from meta");
    contents.add_meta(meta.fetch_all(&mut *connection).await?);
    let steps = sqlx::query_as("select version, checksum from _sqlx_migrations order by version");
    contents.steps = steps.fetch_all(&mut *connection).await?;
    let newest: Option<Uuid> =
        sqlx::query_scalar("select id from message order by id desc limit 1")
            .fetch_optional(&mut *connection)
            .await?;
    contents.add_newest(None, newest);
    for text in ["select max(at) from journal", "select max(at) from change"] {
        let at: Option<i64> = sqlx::query_scalar(text).fetch_one(&mut *connection).await?;
        contents.add_newest(at, None);
    }
    Ok(contents)
}

/// What a dump holds, from the text that `pg_restore --file -` makes of its data.
#[derive(Debug, Default)]
pub struct DumpReader {
    contents: Contents,
    /// The table whose rows are being read.
    table: Option<String>,
}

impl DumpReader {
    /// Takes the next line.
    pub fn line(&mut self, line: &str) {
        let Some(table) = self.table.clone() else {
            self.table = line.strip_prefix("COPY ").and_then(copied_table);
            if let Some(table) = &self.table {
                self.contents.rows.insert(table.clone(), 0);
            }
            return;
        };
        if line == "\\." {
            self.table = None;
            return;
        }
        *self.contents.rows.entry(table.clone()).or_default() += 1;
        let columns: Vec<&str> = line.split('\t').collect();
        match (&*table, &*columns) {
            ("meta", [name, value, ..]) => {
                let value = hex(value).unwrap_or_default();
                self.contents.add_meta(vec![((*name).to_owned(), value)]);
            }
            // version, description, installed_on, success, checksum, execution_time
            ("_sqlx_migrations", [version, _, _, _, checksum, ..]) => {
                let step = (version.parse(), hex(checksum));
                if let (Ok(version), Some(checksum)) = step {
                    self.contents.steps.push((version, checksum));
                }
            }
            // seq, at, ...; and seq, kind, ref, at
            ("journal", [_, at, ..]) | ("change", [.., at]) => {
                self.contents.add_newest(at.parse().ok(), None);
            }
            _ => {}
        }
    }

    /// What was in it.
    ///
    /// # Errors
    /// [`BackupError`] for a dump that is not ours or too new.
    pub fn end(mut self, what: &str) -> Result<Contents, BackupError> {
        self.contents.steps.sort();
        self.contents.ours(what, migrate::postgres())?;
        Ok(self.contents)
    }
}

/// The table of `COPY public.name (columns) FROM stdin;`.
fn copied_table(rest: &str) -> Option<String> {
    let (name, _) = rest.split_once(" (")?;
    let (_, name) = name.rsplit_once('.')?;
    Some(name.trim_matches('"').to_owned())
}

/// Bytes as PostgreSQL writes them in the text of a copy.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\\\x")?;
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
