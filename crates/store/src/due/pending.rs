//! What waits to be worked on, asked in one go for all who work on it: each that asks by
//! itself, four times a second, costs a round trip that says nothing nearly every time.

use const_format::formatcp;
use postrider_domain::Timestamp;

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::OVER;

/// What the last look for work found.
#[derive(Debug, Default)]
pub struct PendingWork {
    next_wake: Option<Timestamp>,
}

/// Whether there is work of a kind, for any node.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// When the first lane is worth looking at.
    next_wake: Option<Timestamp>,
    /// Whether there are background tasks that have not ended.
    tasks: bool,
    /// Whether there are messages to be unfolded.
    expansions: bool,
    /// Whether there are operational events to be published.
    events: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    next_wake: Option<i64>,
    tasks: bool,
    expansions: bool,
    events: bool,
}

/// Each part ends at the first row. Rows that are put aside count too: no index says which
/// they are.
pub(crate) const STATEMENT: &str = formatcp!(
    "select (select min(wake_at) from lane) as next_wake, \
    exists (select 1 from task where phase < {OVER}) as tasks, \
    exists (select 1 from expansion) as expansions, \
    exists (select 1 from operational_event) as events"
);

impl Store {
    /// Looks for work, and wakes whoever waits for it ([`Store::lane_hint`] and its like).
    pub async fn look_for_work(&self, seen: &mut PendingWork) -> StoreResult<()> {
        let pending = self.pending().await?;
        let is_news = pending.next_wake != seen.next_wake;
        let now = self.clock.now();
        let is_due = pending.next_wake.is_some_and(|wake| wake <= now);
        seen.next_wake = pending.next_wake;
        self.wake(&pending, is_news || is_due);
        Ok(())
    }

    /// Wakes whoever works on what is there.
    fn wake(&self, pending: &Pending, lanes: bool) {
        for (there, hint) in [
            (lanes, self.lane_hint()),
            (pending.tasks, self.task_hint()),
            (pending.expansions, self.expansion_hint()),
            (pending.events, self.event_hint()),
        ] {
            if there {
                hint.notify_one();
            }
        }
    }

    async fn pending(&self) -> StoreResult<Pending> {
        let row: Row = self
            .read("looking for work")
            .one(Sql::new(STATEMENT))
            .await?;
        Ok(Pending {
            next_wake: row.next_wake.map(Timestamp::from_micros),
            tasks: row.tasks,
            expansions: row.expansions,
            events: row.events,
        })
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[STATEMENT],
    ..Statements::NONE
};
