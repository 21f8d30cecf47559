//! One listener's stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use postrider_domain::{AppId, Capability, Timestamp};
use postrider_store::{ChangeKind, Order, PageRequest, StoreError, StoreResult, TaskFilter};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use super::Scope;
use super::event::{Event, News, frame};
use super::places::Place;
use super::tail::{self, OVERLAP, Orgs, READ};
use crate::key_cache::Found;
use crate::state::Shared;

/// How often a listener's key is looked at again.
const RECHECK: Duration = Duration::from_secs(1);
/// Silence is broken every so many looks at the key.
const KEEP_ALIVE: u32 = 15;
/// How long ago a stream may have ended that is taken up again.
const RESUME: Duration = Duration::from_mins(5);
/// Events of one look that a listener gets; of more it hears `reset`.
const EVENTS: usize = 250;

/// One listener.
pub(super) struct Follower {
    shared: Arc<Shared>,
    scope: Scope,
    secret: String,
    news: broadcast::Receiver<Arc<News>>,
    recheck: Interval,
    silent: u32,
    ready: VecDeque<Bytes>,
    _place: Place,
}

impl Follower {
    pub(super) fn new(
        shared: Arc<Shared>,
        scope: Scope,
        secret: String,
        place: Place,
        news: broadcast::Receiver<Arc<News>>,
    ) -> Self {
        let mut recheck = tokio::time::interval(RECHECK);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            scope,
            secret,
            news,
            recheck,
            silent: 0,
            ready: VecDeque::new(),
            _place: place,
        }
    }

    /// What the listener gets, after what it has missed since `last`.
    pub(super) fn frames(
        mut self,
        last: Option<Timestamp>,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        let now = self.shared.store.clock().now();
        self.ready.push_back(greeting(now));
        let first = stream::once(async move {
            if let Some(last) = last {
                let missed = self.missed(last, now).await;
                self.ready
                    .extend(Some(missed).filter(|missed| !missed.is_empty()));
            }
            self
        });
        futures_util::StreamExt::flat_map(first, |follower| {
            stream::unfold(follower, |mut follower| async move {
                let next = follower.next().await?;
                Some((Ok(next), follower))
            })
        })
    }

    /// The next frames; `None` when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                self.silent = 0;
                return Some(ready);
            }
            tokio::select! {
                () = self.shared.live.stopping.cancelled() => return None,
                _ = self.recheck.tick() => {
                    if !self.may_listen().await {
                        return None;
                    }
                    self.silent += 1;
                    if self.silent >= KEEP_ALIVE {
                        self.ready.push_back(breath(self.shared.store.clock().now()));
                    }
                }
                news = self.news.recv() => match news {
                    Ok(news) => self.hear(&news),
                    Err(RecvError::Lagged(_)) => self.reset(),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Gap => self.reset(),
            News::Events(events) => {
                let now = self.shared.store.clock().now();
                let mine = events.iter().filter(|event| event.is_in(&self.scope));
                if let Some(frames) = bounded(mine, now) {
                    self.ready.push_back(frames);
                }
            }
        }
    }

    fn reset(&mut self) {
        self.ready.push_back(reset(self.shared.store.clock().now()));
    }

    /// Whether the key still opens what is listened to. While the database is away nothing
    /// is known and nothing is told.
    async fn may_listen(&self) -> bool {
        let caller = match self.shared.keys.caller(&self.secret).await {
            Ok(Found::Caller(caller)) => caller,
            Ok(_) => return false,
            Err(_) => return true,
        };
        if caller.org != self.scope.org
            || !caller.capabilities.allows(Capability::ViewBase)
            || caller.app.is_some_and(|app| self.scope.app != Some(app))
        {
            return false;
        }
        let Some(app) = self.scope.app else {
            return true;
        };
        !matches!(
            self.shared.cache.app_at_least(app, 0).await,
            Err(StoreError::NotFound(_))
        )
    }

    /// What happened since `last`, or that too much did.
    async fn missed(&self, last: Timestamp, now: Timestamp) -> Bytes {
        if now.since(last) > RESUME {
            return reset(now);
        }
        match self.since(last.minus(OVERLAP)).await {
            Ok(Some(events)) => {
                let mine = events.iter().filter(|event| event.is_in(&self.scope));
                bounded(mine, now).unwrap_or_default()
            }
            Ok(None) => reset(now),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot take up a stream of events"
                );
                reset(now)
            }
        }
    }

    /// What happened since `since`; `None` if it is more than one look reads.
    async fn since(&self, since: Timestamp) -> StoreResult<Option<Vec<Event>>> {
        let store = &self.shared.store;
        let commits = store.commits_since(since).await?;
        if commits.len() > usize::from(READ) {
            return Ok(None);
        }
        let commits: Vec<i64> = commits.into_iter().map(|(seq, _)| seq).collect();
        let commits = store.happened(&commits).await?;
        let mut orgs = Orgs::default();
        let mut events = tail::events(store, &mut orgs, &commits).await?;
        let now = store.clock().now();
        let changes = store.changes(since).await?;
        let mut apps: Vec<AppId> = changes
            .into_iter()
            .filter(|change| change.kind == ChangeKind::App)
            .map(|change| AppId::from_uuid(change.id))
            .collect();
        apps.sort_unstable();
        apps.dedup();
        for chunk in apps.chunks(500) {
            let known = store.orgs_of(chunk).await?;
            events.extend(
                known
                    .into_iter()
                    .map(|(app, org)| Event::changed(org, now, app)),
            );
        }
        let page = PageRequest {
            limit: 50,
            order: Order::Descending,
            cursor: None,
        };
        let tasks = store
            .tasks(self.scope.org, TaskFilter::default(), page)
            .await?;
        let moved = tasks
            .rows
            .into_iter()
            .filter(|task| task.updated_at >= since);
        events.extend(moved.map(|task| Event::task(self.scope.org, task)));
        Ok(Some(events))
    }
}

/// The events as frames, or that there were too many; `None` if there was none.
fn bounded<'a>(events: impl Iterator<Item = &'a Event>, now: Timestamp) -> Option<Bytes> {
    let mut frames = String::new();
    for (at, event) in events.enumerate() {
        if at == EVENTS {
            return Some(reset(now));
        }
        event.frame(&mut frames);
    }
    (!frames.is_empty()).then(|| frames.into())
}

/// How long to wait before coming back, and where a stream begins that nothing happens in.
fn greeting(now: Timestamp) -> Bytes {
    format!("retry: 2000\nid: {}\n\n", now.micros()).into()
}

/// An event without data is none, and still moves the place from which a stream goes on.
fn breath(now: Timestamp) -> Bytes {
    format!(": nothing new\nid: {}\n\n", now.micros()).into()
}

fn reset(now: Timestamp) -> Bytes {
    let mut text = String::new();
    frame(&mut text, now, "reset", &json!({}));
    text.into()
}
