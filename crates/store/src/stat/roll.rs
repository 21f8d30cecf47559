//! Rolling up: commits of the journal into spans, and old spans into longer ones.

use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, OrgId, Timestamp};
use uuid::Uuid;

use super::{Bucket, Counts, HOURS_KEPT, Key, MINUTES_KEPT, Row, Table};
use crate::db::Db;
use crate::error::wrong;
use crate::journal::{self, RowId};
use crate::owed::{Commit, Ledger, Mark, takes_step};
use crate::sql::Sql;
use crate::transaction::SqliteTransaction;
use crate::{Store, StoreResult};

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
pub(crate) struct Unrolled {
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
    /// It is done.
    Done,
    /// Another node is at it.
    Busy,
    /// Something is not as it was read.
    Changed,
}

/// The statement that finds spans that are past their time.
pub(crate) fn expired(before: Timestamp) -> Sql {
    let mut sql = Sql::new(
        "delete from stat where (scope, width, event_type, start) in \
         (select scope, width, event_type, start from stat where width = 0 and start < ",
    );
    sql.bind(before.micros())
        .push(" limit ")
        .bind(CHUNK)
        .push(")");
    sql
}

/// The statement that finds hours that are to become days.
pub(crate) fn old_hours(before: Timestamp) -> Sql {
    let mut sql = Sql::new(
        "select scope, event_type, start, messages, succeeded, failed, latency from stat \
         where width = 1 and start < ",
    );
    sql.bind(before.micros()).push(" limit ").bind(CHUNK);
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
    for commit in commits.iter().map(|commit| &commit.happened) {
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

/// In a transaction: adds a table to what is there.
macro_rules! merge {
    ($conn:ident, $engine:ident, $table:expr) => {{
        let known = $engine::known(&mut *$conn, &$table).await?;
        for (key, counts) in known {
            if let Some(sum) = $table.get_mut(&key) {
                sum.merge(&counts);
            }
        }
        $engine::write(&mut *$conn, &$table).await
    }};
}

/// In a transaction that one node at a time has: does `$work`, and commits if it says so.
macro_rules! alone {
    ($store:ident, $operation:expr, ($conn:ident, $engine:ident) => $work:expr) => {{
        let wrong = wrong($operation);
        match &*$store.db {
            Db::Sqlite(db) => {
                use super::sqlite as $engine;
                let mut tx = SqliteTransaction::begin(&db.write, $operation).await?;
                let $conn = &mut *tx;
                let done: StoreResult<bool> = async { Ok($work) }.await;
                match done {
                    Ok(true) => {
                        tx.commit($operation).await?;
                        Counted::Done
                    }
                    Ok(false) => {
                        tx.roll_back().await;
                        Counted::Changed
                    }
                    Err(error) => return Err(tx.rolled_back(error).await),
                }
            }
            Db::Postgres(db) => {
                use super::postgres as $engine;
                let mut tx = db.write.begin().await.map_err(wrong)?;
                let $conn = &mut *tx;
                if !$engine::lock(&mut *$conn).await? {
                    Counted::Busy
                } else if $work {
                    tx.commit().await.map_err(wrong)?;
                    Counted::Done
                } else {
                    Counted::Changed
                }
            }
        }
    }};
}

impl Store {
    /// Rolls up commits of the account's node that have not been, and then those of no node
    /// that is there, at most so many that nobody waits long. Closes the commits of which the
    /// account then has nothing left. Says whether there may be more.
    pub async fn roll_up(&self, ledger: &mut Ledger) -> StoreResult<bool> {
        Ok(self.roll_up_own(ledger).await? || self.roll_up_of_none().await?)
    }

    async fn roll_up_own(&self, ledger: &mut Ledger) -> StoreResult<bool> {
        let Some(batch) = self.own_batch(ledger).await? else {
            return Ok(false);
        };
        let mark = ledger.step();
        match self.count_once(Some(mark), &batch).await {
            Ok(Counted::Done) => {
                ledger.stepped(mark);
                Ok(batch.more)
            }
            Ok(Counted::Busy) => {
                ledger.pending = Some(batch);
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

    /// The batch that another node stood in the way of, or the next one, entered.
    async fn own_batch(&self, ledger: &mut Ledger) -> StoreResult<Option<Unrolled>> {
        if let Some(batch) = ledger.pending.take() {
            return Ok(Some(batch));
        }
        let (mut commits, more) = self.unrolled(open(ledger.node())).await?;
        if commits.is_empty() {
            return Ok(None);
        }
        let closed = ledger.enter(&mut commits);
        let batch = self.batch(&commits, closed, more).await;
        // What was entered is lost with it.
        batch.inspect_err(|_| ledger.begin_anew()).map(Some)
    }

    async fn roll_up_of_none(&self) -> StoreResult<bool> {
        let (commits, more) = self.unrolled(open_of_none()).await?;
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
    async fn unrolled(&self, mut sql: Sql) -> StoreResult<(Vec<Commit>, bool)> {
        self.unreadable.leave_out(&mut sql);
        sql.push(" order by seq limit ").bind(COMMITS);
        let rows: Vec<journal::Row> = sql.fetch(self, "reading the journal").await?;
        let full = rows.len() as i64 == COMMITS;
        let (mut commits, mut size) = (Vec::with_capacity(rows.len()), 0);
        for row in &rows {
            let Some(commit) = Commit::read(row) else {
                self.unreadable.note(row.seq);
                continue;
            };
            size += commit.happened.attempts.len() + commit.happened.messages.len();
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
                let messages = commit
                    .happened
                    .messages
                    .iter()
                    .map(|message| message.app_id);
                messages.chain(commit.happened.attempts.iter().map(|one| one.app_id))
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
            let row = commit.happened.row();
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
        let mut table = batch.table.clone();
        let counted = alone!(self, "rolling statistics up", (conn, engine) => {
            let goes_on = match mark {
                Some(mark) => takes_step!(conn, mark),
                None => true,
            };
            let is_ours = goes_on && engine::claim(&mut *conn, &batch.rows).await?;
            if is_ours {
                if !batch.closed.is_empty() {
                    crate::owed::Rows::close(&mut *conn, &batch.closed).await?;
                }
                merge!(conn, engine, table)?;
            }
            is_ours
        });
        Ok(counted)
    }

    /// Removes a chunk of minutes that are past their time, and turns a chunk of old hours
    /// into days. Says whether there may be more.
    pub(crate) async fn expire_stats(&self, now: Timestamp) -> StoreResult<u64> {
        let minutes = self.expire_minutes(now.minus(MINUTES_KEPT)).await?;
        Ok(minutes + self.hours_to_days(now.minus(HOURS_KEPT)).await?)
    }

    async fn expire_minutes(&self, before: Timestamp) -> StoreResult<u64> {
        expired(Bucket::Minute.start(before))
            .execute_counting(self, "removing old statistics")
            .await
    }

    async fn hours_to_days(&self, before: Timestamp) -> StoreResult<u64> {
        // Whole days, so that a day is made in few steps.
        let before = Bucket::Day.start(before);
        let rows: Vec<Old> = old_hours(before).fetch(self, "reading statistics").await?;
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
        let _ = alone!(self, "turning hours into days", (conn, engine) => {
            // Whoever finds that another has removed some of them leaves all as it is.
            let all = engine::remove(&mut *conn, &hours).await? == hours.len() as u64;
            if all {
                merge!(conn, engine, days)?;
            }
            all
        });
        Ok(rows.len() as u64)
    }

    /// Whose these applications are, deleted ones included.
    pub async fn orgs_of(&self, apps: &[AppId]) -> StoreResult<Vec<(AppId, OrgId)>> {
        if apps.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = apps.iter().map(|app| app.uuid()).collect();
        let mut sql = Sql::new("select id, org_id from app where true");
        sql.and_ids("id", &ids);
        let rows: Vec<(Uuid, Uuid)> = sql.fetch(self, "reading applications").await?;
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
