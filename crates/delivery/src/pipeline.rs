//! The pipeline of one node: started, watched, and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use postrider_store::{ConfigCache, Engine, Store, StoreError};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::commit::{Backlog, Committer, Ingest, Messages, Outcomes};
use crate::guard::AddressPolicy;
use crate::keep::{
    Claimer, Disk, Expander, Heart, Heir, Herald, Janitor, Roller, TaskRunner, inherit,
};
use crate::lanes::{Lanes, Limits, Release, Releaser};
use crate::lease::{Lease, monotonic};
use crate::sender::{Sender, SenderConfig, SenderError};
use crate::settings::DeliverySettings;
use crate::status::StatusBoard;
use crate::work::{Closing, Counts, Courier, Preparer, supervise};

/// Outcomes that wait to be recorded, at most; then attempts wait to be made.
const OUTCOMES: usize = 16_384;
/// How long the last writes may take when everything else has stopped.
const LAST_WRITES: Duration = Duration::from_secs(4);

/// Why the pipeline did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database refused.
    #[error("cannot prepare deliveries")]
    Store(#[from] StoreError),
    /// Nothing can be sent.
    #[error("cannot send")]
    Sender(#[from] SenderError),
}

/// A running pipeline.
pub struct Pipeline {
    ingest: Ingest,
    cache: ConfigCache,
    store: Store,
    lease: Arc<Lease>,
    lanes: Arc<Lanes>,
    /// Ends the worker's supervision.
    stop: CancellationToken,
    /// Ends the committers when nothing more can come.
    enough: CancellationToken,
    /// Ends the claimer.
    stop_claiming: CancellationToken,
    outcomes: mpsc::Sender<postrider_store::Outcome>,
    /// Tasks that are simply dropped: nothing of theirs is half done.
    helpers: Vec<JoinHandle<()>>,
    claimers: Vec<JoinHandle<()>>,
    worker: Option<JoinHandle<()>>,
    releaser: JoinHandle<()>,
    committers: Vec<JoinHandle<()>>,
}

impl Pipeline {
    /// Enters this node and starts its part of the pipeline.
    pub async fn start(store: Store, settings: DeliverySettings) -> Result<Self, StartError> {
        let lease = Arc::new(Lease::take(&store, settings.role.word(), settings.lease).await?);
        if store.engine() == Engine::Sqlite {
            // The file's lock is ours, so whoever had it before is dead.
            inherit(&store, lease.node(), true).await?;
        }
        let clock = store.clock().clone();
        let cache = ConfigCache::new(store.clone());
        let limits = Limits {
            bytes: settings.memory_limit,
            in_flight: settings.max_in_flight,
        };
        let (lanes, releases) = Lanes::new(
            store.clone(),
            Arc::clone(&lease),
            limits,
            settings.request_timeout,
        );
        let parts = Parts {
            lanes: Arc::new(lanes),
            lease,
            cache,
            board: Arc::new(StatusBoard::new(clock, settings.role.delivers())),
            store,
            settings,
        };
        parts.start(releases)
    }

    /// Where publishers hand messages in.
    pub fn ingest(&self) -> Ingest {
        self.ingest.clone()
    }

    /// The applications in memory.
    pub fn cache(&self) -> ConfigCache {
        self.cache.clone()
    }

    /// Starts no send any more, while those under way end and publishers are still
    /// served: the first step of stopping.
    pub fn stop_sending(&self) {
        self.stop_claiming.cancel();
        self.stop.cancel();
        self.lanes.close();
    }

    /// Lets what is in flight end within `patience`, records how it ended, gives back the
    /// rest, and leaves the list of nodes: within `patience` and 12 s, whatever hangs.
    pub async fn stop(self, patience: Duration) {
        self.stop_sending();
        let began = monotonic();
        // A claim that is under way ends first: its deliveries would be nobody's.
        join_all(self.claimers, LAST_WRITES).await;
        if let Some(worker) = self.worker {
            join_all(vec![worker], patience.saturating_sub(began.elapsed())).await;
        }
        // Every attempt has ended, so with this sender the outcomes' queue ends.
        drop(self.outcomes);
        self.enough.cancel();
        join_all(self.committers, LAST_WRITES).await;
        if !flush(&self.lanes).await {
            tracing::error!("not everything could be given back in time");
        }
        for helper in &self.helpers {
            helper.abort();
        }
        self.releaser.abort();
        let itself = self.store.take_over(self.lease.node());
        let left = tokio::time::timeout(LAST_WRITES, itself).await;
        if let Err(error) = left.unwrap_or(Err(StoreError::TimedOut("leaving"))) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot leave the list of nodes"
            );
        }
    }
}

/// Waits for tasks, and aborts those that take longer than `patience` together.
async fn join_all(tasks: Vec<JoinHandle<()>>, patience: Duration) {
    let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
    if tokio::time::timeout(patience, futures_util::future::join_all(tasks))
        .await
        .is_err()
    {
        tracing::error!("some work was still under way at the end of its time");
        for abort in aborts {
            abort.abort();
        }
    }
}

/// Waits until everything released so far is written; `false` if that takes too long.
async fn flush(lanes: &Lanes) -> bool {
    let (done, written) = tokio::sync::oneshot::channel();
    lanes.release(Release::Flush(done));
    tokio::time::timeout(LAST_WRITES, written).await.is_ok()
}

/// What the parts of the pipeline share.
struct Parts {
    store: Store,
    cache: ConfigCache,
    lanes: Arc<Lanes>,
    lease: Arc<Lease>,
    board: Arc<StatusBoard>,
    settings: DeliverySettings,
}

impl Parts {
    fn start(self, inbox: mpsc::UnboundedReceiver<Release>) -> Result<Pipeline, StartError> {
        let (queue, waiting) = mpsc::channel(self.settings.ingest_queue);
        let backlog = Arc::new(Backlog::new(self.settings.ingest_queue));
        let (outcomes, ended) = mpsc::channel(OUTCOMES);
        let (stop, enough) = (CancellationToken::new(), CancellationToken::new());
        let stop_claiming = CancellationToken::new();
        let releaser = Releaser {
            store: self.store.clone(),
            lanes: Arc::clone(&self.lanes),
            releases: inbox,
        };
        let messages = self.messages(waiting, Arc::clone(&backlog));
        let recorder = Outcomes::new(
            ended,
            self.store.clone(),
            self.store.clock().clone(),
            Arc::clone(&self.lanes),
        );
        let worker = if self.settings.role.delivers() {
            Some(self.worker(outcomes.clone(), stop.clone())?)
        } else {
            None
        };
        Ok(Pipeline {
            helpers: self.helpers(queue.downgrade(), &backlog),
            ingest: Ingest {
                queue,
                backlog,
                board: Arc::clone(&self.board),
            },
            committers: self.committers(messages, recorder, &enough),
            releaser: watched("releaser", releaser.run()),
            worker,
            stop,
            enough,
            outcomes,
            claimers: self.claimers(&stop_claiming),
            stop_claiming,
            cache: self.cache,
            store: self.store,
            lease: self.lease,
            lanes: self.lanes,
        })
    }

    fn messages(
        &self,
        waiting: mpsc::Receiver<crate::commit::Arrival>,
        backlog: Arc<Backlog>,
    ) -> Messages {
        Messages::new(
            waiting,
            backlog,
            (self.store.clone(), self.store.clock().clone()),
            (Arc::clone(&self.lanes), Arc::clone(&self.lease)),
            Arc::clone(&self.board),
            self.settings.role.delivers(),
        )
    }

    fn committers(
        &self,
        messages: Messages,
        outcomes: Outcomes,
        enough: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let committer = |messages, outcomes, linger| {
            let committer = Committer {
                writer: self.store.writer(),
                messages,
                outcomes,
                linger,
                lease: Arc::clone(&self.lease),
            };
            watched("committer", committer.run(enough.clone()))
        };
        match self.store.engine() {
            Engine::Sqlite => vec![committer(Some(messages), Some(outcomes), false)],
            Engine::Postgres => {
                vec![
                    committer(None, Some(outcomes), true),
                    committer(Some(messages), None, false),
                ]
            }
        }
    }

    fn worker(
        &self,
        outcomes: mpsc::Sender<postrider_store::Outcome>,
        stop: CancellationToken,
    ) -> Result<JoinHandle<()>, StartError> {
        let policy = Arc::new(AddressPolicy::new(self.settings.allow_subnets.clone()));
        let sender = Sender::new(SenderConfig {
            https_only: self.settings.https_only,
            max_idle: self.settings.max_idle_connections,
            ..SenderConfig::new(policy)
        })?;
        let courier = Arc::new(Courier {
            store: self.store.clone(),
            clock: self.store.clock().clone(),
            cache: self.cache.clone(),
            preparer: Preparer::new(),
            sender,
            lanes: Arc::clone(&self.lanes),
            lease: Arc::clone(&self.lease),
            outcomes,
            request_timeout: self.settings.request_timeout,
            retry_policy: self.settings.retry_policy.clone(),
            counts: Counts::new(),
        });
        let lanes = Arc::clone(&self.lanes);
        let closing = move || -> Closing {
            let lanes = Arc::clone(&lanes);
            async move {
                flush(&lanes).await;
            }
            .boxed()
        };
        Ok(tokio::spawn(supervise(
            Arc::clone(&self.lanes),
            courier,
            Arc::clone(&self.board),
            self.settings.max_in_flight,
            stop,
            closing,
        )))
    }

    /// What may be dropped at any moment.
    fn helpers(
        &self,
        queue: mpsc::WeakSender<crate::commit::Arrival>,
        backlog: &Arc<Backlog>,
    ) -> Vec<JoinHandle<()>> {
        let (feed, follower, timer) = (
            self.store.clone(),
            self.cache.clone(),
            Arc::clone(&self.lanes),
        );
        let heart = Heart {
            store: self.store.clone(),
            lanes: Arc::clone(&self.lanes),
            lease: Arc::clone(&self.lease),
            role: self.settings.role.word(),
        };
        let disk = Disk {
            watch: self.settings.disk.clone(),
            board: Arc::clone(&self.board),
        };
        let janitor = Janitor {
            store: self.store.clone(),
            clock: self.store.clock().clone(),
            keep_rows: self.settings.keep_rows,
        };
        let roller = Roller {
            store: self.store.clone(),
            lanes: Arc::clone(&self.lanes),
            lease: Arc::clone(&self.lease),
            board: Arc::clone(&self.board),
        };
        let mut helpers = vec![
            watched("roller", roller.run()),
            watched("feed", async move { feed.run_feed().await }),
            watched("follower", async move { follower.follow_changes().await }),
            watched("heart", heart.run()),
            watched("janitor", janitor.run()),
            watched("disk", disk.run()),
            watched(
                "gauges",
                crate::gauges::run(
                    Arc::clone(&self.lanes),
                    Arc::clone(&self.board),
                    queue.clone(),
                ),
            ),
        ];
        if self.settings.role.delivers() {
            let heir = Heir {
                store: self.store.clone(),
                lanes: Arc::clone(&self.lanes),
                lease: Arc::clone(&self.lease),
            };
            let expander = Expander {
                store: self.store.clone(),
                cache: self.cache.clone(),
            };
            let herald = Herald {
                store: self.store.clone(),
                cache: self.cache.clone(),
                queue,
                backlog: Arc::clone(backlog),
                board: Arc::clone(&self.board),
            };
            let pending = self.store.clone();
            helpers.push(watched(
                "pending",
                async move { pending.watch_pending().await },
            ));
            helpers.push(watched("herald", herald.run()));
            helpers.push(watched("heir", heir.run()));
            helpers.push(watched("timer", async move { timer.run_timer().await }));
            helpers.push(watched("expander", expander.run()));
            let tasks = TaskRunner {
                store: self.store.clone(),
                lease: Arc::clone(&self.lease),
            };
            helpers.push(watched("tasks", tasks.run()));
        }
        helpers
    }

    /// What has to come to an end by itself.
    fn claimers(&self, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
        if !self.settings.role.delivers() {
            return Vec::new();
        }
        let claimer = Claimer {
            store: self.store.clone(),
            clock: self.store.clock().clone(),
            lanes: Arc::clone(&self.lanes),
            lease: Arc::clone(&self.lease),
            board: Arc::clone(&self.board),
            cache: self.cache.clone(),
        };
        vec![watched("claimer", claimer.run(stop.clone()))]
    }
}

/// Runs a part of the pipeline that nothing can do without. Should it panic, the process
/// ends, since a node that looks healthy and does half its work is worse than a restart:
/// others take over, or the supervisor starts it anew.
fn watched(name: &'static str, part: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        if std::panic::AssertUnwindSafe(part)
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!(
                part = name,
                "a part of the pipeline panicked; the process ends"
            );
            std::process::abort();
        }
    })
}
