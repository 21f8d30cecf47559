//! The pipeline of one node: started, watched, and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use postrider_store::{ConfigCache, Engine, Store, StoreError};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::commit::{Backlog, Committer, Ingest, Messages, Outcomes};
use crate::guard::AddressPolicy;
use crate::keep::{Claimer, Expander, Janitor, Lease, LeaseKeeper, inherit};
use crate::lanes::{Lanes, Release, Releaser};
use crate::sender::{Sender, SenderConfig, SenderError};
use crate::settings::DeliverySettings;
use crate::status::StatusBoard;
use crate::work::{Closing, Courier, Preparer, supervise};

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
    outcomes: Mutex<Option<mpsc::Sender<postrider_store::Outcome>>>,
    /// Tasks that are simply dropped: nothing of theirs is half done.
    helpers: Vec<JoinHandle<()>>,
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
        let (lanes, releases) = Lanes::new(clock.clone(), settings.memory_limit);
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

    /// Stops claiming, lets what is in flight end within `patience`, records how it
    /// ended, gives back the rest, and leaves the list of nodes.
    pub async fn stop(mut self, patience: Duration) {
        for helper in &self.helpers {
            helper.abort();
        }
        self.stop.cancel();
        self.lanes.close();
        let mut orderly = true;
        if let Some(worker) = self.worker.take() {
            let abort = worker.abort_handle();
            if tokio::time::timeout(patience, worker).await.is_err() {
                tracing::error!("sends were still under way at the end of their time");
                abort.abort();
                orderly = false;
            }
        }
        orderly &= flush(&self.lanes).await;
        // Every attempt has ended, so the outcomes' queue ends with this sender.
        self.outcomes.lock().take();
        for committer in &mut self.committers {
            orderly &= tokio::time::timeout(LAST_WRITES, ended(&self.enough, committer))
                .await
                .is_ok();
        }
        self.releaser.abort();
        if orderly && let Err(error) = self.store.remove_node(self.lease.node()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot leave the list of nodes"
            );
        }
    }
}

/// Waits for a committer, once it has written every outcome.
async fn ended(enough: &CancellationToken, committer: &mut JoinHandle<()>) {
    enough.cancel();
    // A panic there has been logged by the panic hook; there is nothing left to save.
    let _ = committer.await;
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
        let releaser = Releaser {
            store: self.store.clone(),
            lanes: Arc::clone(&self.lanes),
            lease: Arc::clone(&self.lease),
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
            ingest: Ingest {
                queue,
                backlog,
                board: Arc::clone(&self.board),
            },
            helpers: self.helpers(),
            committers: self.committers(messages, recorder, &enough),
            releaser: tokio::spawn(releaser.run()),
            worker,
            stop,
            enough,
            outcomes: Mutex::new(Some(outcomes)),
            cache: self.cache,
            store: self.store,
            lease: self.lease,
            lanes: self.lanes,
        })
    }

    fn messages(
        &self,
        waiting: mpsc::Receiver<crate::commit::Waiting>,
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
            };
            tokio::spawn(committer.run(enough.clone()))
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

    fn helpers(&self) -> Vec<JoinHandle<()>> {
        let clock = self.store.clock().clone();
        let (feed, follower) = (self.store.clone(), self.cache.clone());
        let mut helpers = vec![
            tokio::spawn(async move { feed.run_feed().await }),
            tokio::spawn(async move { follower.follow_changes().await }),
            tokio::spawn(
                LeaseKeeper {
                    store: self.store.clone(),
                    lanes: Arc::clone(&self.lanes),
                    lease: Arc::clone(&self.lease),
                    role: self.settings.role.word(),
                }
                .run(),
            ),
            tokio::spawn(
                Janitor {
                    store: self.store.clone(),
                    clock: clock.clone(),
                    keep_rows: self.settings.keep_rows,
                }
                .run(),
            ),
            tokio::spawn(crate::gauges::run(
                Arc::clone(&self.lanes),
                Arc::clone(&self.board),
            )),
        ];
        if self.settings.role.delivers() {
            let timer = Arc::clone(&self.lanes);
            helpers.push(tokio::spawn(async move { timer.run_timer().await }));
            helpers.push(tokio::spawn(
                Claimer {
                    store: self.store.clone(),
                    clock,
                    lanes: Arc::clone(&self.lanes),
                    lease: Arc::clone(&self.lease),
                    board: Arc::clone(&self.board),
                }
                .run(),
            ));
            helpers.push(tokio::spawn(
                Expander {
                    store: self.store.clone(),
                    cache: self.cache.clone(),
                }
                .run(),
            ));
        }
        helpers
    }
}
