//! What happens, as it happens: one look at the database for all streams of a node.
//!
//! Commits of several nodes do not become visible in the order of their numbers. The
//! look therefore reaches back a little and skips what it has seen, and a stream that
//! is taken up again gets a little of what it has had: events are about ids, so that
//! hearing one twice does no harm.

pub(crate) mod event;
pub(crate) mod places;
pub(crate) mod tail;
#[cfg(test)]
mod tests;
pub(crate) mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use postrider_domain::{AppId, OrgId, Timestamp};
use postrider_store::{Store, StoreResult};
use tokio::sync::{Mutex, broadcast};
use tokio_util::sync::CancellationToken;

use self::event::News;
use self::places::Places;
use self::tail::Tail;

/// Looks that a slow listener may be behind; then it hears `reset`. What they found is
/// kept for it so long.
const BEHIND: usize = 32;

/// What a listener hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub org: OrgId,
    /// The one application, if it is one.
    pub app: Option<AppId>,
}

/// The listeners of this node.
pub(crate) struct Live {
    store: Store,
    news: broadcast::Sender<Arc<News>>,
    /// Whether somebody looks for news: only while somebody listens.
    looking: Mutex<bool>,
    /// Until when everything was looked at, in microseconds.
    looked: AtomicI64,
    pub(crate) places: Arc<Places>,
    pub(crate) stopping: CancellationToken,
}

impl Live {
    /// Nobody listens yet; all streams end with `stopping`.
    pub(crate) fn new(store: Store, stopping: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            store,
            news: broadcast::channel(BEHIND).0,
            looking: Mutex::new(false),
            looked: AtomicI64::new(0),
            places: Arc::default(),
            stopping,
        })
    }

    /// All news from now on. Returns when the look has begun, so that what is committed
    /// after a listener was answered is told to it.
    pub(crate) async fn listen(self: &Arc<Self>) -> StoreResult<broadcast::Receiver<Arc<News>>> {
        let mut looking = self.looking.lock().await;
        let news = self.news.subscribe();
        if !*looking {
            let tail = Tail::begin(Arc::clone(self)).await?;
            *looking = true;
            tokio::spawn(tail.run());
        }
        Ok(news)
    }

    /// Whether the look may end, since nobody listens any more.
    async fn is_over(&self) -> bool {
        let mut looking = self.looking.lock().await;
        let over = self.news.receiver_count() == 0 || self.stopping.is_cancelled();
        if over {
            *looking = false;
        }
        over
    }

    /// Where a stream goes on from that has heard everything: not now, since the last looks
    /// may have failed.
    pub(crate) fn place(&self) -> Timestamp {
        Timestamp::from_micros(self.looked.load(Ordering::Acquire))
    }

    fn looked_until(&self, time: Timestamp) {
        self.looked.store(time.micros(), Ordering::Release);
    }

    /// Organisations that somebody listens for.
    fn orgs(&self) -> BTreeSet<OrgId> {
        let scopes = self.places.scopes().into_iter();
        scopes.map(|scope| scope.org).collect()
    }
}
