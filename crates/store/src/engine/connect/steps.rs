//! How much SQLite does for us: `cargo xtask crash history` compares it.

use sqlx::sqlite::SqlitePoolOptions;

/// Steps of SQLite's machine that are counted at once.
const STEPS: i32 = 100;

/// Has each connection count, in the metric `postrider_sqlite_steps_total`.
pub(super) fn counted(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.after_connect(|connection, _| {
        Box::pin(async move {
            let mut handle = connection.lock_handle().await?;
            handle.set_progress_handler(STEPS, || {
                metrics::counter!("postrider_sqlite_steps_total")
                    .increment(STEPS.unsigned_abs().into());
                true
            });
            Ok(())
        })
    })
}
