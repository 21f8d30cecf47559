//! What the promise needs of a session of PostgreSQL: asked for on each new connection, and
//! read back, since what stands between (a pooler, a role's settings) may have its own mind.
//!
//! Nothing of it goes into the start-up packet, where poolers refuse what they do not know.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};
use thiserror::Error;

use crate::engine::entropy::random_hex;

/// How long a second connection may take to get its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionUse {
    /// Reads and small writes.
    General,
    /// Batches of messages and outcomes.
    Commits,
}

/// Why a session is not fit for us.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A setting is not what was asked for.
    #[error(
        "PostgreSQL has {name} = {found} where {wanted} was set: something between keeps sessions from holding their settings; connect to the server itself, or through a pooler in session mode"
    )]
    Setting {
        /// The setting.
        name: String,
        /// What was asked for.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// The server replays another's log.
    #[error(
        "this PostgreSQL server is a standby, which takes no writes: give the address of the primary"
    )]
    Standby,
    /// Nothing may be written.
    #[error(
        "transactions are read-only on this PostgreSQL server: turn default_transaction_read_only off for the server, the database and the role"
    )]
    ReadOnly,
    /// Text of receivers and publishers would be refused.
    #[error(
        "the database's encoding is {0}, which cannot hold every text: make a database with encoding UTF8 (createdb -E UTF8 -T template0 NAME) and give its name in POSTRIDER_DATABASE_URL"
    )]
    Encoding(String),
    /// Each transaction may be another session's.
    #[error(
        "the pooler before PostgreSQL gives each transaction any session it likes (transaction or statement mode): set it to session mode for this database (PgBouncer: pool_mode = session), or connect to the server itself"
    )]
    Pooled,
    /// A second connection waits for ever.
    #[error(
        "a second connection to PostgreSQL got no answer while the first was open: allow more connections (in a pooler: its pool size)"
    )]
    NoSecond,
    /// The server did not do as asked.
    #[error("cannot set up a connection to PostgreSQL")]
    Database(#[from] sqlx::Error),
}

/// What is set on each connection. Units are as the server shows them.
const GENERAL: &[(&str, &str)] = &[
    ("client_encoding", "UTF8"),
    ("TimeZone", "UTC"),
    ("default_transaction_isolation", "read committed"),
    // A node that freezes in the middle of a transaction must not hold the others up.
    ("idle_in_transaction_session_timeout", "10s"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "30s"),
    // Each statement is written to be walked by index, in nested loops, as SQLite does it. The
    // planner thinks otherwise of a table that had no rows when it was last looked at, each
    // day's partition and `lane` among them: it reads the whole of it, by a plan that is kept
    // while it fills (6,443 rows of `message` for each message on a day's first hours, 9,500
    // to 16,100 messages/s of commits).
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // What is walked so needs no second process (26 ms to start for a look of 0.3 ms) and no
    // compiler, which the price of a table that has no index would call for.
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// What is set on the committers' connections. A statement that hangs ends; a commit that
/// waits for a standby does not.
const COMMITS: &[(&str, &str)] = &[("statement_timeout", "12s")];

/// What would end a connection that is kept, where the server is young enough to know it.
const IF_KNOWN: &[(&str, &str)] = &[("idle_session_timeout", "0"), ("transaction_timeout", "0")];

fn settings(purpose: SessionUse) -> Vec<(&'static str, &'static str)> {
    let mut settings = GENERAL.to_vec();
    if purpose == SessionUse::Commits {
        settings.retain(|(name, _)| COMMITS.iter().all(|(other, _)| name != other));
        settings.extend(COMMITS);
    }
    settings
}

/// Sets what is needed, and reads it back.
pub(crate) async fn prepare(
    connection: &mut PgConnection,
    purpose: SessionUse,
) -> Result<(), SessionError> {
    let settings = settings(purpose);
    // By the simple protocol throughout: a prepared statement may be another session's, too.
    sqlx::raw_sql(AssertSqlSafe(setting(&settings)))
        .execute(&mut *connection)
        .await?;
    let row = sqlx::raw_sql(AssertSqlSafe(reading(&settings)))
        .fetch_one(&mut *connection)
        .await?;
    check(&row, &settings)
}

/// The statement that sets everything. A commit waits at least for the disk and for a
/// synchronous standby; the one setting that waits for more is left.
fn setting(settings: &[(&str, &str)]) -> String {
    let rows: Vec<_> = settings
        .iter()
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    let known: Vec<_> = IF_KNOWN
        .iter()
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    format!(
        "select set_config(name, value, false) from (values {}) as wanted(name, value) \
         union all select set_config(w.name, w.value, false) \
         from (values {}) as w(name, value) join pg_settings s on s.name = w.name \
         union all select set_config('synchronous_commit', case current_setting('synchronous_commit') \
         when 'remote_apply' then 'remote_apply' else 'on' end, false)",
        rows.join(", "),
        known.join(", ")
    )
}

fn reading(settings: &[(&str, &str)]) -> String {
    let columns: Vec<_> = settings
        .iter()
        .map(|(name, _)| format!("current_setting('{name}')"))
        .collect();
    format!(
        "select current_setting('synchronous_commit'), current_setting('server_encoding'), \
         pg_is_in_recovery()::text, current_setting('transaction_read_only'), {}",
        columns.join(", ")
    )
}

fn check(row: &PgRow, settings: &[(&str, &str)]) -> Result<(), SessionError> {
    let text = |at: usize| row.try_get::<String, _>(at);
    let encoding = text(1)?;
    if encoding != "UTF8" {
        return Err(SessionError::Encoding(encoding));
    }
    if text(2)? == "true" {
        return Err(SessionError::Standby);
    }
    if text(3)? == "on" {
        return Err(SessionError::ReadOnly);
    }
    let differs = |name: &str, wanted: &str, found: String| SessionError::Setting {
        name: name.to_owned(),
        wanted: wanted.to_owned(),
        found,
    };
    let commit = text(0)?;
    if !matches!(&*commit, "on" | "remote_apply") {
        return Err(differs("synchronous_commit", "on", commit));
    }
    for (at, (name, wanted)) in settings.iter().enumerate() {
        let found = text(4 + at)?;
        if found != *wanted {
            return Err(differs(name, wanted, found));
        }
    }
    Ok(())
}

/// Whether two connections are two sessions, each the same one from transaction to
/// transaction. A pooler in transaction mode gives the session that the first has just left
/// to the second, or else, while the second is in a transaction, another one to the first.
pub(crate) async fn are_sessions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<(), SessionError> {
    let mark = random_hex::<16>();
    let set = format!("select set_config('postrider.session', '{mark}', false)");
    sqlx::raw_sql(AssertSqlSafe(set))
        .execute(&mut *first)
        .await?;
    let compared = tokio::time::timeout(PATIENCE, async {
        if sqlx::raw_sql("begin").execute(&mut *second).await.is_err() {
            // In statement mode there are no transactions.
            return Ok(false);
        }
        if marked(second).await? == mark {
            return Ok(false);
        }
        let ours = marked(first).await?;
        sqlx::raw_sql("rollback").execute(&mut *second).await?;
        Ok(ours == mark)
    });
    match compared.await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(SessionError::Pooled),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(SessionError::NoSecond),
    }
}

async fn marked(connection: &mut PgConnection) -> Result<String, SessionError> {
    let row = sqlx::raw_sql("select coalesce(current_setting('postrider.session', true), '')")
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use postrider_testkit::{Engine, TestDatabase};

    use super::*;
    use crate::engine::connect::{ConnectOptions, postgres};

    /// A database whose sessions begin with other settings than ours.
    async fn contrary() -> TestDatabase {
        let database = TestDatabase::new(Engine::Postgres).await;
        for set in [
            "synchronous_commit = off",
            "timezone = 'Asia/Kolkata'",
            "client_encoding = 'LATIN1'",
            "statement_timeout = 0",
            "default_transaction_isolation = serializable",
        ] {
            let alter = format!(
                "do $$ begin execute format('alter database %I set {}', current_database()); end $$",
                set.replace('\'', "''")
            );
            database.execute(&alter).await;
        }
        database
    }

    #[tokio::test]
    async fn what_the_promise_needs_holds_on_every_pool_whatever_role_and_url_say() {
        let database = contrary().await;
        let options =
            "options=-c%20synchronous_commit%3Doff%20-c%20enable_seqscan%3Don%20-c%20jit%3Don";
        let options = ConnectOptions {
            url: format!("{}?{options}", database.url()),
            connections: 4,
        };
        let db = postgres::open(&options).await.unwrap();
        for (pool, statements) in [(&db.read, "30s"), (&db.write, "30s"), (&db.commit, "12s")] {
            for (name, wanted) in [
                ("synchronous_commit", "on"),
                ("TimeZone", "UTC"),
                ("client_encoding", "UTF8"),
                ("statement_timeout", statements),
                ("default_transaction_isolation", "read committed"),
                ("enable_seqscan", "off"),
                ("jit", "off"),
            ] {
                let found: String = sqlx::query_scalar("select current_setting($1)")
                    .bind(name)
                    .fetch_one(pool)
                    .await
                    .unwrap();
                assert_eq!(found, wanted, "{name}");
            }
        }
    }

    #[tokio::test]
    async fn a_setting_that_does_not_hold_is_named() {
        use sqlx::Connection;
        let database = TestDatabase::new(Engine::Postgres).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        prepare(&mut connection, SessionUse::Commits).await.unwrap();
        sqlx::raw_sql("set lock_timeout = '1min'")
            .execute(&mut connection)
            .await
            .unwrap();
        let settings = settings(SessionUse::Commits);
        let row = sqlx::raw_sql(AssertSqlSafe(reading(&settings)))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let said = check(&row, &settings).unwrap_err().to_string();
        assert!(
            said.contains("lock_timeout = 1min where 5s was set"),
            "{said}"
        );
    }

    /// A node that froze in a transaction, and goes on.
    #[tokio::test]
    async fn a_transaction_that_stood_still_may_be_tried_again() {
        let database = TestDatabase::new(Engine::Postgres).await;
        let options = ConnectOptions {
            url: database.url().to_owned(),
            connections: 4,
        };
        let db = postgres::open(&options).await.unwrap();
        let mut standing = db.write.begin().await.unwrap();
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut *standing)
            .await
            .unwrap();
        sqlx::query("set local idle_in_transaction_session_timeout = '20ms'")
            .execute(&mut *standing)
            .await
            .unwrap();
        let there = format!("select count(*) from pg_stat_activity where pid = {pid}");
        while database.number(&there).await > 0 {
            tokio::task::yield_now().await;
        }
        let ended = sqlx::query("select 1").execute(&mut *standing).await;
        let error = crate::engine::error::StoreError::from_sqlx("asking", ended.unwrap_err());
        assert!(error.is_transient(), "{error:?}");
    }

    #[tokio::test]
    async fn two_connections_to_a_server_are_two_sessions() {
        use sqlx::Connection;
        let database = TestDatabase::new(Engine::Postgres).await;
        let mut first = PgConnection::connect(database.url()).await.unwrap();
        let mut second = PgConnection::connect(database.url()).await.unwrap();
        are_sessions(&mut first, &mut second).await.unwrap();
        // Also when they have been asked before.
        are_sessions(&mut second, &mut first).await.unwrap();
    }
}
