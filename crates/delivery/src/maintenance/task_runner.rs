//! Works on background tasks, a chunk of each in turn.

use std::time::Duration;

use postrider_domain::TaskId;
use postrider_store::{Progress, StoreError, StoreResult, Task};
use tokio::sync::Notify;

use super::{Aside, Next, Service};
use crate::lease::monotonic;
use crate::node::Node;

/// How often tasks are looked for, whatever it has heard.
const ROUND: Duration = Duration::from_secs(5);
/// How long tasks wait that all wait for room.
const REST: Duration = Duration::from_millis(50);
/// How long others have the database between two chunks: as long as the chunk took, within
/// these bounds.
const YIELD: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(250));
/// Tasks of one organisation that take turns; its others wait for one of them to end.
const EACH: usize = 4;

/// Works on tasks. A chunk that is dropped half done is undone.
#[derive(Default)]
pub(crate) struct TaskRunner {
    aside: Aside<TaskId>,
}

impl Service for TaskRunner {
    const NAME: &'static str = "task_runner";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        Ok(match self.round(node).await? {
            Round::Moved => Next::Now,
            Round::Waiting => Next::Within(REST),
            Round::Idle => Next::Within(ROUND),
        })
    }

    fn hint(node: &Node) -> Option<&Notify> {
        Some(node.store.task_hint())
    }
}

impl TaskRunner {
    /// A chunk of every task in hand that does not rest because it has failed.
    async fn round(&mut self, node: &Node) -> StoreResult<Round> {
        let number = node.lease.node();
        let tasks = node.store.tasks_in_hand(number, EACH).await?;
        let resting = self.aside.resting(node.store.clock().now());
        let (mut round, mut failed) = (Round::Idle, None);
        for task in tasks.iter().filter(|task| !resting.contains(&task.id)) {
            let began = monotonic();
            match (advance(node, task, number).await, round) {
                // The others go on.
                (Err(error), _) => {
                    self.aside
                        .put(task.id, node.store.clock().now(), error.is_transient());
                    failed = Some(error);
                }
                (Ok(Progress::Full), Round::Idle) => round = Round::Waiting,
                (Ok(Progress::Full), _) => {}
                (Ok(Progress::Moved | Progress::Over), _) => {
                    self.aside.well(task.id);
                    round = Round::Moved;
                }
            }
            tokio::time::sleep(began.elapsed().clamp(YIELD.0, YIELD.1)).await;
        }
        match failed {
            Some(error) if round == Round::Idle => Err(error),
            Some(error) => {
                report(&error);
                Ok(round)
            }
            None => Ok(round),
        }
    }
}

async fn advance(node: &Node, task: &Task, number: i64) -> StoreResult<Progress> {
    match node.store.advance_task(task, number).await {
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
            node.store.break_task(task).await?;
            Ok(Progress::Over)
        }
        other => other,
    }
}

fn report(error: &StoreError) {
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
