//! Rolling up: commits of the commit log into spans, and old spans into longer ones.

use const_format::formatcp;
use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, OrgId, Timestamp};
use uuid::Uuid;

use super::{Bucket, Counts, HOURS_KEPT, Key, MINUTES_KEPT, Row, Table, spans};
use crate::commit::log;
use crate::commit::log::RowId;
use crate::due::owed::{Commit, Ledger, Mark, Unreadable, rows, takes_step};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;

/// How minutes and hours are told apart in texts of SQL: `stat.width`.
const MINUTE: i64 = Bucket::Minute.code();
const HOUR: i64 = Bucket::Hour.code();
/// Commits and attempts that one transaction rolls up, at most.
const COMMITS: i64 = 256;
const ATTEMPTS: usize = 20_000;
/// Spans that one transaction removes or turns into longer ones.
const CHUNK: i64 = 500;

/// The statement that finds commits of a node to be rolled up.
pub(crate) fn open(node: i64) -> Sql {
    let mut sql = Sql::new(
        "select seq, at, body, node, owned, whole, owes from journal where not rolled and seq > 0 and node = ",
    );
    sql.bind(node);
    sql
}

/// The statement that finds those of no node, or of one that is gone.
pub(crate) fn open_of_none() -> Sql {
    Sql::new(
        "select seq, at, body, node, owned, whole, owes from journal where not rolled and seq > 0 \
         and (node is null or not exists (select 1 from node n where n.number = journal.node))",
    )
}

/// Commits that were read to be rolled up, and what they come to.
#[derive(Debug)]
struct Unrolled {
    /// Of each, whether it owes afterwards.
    rows: Vec<(RowId, bool)>,
    /// Commits that were rolled up before and owe nothing now.
    closed: Vec<RowId>,
    table: Table,
    /// Whether there may be more.
    more: bool,
}

/// What became of an attempt to roll up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Done,
    /// Another node is at it.
    Busy,
    /// Something is not as it was read.
    Changed,
}

/// The statement that finds spans that are past their time.
pub(crate) fn expired(before: Timestamp) -> Sql {
    let mut sql = Sql::new(formatcp!(
        "delete from stat where (scope, width, event_type, start) in \
         (select scope, width, event_type, start from stat where width = {MINUTE} and start < "
    ));
    sql.bind(before.micros())
        .push(" limit ")
        .bind(CHUNK)
        .push(")");
    sql
}

/// The statement that finds hours that are to become days.
pub(crate) fn old_hours(before: Timestamp) -> Sql {
    let mut sql = Sql::new(formatcp!(
        "select scope, event_type, start, messages, succeeded, failed, latency from stat \
         where width = {HOUR} and start < "
    ));
    sql.bind(before.micros()).push(" limit ").bind(CHUNK);
    sql
}

/// The statement of [`Store::orgs_of`].
pub(crate) fn orgs(apps: &[AppId]) -> Sql {
    let ids: Vec<Uuid> = apps.iter().map(|app| app.uuid()).collect();
    let mut sql = Sql::new("select id, org_id from app where true");
    sql.and_ids("id", &ids);
    sql
}

/// What a number of commits add to each span.
struct Sums {
    table: Table,
    /// Minutes that begin earlier would be removed at once.
    minutes_from: Timestamp,
}

impl Sums {
    /// Adds to a scope's minute and hour, for all event types together and for this one;
    /// of a minute only the former, if it is an endpoint's: there are many of them.
    fn add(
        &mut self,
        (scope, is_endpoint): (Uuid, bool),
        event_type: &str,
        at: Timestamp,
        counts: &Counts,
    ) {
        for width in [Bucket::Minute, Bucket::Hour] {
            if width == Bucket::Minute && at < self.minutes_from {
                continue;
            }
            let start = width.start(at).micros();
            let mut key = Key {
                scope,
                width: width.code(),
                event_type: String::new(),
                start,
            };
            self.table.entry(key.clone()).or_default().merge(counts);
            let apart = !(is_endpoint && width == Bucket::Minute);
            if apart && !event_type.is_empty() {
                event_type.clone_into(&mut key.event_type);
                self.table.entry(key).or_default().merge(counts);
            }
        }
    }
}

/// What commits add up to before it is spread over scopes and spans: most have the same
/// endpoint, event type and minute.
fn sums(commits: &[Commit], orgs: &HashMap<AppId, OrgId>, now: Timestamp) -> Table {
    type Of<'a> = (AppId, Option<Uuid>, &'a str, Timestamp);
    let mut by_minute: HashMap<Of<'_>, Counts> = HashMap::new();
    for commit in commits.iter().map(|commit| &commit.logged) {
        for message in &commit.messages {
            let minute = Bucket::Minute.start(message.id.minted_at());
            let of = (message.app_id, None, message.event_type.as_str(), minute);
            by_minute.entry(of).or_default().messages += 1;
        }
        for attempt in &commit.attempts {
            let minute = Bucket::Minute.start(attempt.id.minted_at());
            let endpoint = Some(attempt.endpoint_id.uuid());
            let of = (
                attempt.app_id,
                endpoint,
                attempt.event_type.as_str(),
                minute,
            );
            let counts = by_minute.entry(of).or_default();
            // First attempts: an endpoint's messages.
            counts.messages += u64::from(attempt.first);
            if attempt.succeeded {
                counts.succeeded += 1;
            } else {
                counts.failed += 1;
            }
            counts.latency.add(attempt.duration);
        }
    }
    let mut sums = Sums {
        table: Table::new(),
        minutes_from: now.minus(MINUTES_KEPT),
    };
    for ((app, endpoint, event_type, minute), mut counts) in by_minute {
        if let Some(endpoint) = endpoint {
            sums.add((endpoint, true), event_type, minute, &counts);
            // Those of the application were counted when they were stored.
            counts.messages = 0;
        }
        sums.add((app.uuid(), false), event_type, minute, &counts);
        if let Some(org) = orgs.get(&app) {
            sums.add((org.uuid(), false), event_type, minute, &counts);
        }
    }
    sums.table
}

/// How far a node has followed its own commits: its account of what they owe, and what it has
/// read of them and not counted yet.
#[derive(Debug)]
pub struct Rollup {
    /// What its commits owe.
    pub ledger: Ledger,
    /// A batch that was entered and is not counted yet, and the account's age then.
    pending: Option<(u64, Unrolled)>,
}

impl Rollup {
    /// Of a node that begins now and has written nothing.
    pub fn new(node: i64) -> Self {
        Self {
            ledger: Ledger::new(node),
            pending: None,
        }
    }

    fn take_pending(&mut self) -> Option<Unrolled> {
        let (age, batch) = self.pending.take()?;
        (age == self.ledger.age()).then_some(batch)
    }
}

impl Store {
    /// Rolls up commits of the account's node that have not been, and then those of no node
    /// that is there, at most so many that nobody waits long. Closes the commits of which the
    /// account then has nothing left. Says whether there may be more.
    pub async fn roll_up(&self, rollup: &mut Rollup) -> StoreResult<bool> {
        Ok(self.roll_up_own(rollup).await? || self.roll_up_of_none(&mut rollup.ledger).await?)
    }

    async fn roll_up_own(&self, rollup: &mut Rollup) -> StoreResult<bool> {
        let batch = match rollup.take_pending() {
            Some(batch) => batch,
            None => match self.own_batch(&mut rollup.ledger).await? {
                Some(batch) => batch,
                None => return Ok(false),
            },
        };
        let ledger = &mut rollup.ledger;
        let mark = ledger.step();
        match self.count_once(Some(mark), &batch).await {
            Ok(Counted::Done) => {
                ledger.stepped(mark);
                Ok(batch.more)
            }
            Ok(Counted::Busy) => {
                rollup.pending = Some((ledger.age(), batch));
                Ok(false)
            }
            Ok(Counted::Changed) => {
                ledger.begin_anew();
                Ok(false)
            }
            Err(error) => {
                ledger.begin_anew();
                Err(error)
            }
        }
    }

    /// The next batch, entered.
    async fn own_batch(&self, ledger: &mut Ledger) -> StoreResult<Option<Unrolled>> {
        let sql = open(ledger.node());
        let (mut commits, more) = self.unrolled(sql, &mut ledger.unreadable).await?;
        if commits.is_empty() {
            return Ok(None);
        }
        let closed = ledger.enter(&mut commits);
        let batch = self.batch(&commits, closed, more).await;
        // What was entered is lost with it.
        batch.inspect_err(|_| ledger.begin_anew()).map(Some)
    }

    async fn roll_up_of_none(&self, ledger: &mut Ledger) -> StoreResult<bool> {
        let (commits, more) = self
            .unrolled(open_of_none(), &mut ledger.unreadable)
            .await?;
        if commits.is_empty() {
            return Ok(false);
        }
        let batch = self.batch(&commits, Vec::new(), more).await?;
        // Another node may have been faster with some of them: the next look finds the rest.
        self.count_once(None, &batch).await?;
        Ok(batch.more)
    }

    /// Commits that the statement finds, and whether there may be more. Those that cannot be
    /// read stay as they are.
    async fn unrolled(
        &self,
        mut sql: Sql,
        unreadable: &mut Unreadable,
    ) -> StoreResult<(Vec<Commit>, bool)> {
        unreadable.leave_out(self, &mut sql);
        sql.push(" order by seq limit ").bind(COMMITS);
        let rows: Vec<log::Row> = self.read("reading the commit log").all(sql).await?;
        let full = rows.len() as i64 == COMMITS;
        let (mut commits, mut size) = (Vec::with_capacity(rows.len()), 0);
        for row in &rows {
            let Some(commit) = Commit::read(row) else {
                unreadable.note(row.seq);
                continue;
            };
            size += commit.logged.attempts.len() + commit.logged.messages.len();
            commits.push(commit);
            if size >= ATTEMPTS {
                return Ok((commits, true));
            }
        }
        Ok((commits, full))
    }

    async fn batch(
        &self,
        commits: &[Commit],
        closed: Vec<RowId>,
        more: bool,
    ) -> StoreResult<Unrolled> {
        let mut apps: Vec<AppId> = commits
            .iter()
            .flat_map(|commit| {
                let messages = commit.logged.messages.iter().map(|message| message.app_id);
                messages.chain(commit.logged.attempts.iter().map(|one| one.app_id))
            })
            .collect();
        apps.sort_unstable();
        apps.dedup();
        let mut orgs = HashMap::new();
        for chunk in apps.chunks(500) {
            orgs.extend(self.orgs_of(chunk).await?);
        }
        let gone: HashSet<RowId> = closed.iter().copied().collect();
        let rows = commits.iter().map(|commit| {
            let row = commit.logged.row();
            (row, commit.owes && !gone.contains(&row))
        });
        let rows: Vec<_> = rows.collect();
        let here: HashSet<RowId> = rows.iter().map(|row| row.0).collect();
        let before = closed.into_iter().filter(|row| !here.contains(row));
        Ok(Unrolled {
            closed: before.collect(),
            rows,
            table: sums(commits, &orgs, self.clock.now()),
            more,
        })
    }

    /// Marks commits and adds what they come to, or does neither if another node was faster
    /// with one of them, or the database is not what it was.
    async fn count_once(&self, mark: Option<Mark>, batch: &Unrolled) -> StoreResult<Counted> {
        let mut tx = self.begin("rolling statistics up").await?;
        if !spans::is_alone(&mut tx).await? {
            return Ok(Counted::Busy);
        }
        let goes_on = match mark {
            Some(mark) => takes_step(&mut tx, mark).await?,
            None => true,
        };
        if !goes_on || !spans::claim(&mut tx, &batch.rows).await? {
            return Ok(Counted::Changed);
        }
        if !batch.closed.is_empty() {
            rows::close(&mut tx, &batch.closed).await?;
        }
        spans::merge(&mut tx, batch.table.clone()).await?;
        tx.commit().await?;
        Ok(Counted::Done)
    }

    /// Removes a chunk of minutes that are past their time, and turns a chunk of old hours
    /// into days. Says whether there may be more.
    pub(crate) async fn expire_stats(&self, now: Timestamp) -> StoreResult<u64> {
        let minutes = self.expire_minutes(now.minus(MINUTES_KEPT)).await?;
        Ok(minutes + self.hours_to_days(now.minus(HOURS_KEPT)).await?)
    }

    async fn expire_minutes(&self, before: Timestamp) -> StoreResult<u64> {
        self.write("removing old statistics")
            .run(expired(Bucket::Minute.start(before)))
            .await
    }

    async fn hours_to_days(&self, before: Timestamp) -> StoreResult<u64> {
        // Whole days, so that a day is made in few steps.
        let before = Bucket::Day.start(before);
        let rows: Vec<Old> = self
            .read("reading statistics")
            .all(old_hours(before))
            .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (mut hours, mut days) = (Vec::with_capacity(rows.len()), Table::new());
        for old in &rows {
            let start = Bucket::Day
                .start(Timestamp::from_micros(old.start))
                .micros();
            hours.push(old.key(Bucket::Hour, old.start));
            let day = days.entry(old.key(Bucket::Day, start)).or_default();
            day.merge(&old.row.counts_to_go_on_with(old.scope));
        }
        let mut tx = self.begin("turning hours into days").await?;
        // Whoever finds that another is at it, or has removed some of them, leaves all as it is.
        if spans::is_alone(&mut tx).await?
            && spans::remove(&mut tx, &hours).await? == hours.len() as u64
        {
            spans::merge(&mut tx, days).await?;
            tx.commit().await?;
        }
        Ok(rows.len() as u64)
    }

    /// Whose these applications are, deleted ones included.
    pub async fn orgs_of(&self, apps: &[AppId]) -> StoreResult<Vec<(AppId, OrgId)>> {
        if apps.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<(Uuid, Uuid)> = self.read("reading applications").all(orgs(apps)).await?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(app, org)| (AppId::from_uuid(app), OrgId::from_uuid(org)))
            .collect())
    }
}

#[derive(sqlx::FromRow)]
struct Old {
    scope: Uuid,
    event_type: String,
    start: i64,
    #[sqlx(flatten)]
    row: Row,
}

impl Old {
    fn key(&self, width: Bucket, start: i64) -> Key {
        Key {
            scope: self.scope,
            width: width.code(),
            event_type: self.event_type.clone(),
            start,
        }
    }
}
