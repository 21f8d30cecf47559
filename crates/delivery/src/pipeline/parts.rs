//! The parts of a pipeline, made of what a node has.

use std::sync::Arc;

use futures_util::FutureExt;
use postrider_store::Engine;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::stop::flush;
use super::{Pipeline, StartError};
use crate::commit::{Backlog, Committer, Ingest, Messages, Outcomes};
use crate::guard::AddressPolicy;
use crate::lanes::{Release, Releaser};
use crate::maintenance::{
    self, ChangeFeed, Claimer, DiskWatcher, FanOut, Gauges, Heartbeat, Janitor, OutboxPublisher,
    Rescuer, RollupService, Service, TaskRunner, WorkWatch,
};
use crate::node::Node;
use crate::sender::{Sender, SenderConfig};
use crate::worker::{Closing, Counts, Executor, Preparer, supervise};

/// Outcomes that wait to be recorded, at most; then attempts wait to be made.
const OUTCOMES: usize = 16_384;

/// Makes the parts of the pipeline.
pub(super) struct Parts(pub(super) Arc<Node>);

impl Parts {
    pub(super) fn start(
        &self,
        inbox: mpsc::UnboundedReceiver<Release>,
    ) -> Result<Pipeline, StartError> {
        let node = &self.0;
        let (queue, waiting) = mpsc::channel(node.settings.ingest_queue);
        let backlog = Arc::new(Backlog::new(node.settings.ingest_queue));
        let (outcomes, ended) = mpsc::channel(OUTCOMES);
        let (stop, enough) = (CancellationToken::new(), CancellationToken::new());
        let stop_claiming = CancellationToken::new();
        let releaser = Releaser {
            store: node.store.clone(),
            lanes: Arc::clone(&node.lanes),
            releases: inbox,
        };
        let messages = self.messages(waiting, Arc::clone(&backlog));
        let recorder = Outcomes::new(
            ended,
            node.store.clone(),
            node.store.clock().clone(),
            Arc::clone(&node.lanes),
        );
        let delivers = node.settings.role.delivers();
        let (mut worker, mut claimers) = (None, Vec::new());
        if delivers {
            worker = Some(self.worker(outcomes.clone(), stop.clone())?);
            claimers.push(self.service(Claimer::default(), &stop_claiming));
        }
        Ok(Pipeline {
            helpers: self.helpers(queue.downgrade(), &backlog),
            ingest: Ingest {
                queue,
                backlog,
                board: Arc::clone(&node.board),
            },
            committers: self.committers(messages, recorder, &enough),
            releaser: watched("releaser", releaser.run()),
            worker,
            stop,
            enough,
            outcomes,
            claimers,
            stop_claiming,
            cache: node.cache.clone(),
            store: node.store.clone(),
            lease: Arc::clone(&node.lease),
            lanes: Arc::clone(&node.lanes),
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
            (self.0.store.clone(), self.0.store.clock().clone()),
            (Arc::clone(&self.0.lanes), Arc::clone(&self.0.lease)),
            Arc::clone(&self.0.board),
            self.0.settings.role.delivers(),
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
                writer: self.0.store.writer(),
                messages,
                outcomes,
                linger,
                lease: Arc::clone(&self.0.lease),
            };
            watched("committer", committer.run(enough.clone()))
        };
        match self.0.store.engine() {
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
        let policy = Arc::new(AddressPolicy::new(self.0.settings.allow_subnets.clone()));
        let sender = Sender::new(SenderConfig {
            https_only: self.0.settings.https_only,
            max_idle: self.0.settings.max_idle_connections,
            ..SenderConfig::new(policy)
        })?;
        let executor = Arc::new(Executor {
            store: self.0.store.clone(),
            clock: self.0.store.clock().clone(),
            cache: self.0.cache.clone(),
            preparer: Preparer::new(),
            sender,
            lanes: Arc::clone(&self.0.lanes),
            lease: Arc::clone(&self.0.lease),
            outcomes,
            request_timeout: self.0.settings.request_timeout,
            retry_policy: self.0.settings.retry_policy.clone(),
            counts: Counts::new(),
        });
        let lanes = Arc::clone(&self.0.lanes);
        let closing = move || -> Closing {
            let lanes = Arc::clone(&lanes);
            async move {
                flush(&lanes).await;
            }
            .boxed()
        };
        Ok(tokio::spawn(supervise(
            Arc::clone(&self.0.lanes),
            executor,
            Arc::clone(&self.0.board),
            self.0.settings.max_in_flight,
            stop,
            closing,
        )))
    }

    /// What may be dropped at any moment: nothing of theirs is half done.
    fn helpers(
        &self,
        queue: mpsc::WeakSender<crate::commit::Arrival>,
        backlog: &Arc<Backlog>,
    ) -> Vec<JoinHandle<()>> {
        let (node, never) = (&self.0, CancellationToken::new());
        let (follower, timer) = (node.cache.clone(), Arc::clone(&node.lanes));
        let mut helpers = vec![
            watched("follower", async move { follower.follow_changes().await }),
            self.service(RollupService::of(node.lease.node()), &never),
            self.service(ChangeFeed::default(), &never),
            self.service(Heartbeat, &never),
            self.service(Janitor::default(), &never),
            self.service(
                Gauges {
                    queue: queue.clone(),
                },
                &never,
            ),
        ];
        if let Some(watch) = node.settings.disk.clone() {
            helpers.push(self.service(DiskWatcher::new(watch), &never));
        }
        if node.settings.role.delivers() {
            let backlog = Arc::clone(backlog);
            helpers.extend([
                watched("timer", async move { timer.run_timer().await }),
                self.service(WorkWatch::default(), &never),
                self.service(OutboxPublisher { queue, backlog }, &never),
                self.service(Rescuer::new(), &never),
                self.service(FanOut, &never),
                self.service(TaskRunner::default(), &never),
            ]);
        }
        helpers
    }

    fn service<S: Service>(&self, service: S, stop: &CancellationToken) -> JoinHandle<()> {
        let run = maintenance::run(service, Arc::clone(&self.0), stop.clone());
        watched(S::NAME, run)
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
