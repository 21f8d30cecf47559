//! Applies the steps in `migrations/`, one process at a time.
//!
//! A database that a later version has migrated is used as it is, as long as what came later
//! only added. A step that takes something away says in `meta` which step a program must know
//! at least (`needs_schema`); one that does not is refused.

use std::ops::Deref;
use std::sync::LazyLock;

use sqlx::Acquire;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::engine::Db;
use crate::engine::connect::ConnectError;
use crate::engine::error::StoreError;
use crate::engine::error::during;
#[cfg(test)]
use crate::engine::sql::Statements;

static SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| bearing_later(sqlx::migrate!("../../migrations/sqlite")));
static POSTGRES: LazyLock<Migrator> =
    LazyLock::new(|| bearing_later(sqlx::migrate!("../../migrations/postgres")));

/// Which does not mind steps of a later version.
fn bearing_later(mut migrator: Migrator) -> Migrator {
    migrator.set_ignore_missing(true);
    migrator
}

/// The steps of SQLite's schema.
pub(crate) fn sqlite() -> &'static Migrator {
    &SQLITE
}

/// The steps of PostgreSQL's schema.
pub(crate) fn postgres() -> &'static Migrator {
    &POSTGRES
}

#[cfg(not(feature = "failpoints"))]
async fn apply<'p, P>(steps: &Migrator, pool: P) -> Result<(), MigrateError>
where
    P: Acquire<'p>,
    <P::Connection as Deref>::Target: Migrate,
{
    steps.run(pool).await
}

/// Step by step, with a fail point behind each.
#[cfg(feature = "failpoints")]
async fn apply<'p, P>(steps: &Migrator, pool: P) -> Result<(), MigrateError>
where
    P: Acquire<'p> + Copy,
    <P::Connection as Deref>::Target: Migrate,
{
    for step in steps.iter() {
        steps.run_to(step.version, pool).await?;
        crate::fail_point!("store::migration::step");
    }
    Ok(())
}

pub(crate) async fn run(db: &Db) -> Result<(), ConnectError> {
    let migrator = match db {
        Db::Sqlite(_) => sqlite(),
        Db::Postgres(_) => postgres(),
    };
    match db {
        Db::Sqlite(db) => {
            // sqlx takes an advisory lock on PostgreSQL only.
            let _lock = lock_beside(&db.path).await?;
            apply(migrator, &db.write).await
        }
        Db::Postgres(db) => apply(migrator, &db.write).await,
    }
    .map_err(ConnectError::Migrate)?;
    let knows = migrator.iter().map(|step| step.version).max();
    let (needs, knows) = (needed(db).await?, knows.unwrap_or_default());
    if needs > knows {
        return Err(ConnectError::Newer { needs, knows });
    }
    Ok(())
}

const NEEDED: &str = "select value from meta where name = 'needs_schema'";

/// The step that whoever uses the database must know at least; 0 if it does not say.
async fn needed(db: &Db) -> Result<i64, StoreError> {
    let stored: Result<Option<Vec<u8>>, _> = match db {
        Db::Sqlite(db) => sqlx::query_scalar(NEEDED).fetch_optional(&db.write).await,
        Db::Postgres(db) => sqlx::query_scalar(NEEDED).fetch_optional(&db.write).await,
    };
    let Some(stored) = stored.map_err(during("reading which schema is needed"))? else {
        return Ok(0);
    };
    // What cannot be read asks for more than we know.
    let number = std::str::from_utf8(&stored).ok();
    Ok(number
        .and_then(|text| text.parse().ok())
        .unwrap_or(i64::MAX))
}

async fn lock_beside(path: &std::path::Path) -> Result<std::fs::File, ConnectError> {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".migrate-lock");
    let lock = std::path::PathBuf::from(lock);
    let during = |source| ConnectError::File {
        path: lock.clone(),
        source,
    };
    let file = std::fs::File::create(&lock).map_err(during)?;
    // Waiting for another process must not hold up the runtime's threads.
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .map_err(std::io::Error::other)
        .and_then(|locked| locked)
        .map_err(|source| ConnectError::File {
            path: path.to_owned(),
            source,
        })
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[NEEDED],
    ..Statements::NONE
};
