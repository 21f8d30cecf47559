//! A database with today's schema in it, to be copied: bringing a new one up to date
//! takes PostgreSQL a second, copying one a fifth of that.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use postrider_store::{Cipher, Clock, ConnectOptions, Store};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use url::Url;

use super::postgres::{A_DAY, PREFIX};

/// The name of the template, which is made if it is missing. It has the day in it, for
/// partitions are by day, and the sweep goes by it; and what the schema is made of.
pub(super) async fn ensure(server: &Url, now: u64) -> Result<String, sqlx::Error> {
    let mut hasher = DefaultHasher::new();
    for step in steps() {
        step.hash(&mut hasher);
    }
    let name = format!(
        "{PREFIX}{}_template_{:016x}",
        now - now % A_DAY,
        hasher.finish()
    );
    let known = format!("select count(*) from pg_database where datname = '{name}'");
    let mut connection = PgConnection::connect(server.as_str()).await?;
    // Test processes queue here; the first one makes it, complete before it has its name.
    let lock = "select pg_advisory_lock(hashtext('postrider-test-template'))";
    sqlx::query(lock).execute(&mut connection).await?;
    let found: i64 = sqlx::query_scalar(AssertSqlSafe(known))
        .fetch_one(&mut connection)
        .await?;
    if found == 0 {
        make(&mut connection, server, &name).await?;
    }
    connection.close().await?;
    Ok(name)
}

async fn make(connection: &mut PgConnection, server: &Url, name: &str) -> Result<(), sqlx::Error> {
    let draft = format!("{name}_draft");
    for statement in [
        format!("drop database if exists {draft} with (force)"),
        format!("create database {draft} template template0"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    let mut url = server.clone();
    url.set_path(&draft);
    let options = ConnectOptions {
        url: url.to_string(),
        connections: 2,
    };
    let store = Store::open(
        &options,
        Cipher::new("of the template alone"),
        Clock::system(),
    )
    .await
    .expect("an empty database opens");
    store.close().await;
    // Each test brings a main secret of its own.
    super::postgres::execute(url.as_str(), "delete from meta where name = 'main_secret'").await?;
    let rename = format!("alter database {draft} rename to {name}");
    sqlx::query(AssertSqlSafe(rename))
        .execute(connection)
        .await?;
    Ok(())
}

/// The text of every migration.
pub(super) fn steps() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the migrations are there")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("text"))
        .collect()
}
