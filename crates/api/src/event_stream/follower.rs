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

use crate::key_cache::Found;
use crate::live::Scope;
use crate::live::event::{Event, News, frame};
use crate::live::places::Place;
use crate::live::tail::{self, OVERLAP, Orgs, READ};
use crate::live::wanted::{EVENTS, Wanted};
use crate::state::Shared;

/// How often a listener's key is looked at again.
const RECHECK: Duration = Duration::from_secs(1);
/// Silence is broken every so many looks at the key.
const KEEP_ALIVE: u32 = 15;
/// How long ago a stream may have ended that is taken up again.
const RESUME: Duration = Duration::from_mins(5);
/// Tasks of the organisation or application that are looked at for what was missed.
const TASKS: u16 = 50;

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
        // Until what was missed has been told, the place is the one that it came with.
        let place = last.unwrap_or_else(|| self.shared.live.place());
        self.ready.push_back(greeting(place));
        let first = stream::once(async move {
            if let Some(last) = last {
                let missed = self.missed(last).await;
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
                // A client that reads after a long while hears nothing of what has gathered
                // unless its key still opens it.
                biased;
                () = self.shared.live.stopping.cancelled() => return None,
                _ = self.recheck.tick() => {
                    if !self.may_listen().await {
                        return None;
                    }
                    self.silent += 1;
                    if self.silent >= KEEP_ALIVE {
                        self.ready.push_back(breath(self.shared.live.place()));
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
                let mine = events.iter().filter(|event| event.is_in(&self.scope));
                self.ready.extend(bounded(mine, self.shared.live.place()));
            }
        }
    }

    fn reset(&mut self) {
        self.ready.push_back(reset(self.shared.live.place()));
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
    async fn missed(&self, last: Timestamp) -> Bytes {
        let place = self.shared.live.place();
        if self.shared.store.clock().now().since(last) > RESUME {
            return reset(place);
        }
        match self.since(last).await {
            Ok(Some(events)) => bounded(events.iter(), place).unwrap_or_default(),
            Ok(None) => reset(place),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot take up a stream of events"
                );
                reset(place)
            }
        }
    }

    /// What happened since `last` to whom the stream is about, oldest first: wherever it
    /// breaks, what it has not told comes later. `None` if it is more than one look reads.
    async fn since(&self, last: Timestamp) -> StoreResult<Option<Vec<Event>>> {
        let (store, since) = (&self.shared.store, last.minus(OVERLAP));
        let commits = store.commits_since(since, READ + 1).await?;
        if commits.len() > usize::from(READ) {
            return Ok(None);
        }
        let commits: Vec<i64> = commits.into_iter().map(|(seq, _)| seq).collect();
        let commits = store.logged(&commits).await?;
        let mut wanted = Wanted::of([self.scope]);
        let mut orgs = Orgs::default();
        let mut events = self.changed(since).await?;
        events.extend(tail::events(store, &mut orgs, &commits, &mut wanted).await?);
        events.extend(self.moved(since).await?);
        events.sort_by_key(|event| event.at);
        Ok(Some(events))
    }

    /// Applications that were changed since `since`, as if at that time: when is not known.
    async fn changed(&self, since: Timestamp) -> StoreResult<Vec<Event>> {
        let store = &self.shared.store;
        let changes = store.changes(since).await?.into_iter();
        let mut apps: Vec<AppId> = changes
            .filter(|change| change.kind == ChangeKind::App)
            .map(|change| AppId::from_uuid(change.id))
            .filter(|app| self.scope.app.is_none_or(|mine| mine == *app))
            .collect();
        apps.sort_unstable();
        apps.dedup();
        let mut events = Vec::new();
        for chunk in apps.chunks(500) {
            let known = store.orgs_of(chunk).await?.into_iter();
            let mine = known.filter(|(_, org)| *org == self.scope.org);
            events.extend(mine.map(|(app, org)| Event::changed(org, since, app)));
        }
        Ok(events)
    }

    /// Tasks that have moved since `since`.
    async fn moved(&self, since: Timestamp) -> StoreResult<Vec<Event>> {
        let page = PageRequest {
            limit: TASKS,
            order: Order::Descending,
            cursor: None,
        };
        let mine = TaskFilter {
            app: self.scope.app,
            ..TaskFilter::default()
        };
        let org = self.scope.org;
        let tasks = self.shared.store.tasks(org, mine, page).await?;
        let tasks = tasks.rows.into_iter();
        Ok(tasks
            .filter(|task| task.updated_at >= since)
            .map(|task| Event::task(org, task))
            .collect())
    }
}

/// The events as frames, or that there were too many; `None` if there was none.
fn bounded<'a>(events: impl Iterator<Item = &'a Event>, place: Timestamp) -> Option<Bytes> {
    let mut frames = String::new();
    for (at, event) in events.enumerate() {
        if at == EVENTS {
            return Some(reset(place));
        }
        frames.push_str(&event.frame);
    }
    (!frames.is_empty()).then(|| frames.into())
}

/// How long to wait before coming back, and where a stream begins that nothing happens in.
fn greeting(place: Timestamp) -> Bytes {
    format!("retry: 2000\nid: {}\n\n", place.micros()).into()
}

/// An event without data is none, and still moves the place from which a stream goes on.
fn breath(place: Timestamp) -> Bytes {
    format!(": nothing new\nid: {}\n\n", place.micros()).into()
}

fn reset(place: Timestamp) -> Bytes {
    frame(place, "reset", &json!({})).into()
}
