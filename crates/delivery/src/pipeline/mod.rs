//! The pipeline of one node: started, watched, and stopped in order.

mod parts;
mod stop;

use std::sync::Arc;

use postrider_store::{AppCache, Engine, Store, StoreError};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::parts::Parts;
use crate::commit::Ingest;
use crate::lanes::{Lanes, Limits};
use crate::lease::Lease;
use crate::maintenance::take_over;
use crate::node::Node;
use crate::pulse::Pulses;
use crate::sender::SenderError;
use crate::settings::DeliverySettings;
use crate::status::StatusBoard;

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
    cache: AppCache,
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
            take_over(&store, lease.node(), true).await?;
        }
        let clock = store.clock().clone();
        let cache = AppCache::new(store.clone());
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
        let pulses = Arc::new(Pulses::default());
        let node = Node {
            lanes: Arc::new(lanes),
            lease,
            cache,
            board: Arc::new(StatusBoard::new(
                clock,
                settings.role.delivers(),
                Arc::clone(&pulses),
            )),
            pulses,
            store,
            settings,
        };
        Parts(Arc::new(node)).start(releases)
    }

    /// Where publishers hand messages in.
    pub fn ingest(&self) -> Ingest {
        self.ingest.clone()
    }

    /// The applications in memory.
    pub fn cache(&self) -> AppCache {
        self.cache.clone()
    }

    /// Starts no send any more, while those under way end and publishers are still
    /// served: the first step of stopping.
    pub fn stop_sending(&self) {
        self.stop_claiming.cancel();
        self.stop.cancel();
        self.lanes.close();
    }
}
