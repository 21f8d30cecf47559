//! What caches must forget: every change of configuration leaves a row, in its own
//! transaction, and every node reads the new rows several times a second.

use std::time::Duration;

use postrider_domain::{AppId, Timestamp};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::{Change, ChangeKind};
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Bind kind, id and now.
pub(crate) const INSERT: &str = "insert into change (kind, ref, at) values ($1, $2, $3)";

/// Bind the application. Its row lock puts the changes of one application in order.
pub(crate) const BUMP: &str =
    "update app set config_version = config_version + 1 where id = $1 and deleted_at is null";

/// In a transaction: says that something has changed.
pub(crate) async fn record_change(
    tx: &mut Tx<'_>,
    kind: ChangeKind,
    id: Uuid,
    now: Timestamp,
) -> StoreResult<()> {
    let change = Sql::new(INSERT)
        .with(kind.code())
        .with(id)
        .with(now.micros());
    tx.run(change).await.map(|_| ())
}

/// In a transaction, before anything else: raises the application's version, so that a
/// publish that read the old configuration notices, and says that it has changed.
pub(crate) async fn config_changed(tx: &mut Tx<'_>, app: AppId, now: Timestamp) -> StoreResult<()> {
    if tx.run(Sql::new(BUMP).with(app.uuid())).await? == 0 {
        return Err(StoreError::NotFound(Entity::Application));
    }
    record_change(tx, ChangeKind::App, app.uuid(), now).await
}

const SINCE: &str = "select seq, kind, ref from change where at >= $1 order by seq";
const TRIM: &str = "delete from change where at < $1";

impl Store {
    /// The changes made since `since`. Ask with some overlap and skip what has been
    /// seen: a lower `seq` can become visible after a higher one.
    pub async fn changes(&self, since: Timestamp) -> StoreResult<Vec<Change>> {
        let rows: Vec<(i64, i16, Uuid)> = self
            .read("reading changes")
            .all(Sql::new(SINCE).with(since.micros()))
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(seq, kind, id)| {
                let kind = match kind {
                    0 => ChangeKind::App,
                    1 => ChangeKind::Key,
                    2 => ChangeKind::Org,
                    9 => ChangeKind::Task,
                    6 => ChangeKind::Operational,
                    _ => return None,
                };
                Some(Change { seq, kind, id })
            })
            .collect())
    }

    /// Removes changes that every node has long seen.
    pub async fn trim_changes(&self) -> StoreResult<()> {
        let before = self.clock.now().minus(Duration::from_hours(1));
        self.write("trimming changes")
            .run(Sql::new(TRIM).with(before.micros()))
            .await
            .map(|_| ())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[INSERT, BUMP, SINCE, TRIM],
    ..Statements::NONE
};
