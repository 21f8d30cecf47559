//! News of changes inside this process: what was changed here at once, what other
//! nodes changed within half a second.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::TaskId;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::pending::Pending;
use crate::{Change, ChangeKind, Store, StoreResult};

/// How often other nodes' changes are looked for.
const POLL: Duration = Duration::from_millis(250);
/// How far back each look reaches: a transaction that began earlier can commit later.
const OVERLAP: Duration = Duration::from_mins(1);
/// Cancelled tasks that are remembered.
const STOPPED: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Feed {
    changes: broadcast::Sender<Change>,
    lanes: Notify,
    tasks: Notify,
    expansions: Notify,
    events: Notify,
    owed: Notify,
    /// Tasks that were cancelled, the latest last: what they have queued is not sent.
    stopped: Mutex<VecDeque<TaskId>>,
    /// When the server was started that serves now.
    server: Mutex<Option<i64>>,
    /// How often the database may have lost something.
    losses: AtomicU64,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            changes: broadcast::channel(4096).0,
            lanes: Notify::new(),
            tasks: Notify::new(),
            expansions: Notify::new(),
            events: Notify::new(),
            owed: Notify::new(),
            stopped: Mutex::default(),
            server: Mutex::default(),
            losses: AtomicU64::new(0),
        }
    }
}

impl Feed {
    /// Notes which server answers, by when it was started.
    pub(crate) fn served_by(&self, started: i64) {
        let before = self.server.lock().replace(started);
        if before.is_some_and(|before| before != started) {
            self.lost();
        }
    }

    /// Wakes whoever works on what is there.
    pub(crate) fn wake(&self, pending: &Pending, lanes: bool) {
        for (there, hint) in [
            (lanes, &self.lanes),
            (pending.tasks, &self.tasks),
            (pending.expansions, &self.expansions),
            (pending.events, &self.events),
        ] {
            if there {
                hint.notify_one();
            }
        }
    }

    fn lost(&self) {
        tracing::warn!(
            "the database was started anew or is another: nothing in memory is taken for granted"
        );
        self.losses.fetch_add(1, Ordering::AcqRel);
        self.pass_on(Change {
            seq: 0,
            kind: ChangeKind::Lost,
            id: Uuid::nil(),
        });
    }

    fn pass_on(&self, change: Change) {
        if change.kind == ChangeKind::Task {
            let task = TaskId::from_uuid(change.id);
            let mut stopped = self.stopped.lock();
            if !stopped.contains(&task) {
                stopped.push_back(task);
            }
            if stopped.len() > STOPPED {
                stopped.pop_front();
            }
        }
        // Nobody listening is fine.
        let _ = self.changes.send(change);
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
        self.feed.pass_on(Change { seq: 0, kind, id });
    }

    /// Whether a background task was cancelled of late: one may be forgotten after a
    /// thousand others, when nothing of it waits any more.
    pub fn is_stopped(&self, task: TaskId) -> bool {
        self.feed.stopped.lock().contains(&task)
    }

    /// Notified when work may be due in some lane: the claimer waits on it.
    pub fn lane_hint(&self) -> &Notify {
        &self.feed.lanes
    }

    /// Notified when a background task is to be worked on: their runner waits on it.
    pub fn task_hint(&self) -> &Notify {
        &self.feed.tasks
    }

    /// Notified when a message is to be unfolded: the expander waits on it.
    pub fn expansion_hint(&self) -> &Notify {
        &self.feed.expansions
    }

    /// Notified when an operational event is to be published: whoever does so waits on it.
    pub fn event_hint(&self) -> &Notify {
        &self.feed.events
    }

    /// Notified when what is owed is worth a look at once: whoever rolls up waits on it.
    pub fn owed_hint(&self) -> &Notify {
        &self.feed.owed
    }

    /// Counts how often the database may have gone back to an earlier state, as a standby does
    /// that had not followed to the end when it took over. What memory holds of the database
    /// from before must be read again: it may be ahead of it.
    pub fn losses(&self) -> u64 {
        self.feed.losses.load(Ordering::Acquire)
    }

    /// The database does not have what it had.
    pub fn database_lost(&self) {
        self.feed.lost();
    }

    /// Passes other nodes' changes on until it is dropped. Errors are logged and the
    /// next look reaches as far back as needed.
    pub async fn run_feed(&self) {
        let mut seen = HashSet::new();
        let mut reached = self.clock.now();
        let mut losses = self.losses();
        loop {
            tokio::time::sleep(POLL).await;
            if self.losses() != losses {
                losses = self.losses();
                // The same numbers may stand for other changes now.
                seen.clear();
                self.unreadable.forget();
            }
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
            self.feed.pass_on(change);
        }
        *seen = current;
        Ok(())
    }
}
