//! The look at what was written down, for all streams of a node.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{AppId, OrgId, TaskId, Timestamp};
use postrider_store::{
    Change, ChangeKind, LoggedCommit, Order, PageRequest, Store, StoreResult, Task, TaskFilter,
};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use super::Live;
use super::event::{Event, News};
use super::wanted::Wanted;

/// How often.
const POLL: Duration = Duration::from_millis(250);
/// Tasks are looked at every so many looks.
const TASKS_EVERY: u32 = 4;
/// How far back each look reaches: what was begun earlier can be committed later, by up to
/// the 12 s that PostgreSQL gives a commit.
pub(crate) const OVERLAP: Duration = Duration::from_secs(15);
/// Commits that one look notes at most.
const NOTED: u16 = 50_000;
/// Commits that one look reads at most.
pub(crate) const READ: u16 = 256;
/// Tasks of an organisation that are looked at beside those under way.
const LATEST: u16 = 20;
/// Applications whose organisation is remembered.
const KNOWN: usize = 100_000;

/// Looks for news, and tells all listeners.
pub(crate) struct Tail {
    live: Arc<Live>,
    reached: Timestamp,
    /// Commits that were read, of those within the overlap.
    seen: HashSet<i64>,
    orgs: Orgs,
    changes: broadcast::Receiver<Change>,
    /// Applications that were changed and are not told of yet.
    changed: HashSet<AppId>,
    /// When the look began: what moved earlier is no news.
    began: Timestamp,
    /// Tasks that were looked at, and when each last moved.
    tasks: HashMap<(OrgId, TaskId), Timestamp>,
}

/// Whose applications are.
#[derive(Default)]
pub(crate) struct Orgs(HashMap<AppId, OrgId>);

impl Orgs {
    /// Learns of those that are not known yet.
    pub(crate) async fn learn(
        &mut self,
        store: &Store,
        apps: impl Iterator<Item = AppId>,
    ) -> StoreResult<()> {
        let mut unknown: Vec<AppId> = apps.filter(|app| !self.0.contains_key(app)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if self.0.len() + unknown.len() > KNOWN {
            self.0.clear();
        }
        for chunk in unknown.chunks(500) {
            self.0.extend(store.orgs_of(chunk).await?);
        }
        Ok(())
    }

    fn of(&self, app: AppId) -> Option<OrgId> {
        self.0.get(&app).copied()
    }
}

/// What is in these commits, as events, as far as somebody gets them.
pub(crate) async fn events(
    store: &Store,
    orgs: &mut Orgs,
    commits: &[LoggedCommit],
    wanted: &mut Wanted,
) -> StoreResult<Vec<Event>> {
    let messages = commits.iter().flat_map(|one| &one.messages);
    let attempts = commits.iter().flat_map(|one| &one.attempts);
    let apps = messages
        .map(|message| message.app_id)
        .chain(attempts.map(|attempt| attempt.app_id));
    orgs.learn(store, apps).await?;
    let mut mine = |app: AppId| {
        let org = orgs.of(app)?;
        wanted.takes(org, Some(app)).then_some(org)
    };
    let mut events = Vec::new();
    for commit in commits {
        let at = commit.at;
        for message in &commit.messages {
            events.extend(mine(message.app_id).map(|org| Event::message(org, at, message)));
        }
        for attempt in &commit.attempts {
            events.extend(mine(attempt.app_id).map(|org| Event::attempt(org, at, attempt)));
        }
    }
    for commit in commits {
        for request in &commit.requests {
            if wanted.takes(request.org_id, request.app_id) {
                events.push(Event::request(commit.at, request));
            }
        }
    }
    Ok(events)
}

impl Tail {
    /// Begins to look: what is there already is no news.
    pub(crate) async fn begin(live: Arc<Live>) -> StoreResult<Self> {
        let now = live.store.clock().now();
        let mut tail = Self {
            reached: now,
            began: now,
            seen: HashSet::new(),
            orgs: Orgs::default(),
            changes: live.store.subscribe(),
            changed: HashSet::new(),
            tasks: HashMap::new(),
            live,
        };
        let there = tail.unseen().await?;
        tail.seen.extend(there.into_iter().map(|(seq, _)| seq));
        tail.live.looked_until(now);
        Ok(tail)
    }

    /// Looks until nobody listens any more.
    pub(crate) async fn run(mut self) {
        let mut looks: u32 = 0;
        loop {
            tokio::time::sleep(POLL).await;
            if self.live.is_over().await {
                return;
            }
            let looked = self.look(looks.is_multiple_of(TASKS_EVERY)).await;
            looks = looks.wrapping_add(1);
            if let Err(error) = looked {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot look for events"
                );
                tokio::time::sleep(POLL * 4).await;
            }
        }
    }

    /// Looks once. What a look that fails has not told, a later one tells.
    pub(crate) async fn look(&mut self, at_tasks: bool) -> StoreResult<()> {
        let now = self.live.store.clock().now();
        self.commits().await?;
        self.changes().await?;
        if at_tasks {
            self.tasks().await?;
        }
        self.live.looked_until(now);
        Ok(())
    }

    fn broadcast(&self, events: Vec<Event>) {
        if !events.is_empty() {
            // That nobody listens just now is fine.
            let _ = self.live.news.send(Arc::new(News::Events(events)));
        }
    }

    /// The commits within the overlap that were not read yet, oldest first.
    async fn unseen(&self) -> StoreResult<Vec<(i64, Timestamp)>> {
        let since = self.reached.minus(OVERLAP);
        let mut commits = self.live.store.commits_since(since, NOTED).await?;
        commits.retain(|(seq, _)| !self.seen.contains(seq));
        Ok(commits)
    }

    async fn commits(&mut self) -> StoreResult<()> {
        let mut new = self.unseen().await?;
        if new.is_empty() {
            return Ok(());
        }
        let all: Vec<i64> = new.iter().map(|(seq, _)| *seq).collect();
        let newest = new.iter().map(|(_, at)| *at).max().unwrap_or(self.reached);
        // Behind for good is no use to anybody: the newest are read.
        let left_out = new.len().saturating_sub(usize::from(READ));
        new.drain(..left_out);
        let wanted: Vec<i64> = new.iter().map(|(seq, _)| *seq).collect();
        let read = self.live.store.logged(&wanted).await?;
        // Who listens is asked after the commits were found: whoever came since has them
        // behind him.
        let mut wanted = Wanted::of(self.live.places.scopes());
        let events = events(&self.live.store, &mut self.orgs, &read, &mut wanted).await?;
        self.seen.extend(all);
        self.reached = self.reached.max(newest);
        if left_out > 0 {
            let _ = self.live.news.send(Arc::new(News::Gap));
        }
        self.broadcast(events);
        self.forget().await
    }

    /// Forgets which commits were read, of those that no look reaches any more.
    async fn forget(&mut self) -> StoreResult<()> {
        if self.seen.len() < 4 * usize::from(READ) {
            return Ok(());
        }
        let since = self.reached.minus(OVERLAP);
        let reachable = self.live.store.commits_since(since, NOTED).await?;
        let reachable: HashSet<i64> = reachable.into_iter().map(|(seq, _)| seq).collect();
        self.seen.retain(|seq| reachable.contains(seq));
        Ok(())
    }

    async fn changes(&mut self) -> StoreResult<()> {
        let mut gap = false;
        loop {
            match self.changes.try_recv() {
                Ok(change) if change.kind == ChangeKind::App => {
                    self.changed.insert(AppId::from_uuid(change.id));
                }
                Ok(change) if change.kind == ChangeKind::Lost => {
                    // The same numbers may stand for other commits now.
                    self.seen.clear();
                    gap = true;
                }
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => gap = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if gap {
            let _ = self.live.news.send(Arc::new(News::Gap));
        }
        let changed = self.changed.iter().copied();
        self.orgs.learn(&self.live.store, changed).await?;
        let now = self.live.store.clock().now();
        let mut wanted = Wanted::of(self.live.places.scopes());
        let events = std::mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|app| {
                let org = self.orgs.of(app)?;
                let is_wanted = wanted.takes(org, Some(app));
                is_wanted.then(|| Event::changed(org, now, app))
            })
            .collect();
        self.broadcast(events);
        Ok(())
    }

    /// Tasks of those who listen that have moved: those under way, and the latest of all,
    /// which may have begun and ended between two looks.
    async fn tasks(&mut self) -> StoreResult<()> {
        let mut events = Vec::new();
        let mut current = HashMap::new();
        for org in self.live.orgs() {
            let page = PageRequest {
                limit: LATEST,
                order: Order::Descending,
                cursor: None,
            };
            let latest = self.live.store.tasks(org, TaskFilter::default(), page);
            let mut tasks: HashMap<TaskId, Task> = latest
                .await?
                .rows
                .into_iter()
                .map(|task| (task.id, task))
                .collect();
            let open = self.live.store.open_tasks(org).await?;
            tasks.extend(open.into_iter().map(|task| (task.id, task)));
            for (id, task) in tasks {
                let at = task.updated_at;
                current.insert((org, id), at);
                let known = self.tasks.get(&(org, id));
                if known.map_or(at >= self.began, |known| *known != at) {
                    events.push(Event::task(org, task));
                }
            }
        }
        self.tasks = current;
        self.broadcast(events);
        Ok(())
    }
}
