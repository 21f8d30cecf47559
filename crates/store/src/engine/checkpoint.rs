//! Carries SQLite's write-ahead log over to the database file beside the writers.
//!
//! Left to itself SQLite does so inside a commit, and whoever waits for that commit waits
//! for all of it (60 to 500 ms measured at full load). Here a connection of its own does
//! most of it while commits go on, and only the short rest holds the writers up: with
//! nothing left to carry over, the next commit begins the log anew.

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};
use tokio::task::JoinHandle;

/// Pages in the log that set it off: 40 MiB. The longer the log, the more commits share
/// the writing of a page (9,400 to 10,700 deliveries/s measured against 4 MiB).
const MANY: i64 = 10_000;
/// Pages that may be left for the writers' connection: some milliseconds.
const FEW: i64 = 500;
/// Passes beside the writers before the rest is done whatever its size.
const PASSES: usize = 4;
/// Between two looks at the log, when it may be long at the next.
const PERIOD: Duration = Duration::from_millis(100);
/// Between two looks at a short one: within that time it does not grow by [`MANY`].
const LONGER: Duration = Duration::from_millis(400);
const SHORT: i64 = MANY / 8;
/// After a failure, as of a full disk: the writers' own checkpoints go on meanwhile.
const PAUSE: Duration = Duration::from_secs(5);

/// Works for as long as it lives.
#[derive(Debug)]
pub(crate) struct Checkpointer(JoinHandle<()>);

impl Checkpointer {
    pub(crate) fn start(options: SqliteConnectOptions, write: SqlitePool) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let Err(error) = work(&options, &write).await;
                if write.is_closed() {
                    return;
                }
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot carry the write-ahead log over"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }))
    }

    pub(crate) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn work(
    options: &SqliteConnectOptions,
    write: &SqlitePool,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut beside = options.connect().await?;
    loop {
        let pages = left(&mut beside, "pragma wal_checkpoint(noop)").await?;
        if pages >= MANY {
            carry_over(&mut beside, write).await?;
        }
        tokio::time::sleep(if pages < SHORT { LONGER } else { PERIOD }).await;
    }
}

async fn carry_over(beside: &mut SqliteConnection, write: &SqlitePool) -> Result<(), sqlx::Error> {
    for _ in 0..PASSES {
        left(beside, "pragma wal_checkpoint(passive)").await?;
        // The pass knows the log's end of when it began.
        if left(beside, "pragma wal_checkpoint(noop)").await? <= FEW {
            break;
        }
    }
    let mut writer = write.acquire().await?;
    left(&mut writer, "pragma wal_checkpoint(passive)").await?;
    Ok(())
}

/// Runs the pragma and returns how many pages of the log are yet to be carried over.
async fn left(connection: &mut SqliteConnection, pragma: &'static str) -> Result<i64, sqlx::Error> {
    let (_busy, pages, done): (i64, i64, i64) =
        sqlx::query_as(pragma).fetch_one(connection).await?;
    Ok(pages - done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Db;

    async fn write(pool: &SqlitePool, bytes: i64) {
        sqlx::query("insert into payload (key, body) select coalesce(max(key), 0) + 1, zeroblob($1) from payload")
            .bind(bytes)
            .execute(pool)
            .await
            .expect("a row can be written");
    }

    #[tokio::test]
    async fn a_log_that_a_long_reader_let_grow_shrinks_when_it_has_gone() {
        const MOST: u64 = 64 << 20;
        let kept = crate::support::Database::sqlite().await;
        let Db::Sqlite(db) = &*kept.store.db else {
            panic!("asked for SQLite");
        };
        let mut log = db.path.clone().into_os_string();
        log.push("-wal");
        let size = || std::fs::metadata(&log).expect("a log").len();
        let options = SqliteConnectOptions::new().filename(&db.path);
        let mut reader = options.connect().await.expect("a reader");
        for text in ["begin", "select count(*) from payload"] {
            sqlx::query(text)
                .execute(&mut reader)
                .await
                .expect("a reader");
        }
        while size() < MOST + (8 << 20) {
            write(&db.write, 4 << 20).await;
        }
        sqlx::Connection::close(reader)
            .await
            .expect("the reader goes");
        postrider_testkit::eventually("the log to shrink", async || {
            write(&db.write, 1).await;
            match size() {
                small if small <= MOST => Ok(()),
                large => Err(large),
            }
        })
        .await;
    }
}
