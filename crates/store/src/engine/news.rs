//! What this process hears of the database: changes of what is kept in memory, work that may
//! be waiting, and that the database is not the one that it was.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use postrider_domain::TaskId;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::engine::Store;

/// Cancelled tasks that are remembered.
const STOPPED: usize = 1_000;

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

/// Who listens for what, in this process.
#[derive(Debug)]
pub(crate) struct News {
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

impl News {
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

impl News {
    /// Notes which server answers, by when it was started.
    pub(crate) fn served_by(&self, started: i64) {
        let before = self.server.lock().replace(started);
        if before.is_some_and(|before| before != started) {
            self.lost();
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

    /// Tells this process of a change.
    pub(crate) fn pass_on(&self, change: Change) {
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
        self.news.changes.subscribe()
    }

    /// Tells this process of a committed change, before the poll would.
    pub fn announce(&self, kind: ChangeKind, id: Uuid) {
        self.news.pass_on(Change { seq: 0, kind, id });
    }

    /// Whether a background task was cancelled of late: one may be forgotten after a
    /// thousand others, when nothing of it waits any more.
    pub fn is_stopped(&self, task: TaskId) -> bool {
        self.news.stopped.lock().contains(&task)
    }

    /// Notified when work may be due in some lane: the claimer waits on it.
    pub fn lane_hint(&self) -> &Notify {
        &self.news.lanes
    }

    /// Notified when a background task is to be worked on: their runner waits on it.
    pub fn task_hint(&self) -> &Notify {
        &self.news.tasks
    }

    /// Notified when a message is to be unfolded: the expander waits on it.
    pub fn expansion_hint(&self) -> &Notify {
        &self.news.expansions
    }

    /// Notified when an operational event is to be published: whoever does so waits on it.
    pub fn event_hint(&self) -> &Notify {
        &self.news.events
    }

    /// Notified when what is owed is worth a look at once: whoever rolls up waits on it.
    pub fn owed_hint(&self) -> &Notify {
        &self.news.owed
    }

    /// Counts how often the database may have gone back to an earlier state, as a standby does
    /// that had not followed to the end when it took over. What memory holds of the database
    /// from before must be read again: it may be ahead of it.
    pub fn losses(&self) -> u64 {
        self.news.losses.load(Ordering::Acquire)
    }

    /// The database does not have what it had.
    pub fn database_lost(&self) {
        self.news.lost();
    }
}
