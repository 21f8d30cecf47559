//! What happens, as it happens: one look at the database for all streams of a node,
//! and a bounded stream of server-sent events for each listener.
//!
//! Commits of several nodes do not become visible in the order of their numbers. The
//! look therefore reaches back a little and skips what it has seen, and a stream that
//! is taken up again gets a little of what it has had: events are about ids, so that
//! hearing one twice does no harm.

mod event;
mod places;
mod stream;
mod tail;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::{HeaderMap, StatusCode};
use postrider_domain::{AppId, KeyId, OrgId, Timestamp};
use postrider_store::{Store, StoreResult};
use tokio::sync::{Mutex, broadcast};
use tokio_util::sync::CancellationToken;

use self::event::News;
use self::places::Places;
use self::stream::Follower;
use self::tail::Tail;
use crate::access::{Access, Asked, Need, bearer};
use crate::call::Answer;
use crate::error::{ApiError, ApiResult};
use crate::state::Shared;

/// The type of a stream (WHATWG HTML, section 9.2).
pub(crate) const CONTENT_TYPE: &str = "text/event-stream";

/// Looks that a slow listener may be behind; then it hears `reset`. What they found is
/// kept for it so long.
const BEHIND: usize = 32;

/// What a listener hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    /// The organisation.
    pub org: OrgId,
    /// The one application, if it is one.
    pub app: Option<AppId>,
}

/// A right, and what a stream needs of the request beside it.
pub(crate) struct Following<A> {
    /// The right.
    pub access: A,
    /// What was shown for it: it is looked at again while the stream goes on.
    secret: String,
    /// The last event that the listener has had.
    last: Option<Timestamp>,
}

impl<A: Access> Access for Following<A> {
    const NEED: Need = A::NEED;

    async fn check(shared: &Shared, asked: Asked<'_>) -> ApiResult<Self> {
        Ok(Self {
            access: A::check(shared, asked).await?,
            secret: bearer(asked.headers).unwrap_or_default().to_owned(),
            last: last_event(asked.headers),
        })
    }

    fn key(&self) -> Option<KeyId> {
        self.access.key()
    }
}

/// `last-event-id`. One that is none of ours leads to `reset`, as one that is too old.
fn last_event(headers: &HeaderMap) -> Option<Timestamp> {
    let value = headers.get("last-event-id")?;
    let micros = value.to_str().ok().and_then(|text| text.parse().ok());
    Some(Timestamp::from_micros(micros.unwrap_or(0)))
}

/// The listeners of this node.
pub(crate) struct Live {
    store: Store,
    news: broadcast::Sender<Arc<News>>,
    /// Whether somebody looks for news: only while somebody listens.
    looking: Mutex<bool>,
    /// Until when everything was looked at, in microseconds.
    looked: AtomicI64,
    places: Arc<Places>,
    stopping: CancellationToken,
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
    async fn listen(self: &Arc<Self>) -> StoreResult<broadcast::Receiver<Arc<News>>> {
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
    fn place(&self) -> Timestamp {
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

/// Answers with a stream of what happens in `scope`.
pub(crate) async fn stream<A: Access>(
    shared: &Arc<Shared>,
    following: &Following<A>,
    scope: Scope,
) -> ApiResult<Answer> {
    let live = &shared.live;
    let key = following
        .access
        .key()
        .ok_or_else(ApiError::unauthenticated)?;
    let place = Places::take(&live.places, key, scope)?;
    let follower = Follower::new(
        Arc::clone(shared),
        scope,
        following.secret.clone(),
        place,
        live.listen().await?,
    );
    Ok(Answer::streamed(
        StatusCode::OK,
        CONTENT_TYPE,
        follower.frames(following.last),
    ))
}
