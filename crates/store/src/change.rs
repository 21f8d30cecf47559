//! What caches must forget: every change of configuration leaves a row, in its own
//! transaction, and every node reads the new rows several times a second.

use std::time::Duration;

use postrider_domain::Timestamp;
use uuid::Uuid;

use crate::{Store, StoreResult};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// An application or one of its endpoints.
    App,
    /// An API key.
    Key,
    /// An organisation, its settings or its event types.
    Org,
    /// A background task that was cancelled.
    Task,
    /// An organisation has operational webhooks from now on.
    Operational,
    /// Anything: the database may have gone back to an earlier state. Told in the process
    /// alone, by each node for itself.
    Lost,
}

impl ChangeKind {
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::App => 0,
            Self::Key => 1,
            Self::Org => 2,
            Self::Task => 9,
            Self::Operational => 6,
            Self::Lost => -1,
        }
    }
}

/// One change: `id` is the application's, key's, organisation's or task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// Grows with every change, though not always in the order of commits.
    pub seq: i64,
    /// What changed.
    pub kind: ChangeKind,
    /// Which one.
    pub id: Uuid,
}

/// Bind kind, id and now.
pub(crate) const INSERT: &str = "insert into change (kind, ref, at) values ($1, $2, $3)";

/// Bind the application. Its row lock puts the changes of one application in order.
pub(crate) const BUMP: &str =
    "update app set config_version = config_version + 1 where id = $1 and deleted_at is null";

/// In a transaction: tells of a change of kind `$kind`.
macro_rules! tell {
    ($conn:ident, $wrong:ident, $kind:expr, $id:expr, $now:expr) => {
        sqlx::query($crate::change::INSERT)
            .bind($kind.code())
            .bind($id)
            .bind($now.micros())
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?
    };
}

/// In a transaction, before anything else: raises the application's version, so
/// that a publish that read the old configuration notices, and tells of the change.
macro_rules! config_changed {
    ($conn:ident, $wrong:ident, $app:expr, $now:expr) => {{
        let bumped = sqlx::query($crate::change::BUMP)
            .bind($app.uuid())
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?;
        if bumped.rows_affected() == 0 {
            return Err($crate::StoreError::NotFound("application"));
        }
        tell!($conn, $wrong, $crate::ChangeKind::App, $app.uuid(), $now);
    }};
}

impl Store {
    /// The changes made since `since`. Ask with some overlap and skip what has been
    /// seen: a lower `seq` can become visible after a higher one.
    pub async fn changes(&self, since: Timestamp) -> StoreResult<Vec<Change>> {
        let rows: Vec<(i64, i16, Uuid)> = read!(self, "reading changes", pool => sqlx::query_as(
            "select seq, kind, ref from change where at >= $1 order by seq",
        ).bind(since.micros()).fetch_all(pool).await)?;
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
        write!(self, "trimming changes", pool => sqlx::query("delete from change where at < $1")
            .bind(before.micros()).execute(pool).await.map(|_| ()))
    }
}
