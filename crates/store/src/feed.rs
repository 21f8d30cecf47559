//! News of changes inside this process: what was changed here at once, what other
//! nodes changed within half a second.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::{Change, ChangeKind, Store, StoreResult};

/// How often other nodes' changes are looked for.
const POLL: Duration = Duration::from_millis(250);
/// How far back each look reaches: a transaction that began earlier can commit later.
const OVERLAP: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Feed {
    changes: broadcast::Sender<Change>,
    lanes: Notify,
    tasks: Notify,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            changes: broadcast::channel(4096).0,
            lanes: Notify::new(),
            tasks: Notify::new(),
        }
    }
}

impl Store {
    /// Every change from now on, made here or elsewhere, some of them twice. A reader
    /// that lags must forget everything it holds.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.feed.changes.subscribe()
    }

    /// Tells this process of a committed change, before the poll would.
    pub fn announce(&self, kind: ChangeKind, id: Uuid) {
        // Nobody listening is fine.
        let _ = self.feed.changes.send(Change { seq: 0, kind, id });
    }

    /// Notified when work may be due in some lane: the claimer waits on it.
    pub fn lane_hint(&self) -> &Notify {
        &self.feed.lanes
    }

    /// Notified when a background task is to be worked on: their runner waits on it.
    pub fn task_hint(&self) -> &Notify {
        &self.feed.tasks
    }

    /// Passes other nodes' changes on until it is dropped. Errors are logged and the
    /// next look reaches as far back as needed.
    pub async fn run_feed(&self) {
        let mut seen = HashSet::new();
        let mut reached = self.clock.now();
        loop {
            tokio::time::sleep(POLL).await;
            let now = self.clock.now();
            match self.pass_on(reached.minus(OVERLAP), &mut seen).await {
                Ok(()) => reached = now,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot read changes"
                ),
            }
        }
    }

    async fn pass_on(
        &self,
        since: postrider_domain::Timestamp,
        seen: &mut HashSet<i64>,
    ) -> StoreResult<()> {
        let changes = self.changes(since).await?;
        let current: HashSet<i64> = changes.iter().map(|change| change.seq).collect();
        for change in changes
            .into_iter()
            .filter(|change| !seen.contains(&change.seq))
        {
            let _ = self.feed.changes.send(change);
        }
        *seen = current;
        Ok(())
    }
}
