//! A publisher that does what a careful client does: it sends each event under a key
//! of its own and asks again until it hears an answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use postrider_testkit::{App, Reply};
use tokio::task::JoinSet;

/// Messages to be published by several publishers at once.
#[derive(Debug)]
pub struct Load {
    tasks: JoinSet<Vec<String>>,
    answered: Arc<AtomicUsize>,
}

/// The ids of the messages that were answered with 202.
pub type Acknowledged = BTreeSet<String>;

impl Load {
    /// Starts publishing `count` messages of type `load.test`, divided among `apps`
    /// (several nodes, say), with `publishers` each.
    pub fn start(apps: &[App], count: usize, publishers: usize) -> Self {
        let next = Arc::new(AtomicUsize::new(0));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for app in apps {
            for _ in 0..publishers {
                let (app, next, answered) = (app.clone(), next.clone(), answered.clone());
                tasks.spawn(async move {
                    let mut ids = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Relaxed);
                        if number >= count {
                            return ids;
                        }
                        ids.push(publish_until_answered(&app, number).await);
                        answered.fetch_add(1, Relaxed);
                    }
                });
            }
        }
        Self { tasks, answered }
    }

    /// How many were answered so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Relaxed)
    }

    /// Waits until `count` were answered.
    pub async fn answered_reach(&self, count: usize) {
        while self.answered() < count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until all were answered.
    pub async fn finished(self) -> Acknowledged {
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

pub(crate) async fn publish_until_answered(app: &App, number: usize) -> String {
    let draft = app
        .publish("load.test", &format!("{{\"number\":{number}}}"))
        .idempotency_key(&format!("load-{number}"));
    loop {
        // Refused, reset, or no answer at all: the server may be down just now.
        if let Ok(reply) = draft.try_send().await
            && !is_passing(&reply)
        {
            return reply.field("id");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_passing(reply: &Reply) -> bool {
    matches!(reply.status.as_u16(), 429 | 500..=599)
}
