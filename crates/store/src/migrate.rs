//! Applies the steps in `migrations/`, one process at a time.

use sqlx::migrate::Migrator;

use crate::connect::ConnectError;
use crate::db::Db;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

#[cfg(not(feature = "failpoints"))]
macro_rules! apply {
    ($steps:expr, $pool:expr) => {
        $steps.run($pool).await
    };
}

/// Step by step, with a fail point behind each.
#[cfg(feature = "failpoints")]
macro_rules! apply {
    ($steps:expr, $pool:expr) => {
        async {
            for step in $steps.iter() {
                $steps.run_to(step.version, $pool).await?;
                crate::fail_point!("store::migration::step");
            }
            Ok(())
        }
        .await
    };
}

pub(crate) async fn run(db: &Db) -> Result<(), ConnectError> {
    match db {
        Db::Sqlite(db) => {
            // sqlx takes an advisory lock on PostgreSQL only.
            let _lock = lock_beside(&db.path).await?;
            apply!(SQLITE, &db.write)
        }
        Db::Postgres(db) => apply!(POSTGRES, &db.write),
    }
    .map_err(ConnectError::Migrate)
}

async fn lock_beside(path: &std::path::Path) -> Result<std::fs::File, ConnectError> {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".migrate-lock");
    let lock = std::path::PathBuf::from(lock);
    let wrong = |source| ConnectError::File {
        path: lock.clone(),
        source,
    };
    let file = std::fs::File::create(&lock).map_err(wrong)?;
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
