//! Works on background tasks, a chunk of each in turn.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::TaskId;
use postrider_store::{Progress, Store, StoreError, StoreResult, Task};

use super::Aside;
use crate::lease::Lease;
use crate::lease::monotonic;

/// How often tasks are looked for, whatever it has heard.
const ROUND: Duration = Duration::from_secs(5);
/// How long it rests when it could not.
const PAUSE: Duration = Duration::from_secs(1);
/// How long tasks wait that all wait for room.
const REST: Duration = Duration::from_millis(50);
/// How long others have the database between two chunks: as long as the chunk took, within
/// these bounds.
const YIELD: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(250));
/// Tasks of one organisation that take turns; its others wait for one of them to end.
const EACH: usize = 4;

/// Works on tasks.
pub(crate) struct TaskRunner {
    pub(crate) store: Store,
    pub(crate) lease: Arc<Lease>,
}

impl TaskRunner {
    /// Runs until it is dropped: a chunk that is dropped half done is undone.
    pub(crate) async fn run(self) {
        let mut aside = Aside::default();
        loop {
            match self.round(&mut aside).await {
                Ok(Round::Moved) => {}
                Ok(Round::Waiting) => tokio::time::sleep(REST).await,
                Ok(Round::Idle) => {
                    tokio::select! {
                        () = self.store.task_hint().notified() => {}
                        () = tokio::time::sleep(ROUND) => {}
                    }
                }
                Err(error) => {
                    tell(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// A chunk of every task in hand that does not rest because it has failed.
    async fn round(&self, aside: &mut Aside<TaskId>) -> StoreResult<Round> {
        let node = self.lease.node();
        let tasks = self.store.tasks_in_hand(node, EACH).await?;
        let resting = aside.resting(self.store.clock().now());
        let (mut round, mut failed) = (Round::Idle, None);
        for task in tasks.iter().filter(|task| !resting.contains(&task.id)) {
            let began = monotonic();
            match (self.step(task, node).await, round) {
                // The others go on.
                (Err(error), _) => {
                    aside.put(task.id, self.store.clock().now(), error.is_transient());
                    failed = Some(error);
                }
                (Ok(Progress::Full), Round::Idle) => round = Round::Waiting,
                (Ok(Progress::Full), _) => {}
                (Ok(Progress::Moved | Progress::Over), _) => {
                    aside.well(task.id);
                    round = Round::Moved;
                }
            }
            tokio::time::sleep(began.elapsed().clamp(YIELD.0, YIELD.1)).await;
        }
        match failed {
            Some(error) if round == Round::Idle => Err(error),
            Some(error) => {
                tell(&error);
                Ok(round)
            }
            None => Ok(round),
        }
    }

    async fn step(&self, task: &Task, node: i64) -> StoreResult<Progress> {
        match self.store.advance_task(task, node).await {
            Ok(Progress::Over) => {
                tracing::info!(task = %task.id, kind = task.kind.word(), "a background task has ended");
                Ok(Progress::Over)
            }
            Err(error) if !error.is_transient() => {
                tracing::error!(
                    task = %task.id,
                    error = &error as &dyn std::error::Error,
                    "a background task cannot go on"
                );
                self.store.break_task(task).await?;
                Ok(Progress::Over)
            }
            other => other,
        }
    }
}

fn tell(error: &StoreError) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "cannot work on background tasks"
    );
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    Moved,
    /// There are tasks, and none may go on yet.
    Waiting,
    Idle,
}
