//! Rolling up: commits of the journal into spans, and old spans into longer ones.

use std::collections::HashMap;

use postrider_domain::{AppId, OrgId, Timestamp};
use uuid::Uuid;

use super::{Bucket, Counts, HOURS_KEPT, Key, MINUTES_KEPT, Row, Table};
use crate::db::Db;
use crate::error::wrong;
use crate::journal::{self, Happened};
use crate::sql::Sql;
use crate::transaction::SqliteTransaction;
use crate::{Store, StoreResult};

/// Commits and attempts that one transaction rolls up, at most.
const COMMITS: i64 = 256;
const ATTEMPTS: usize = 20_000;
/// Spans that one transaction removes or turns into longer ones.
const CHUNK: i64 = 500;

/// The statement that finds commits to be rolled up.
pub(crate) fn open() -> Sql {
    let mut sql = Sql::new(
        "select seq, at, body from journal where not rolled and seq > 0 order by seq limit ",
    );
    sql.bind(COMMITS);
    sql
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
fn sums(commits: &[Happened], orgs: &HashMap<AppId, OrgId>, now: Timestamp) -> Table {
    type Of<'a> = (AppId, Option<Uuid>, &'a str, Timestamp);
    let mut by_minute: HashMap<Of<'_>, Counts> = HashMap::new();
    for commit in commits {
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
                    Ok(true) => tx.commit($operation).await?,
                    Ok(false) => tx.roll_back().await,
                    Err(error) => return Err(tx.rolled_back(error).await),
                }
            }
            Db::Postgres(db) => {
                use super::postgres as $engine;
                let mut tx = db.write.begin().await.map_err(wrong)?;
                let $conn = &mut *tx;
                if $engine::lock(&mut *$conn).await? && $work {
                    tx.commit().await.map_err(wrong)?;
                }
            }
        }
    }};
}

impl Store {
    /// Rolls up commits that have not been, at most so many that nobody waits long. Says
    /// whether there may be more.
    pub async fn roll_up(&self) -> StoreResult<bool> {
        let rows: Vec<(i64, i64, Vec<u8>)> = open().fetch(self, "reading the journal").await?;
        let (mut commits, mut attempts) = (Vec::new(), 0);
        let full = rows.len() as i64 == COMMITS;
        for (seq, at, body) in rows {
            let commit = journal::unpack(seq, at, &body);
            attempts += commit.attempts.len() + commit.messages.len();
            commits.push(commit);
            if attempts >= ATTEMPTS {
                break;
            }
        }
        if commits.is_empty() {
            return Ok(false);
        }
        let mut apps: Vec<AppId> = commits
            .iter()
            .flat_map(|commit| commit.messages.iter().map(|message| message.app_id))
            .chain(
                commits
                    .iter()
                    .flat_map(|commit| commit.attempts.iter().map(|one| one.app_id)),
            )
            .collect();
        apps.sort_unstable();
        apps.dedup();
        let mut orgs = HashMap::new();
        for chunk in apps.chunks(500) {
            orgs.extend(self.orgs_of(chunk).await?);
        }
        let table = sums(&commits, &orgs, self.clock.now());
        let seqs: Vec<i64> = commits.iter().map(|commit| commit.seq).collect();
        self.count_once(&seqs, table).await?;
        Ok(full || attempts >= ATTEMPTS)
    }

    /// Marks commits and adds what they come to, or does neither if another node was
    /// faster with one of them.
    async fn count_once(&self, seqs: &[i64], mut table: Table) -> StoreResult<()> {
        alone!(self, "rolling statistics up", (conn, engine) => {
            let is_ours = engine::claim(&mut *conn, seqs).await?;
            if is_ours {
                merge!(conn, engine, table)?;
            }
            is_ours
        });
        Ok(())
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
            day.merge(&old.row.counts(old.scope)?);
        }
        alone!(self, "turning hours into days", (conn, engine) => {
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
