//! A publisher's books: what it has published, under which key, what was acknowledged, and
//! whether that has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_testkit::{App, Receiver, Request, eventually};
use tokio::task::JoinSet;

use crate::load::publish_until_answered;

/// Between two publishes of one publisher: what matters is that something is always under
/// way, not how much.
const PAUSE: Duration = Duration::from_millis(20);
/// After how many acknowledged messages publishing is taken to work.
const SOME: usize = 20;
/// Of so many acknowledged keys one is repeated at the end.
const REPEATED: usize = 20;

/// Publishes steadily, each event under a key of its own and again until it is
/// acknowledged, and notes the ids.
#[derive(Debug)]
pub struct Ledger {
    apps: Vec<App>,
    shared: Arc<Shared>,
    publishers: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    next: AtomicUsize,
    closing: AtomicBool,
    /// By the event's number.
    ids: Mutex<BTreeMap<usize, String>>,
}

impl Ledger {
    /// Starts publishing to `apps` (one application seen through several nodes, say), with
    /// `publishers` each.
    pub fn open(apps: &[App], publishers: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for app in apps {
            for _ in 0..publishers {
                tasks.spawn(publish(app.clone(), Arc::clone(&shared)));
            }
        }
        Self {
            apps: apps.to_vec(),
            shared,
            publishers: tasks,
        }
    }

    /// How many were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.ids.lock().len()
    }

    /// Waits until publishing works, which is told by more that is acknowledged from now on.
    pub async fn goes_on(&self) {
        let before = self.acknowledged();
        eventually("publishes to be acknowledged", async || {
            match self.acknowledged() - before {
                more if more >= SOME => Ok(()),
                more => Err(more),
            }
        })
        .await;
    }

    /// Publishes no more, once all that was begun is acknowledged, and repeats some of the
    /// keys: each must give the id that it gave before.
    pub async fn close(self) -> Closed {
        self.shared.closing.store(true, Relaxed);
        self.publishers.join_all().await;
        let ids = std::mem::take(&mut *self.shared.ids.lock());
        for (number, id) in ids.iter().step_by(REPEATED) {
            let again = publish_until_answered(&self.apps[0], *number).await;
            assert_eq!(again, *id, "the same key gives the same id");
        }
        eprintln!("{} messages were acknowledged", ids.len());
        Closed { ids }
    }
}

async fn publish(app: App, shared: Arc<Shared>) {
    while !shared.closing.load(Relaxed) {
        let number = shared.next.fetch_add(1, Relaxed);
        let id = publish_until_answered(&app, number).await;
        shared.ids.lock().insert(number, id);
        tokio::time::sleep(PAUSE).await;
    }
}

/// A ledger to which nothing is added.
#[derive(Debug)]
pub struct Closed {
    ids: BTreeMap<usize, String>,
}

impl Closed {
    /// Waits until each acknowledged message has arrived `times` at least, and checks that
    /// each event came under one id, the acknowledged one, and none unasked.
    pub async fn arrived(&self, receiver: &Receiver, times: usize) {
        let wanted: BTreeSet<&str> = self.ids.values().map(String::as_str).collect();
        assert_eq!(wanted.len(), self.ids.len(), "one id for each event");
        eventually("every acknowledged message to arrive", async || {
            let requests = receiver.requests();
            let missing = missing(&wanted, &requests, times);
            match missing.len() {
                0 => Ok(()),
                count => Err((count, missing.into_iter().next().map(str::to_owned))),
            }
        })
        .await;
        let requests = receiver.requests();
        for request in &requests {
            let number = request.json()["number"].as_u64().expect("a number");
            let number = usize::try_from(number).expect("small");
            assert_eq!(
                Some(request.message_id()),
                self.ids.get(&number).map(String::as_str),
                "event {number} came under another id than it was acknowledged under"
            );
        }
        let again = requests.len() - wanted.len() * times;
        eprintln!("{again} requests more than {times} for each");
    }
}

fn missing<'a>(wanted: &BTreeSet<&'a str>, requests: &[Request], times: usize) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for request in requests {
        *counts.entry(request.message_id()).or_default() += 1;
    }
    let short = |id: &&&str| counts.get(**id).copied().unwrap_or_default() < times;
    wanted.iter().filter(short).copied().collect()
}
