//! Day partitions on PostgreSQL: made a week ahead, dropped whole when they expire.
//!
//! `message` and `attempt` are cut by the day in the message's id, `payload` by the
//! week in which its key's day of expiry falls. A new partition is built beside its
//! parent and attached, which does not stop readers or writers, and gives up after a
//! short wait for the lock rather than queue everyone behind itself.

use postrider_domain::{MessageId, Timestamp};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::engine::Db;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::error::during;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::expiry::payload_key;

const DAY: i64 = 86_400;
const DAYS_AHEAD: i64 = 8;
/// Payloads live 90 days at most; a week's partition may begin six days before its day.
const PAYLOAD_DAYS_AHEAD: i64 = 90 + DAYS_AHEAD + 7;
/// Serialises partition makers among nodes; any constant of our own serves.
const LOCK: i64 = 0x706f_7374_7269_6465;

/// One partition that should exist: parent, name, and its bounds as SQL literals.
struct Partition {
    parent: &'static str,
    name: String,
    from: String,
    to: String,
}

const TAKE_LOCK_POSTGRES: &str = "select pg_advisory_xact_lock($1)";
const PRESENT_POSTGRES: &str =
    "select c.relname::text from pg_class c join pg_inherits i on i.inhrelid = c.oid";
const EXPIRING_POSTGRES: &str = "select c.relname::text from pg_class c join pg_inherits i on i.inhrelid = c.oid \
    where i.inhparent in ('message'::regclass, 'attempt'::regclass, 'payload'::regclass)";

const PENDING_MESSAGES_POSTGRES: &str = "select exists (select 1 from delivery \
        where due_at is not null and message_id >= $1 and message_id < $2)";
const PENDING_PAYLOADS_POSTGRES: &str = "select exists (select 1 from delivery d \
        join endpoint e on e.id = d.endpoint_id join message m on m.app_id = e.app_id and m.id = d.message_id \
        where d.due_at is not null and m.payload_key >= $1 and m.payload_key < $2)";

impl Store {
    /// Makes the partitions that the coming week needs. Nothing to do on SQLite.
    pub async fn make_partitions(&self) -> StoreResult<()> {
        let Db::Postgres(db) = &*self.db else {
            return Ok(());
        };
        let day = self.clock.now().seconds().div_euclid(DAY);
        let during = during("making partitions");
        let mut connection = db.write.acquire().await.map_err(during)?;
        let missing = missing(&mut connection, wanted(day)).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut tx = db.write.begin().await.map_err(during)?;
        sqlx::query(TAKE_LOCK_POSTGRES)
            .bind(LOCK)
            .execute(&mut *tx)
            .await
            .map_err(during)?;
        sqlx::query("set local lock_timeout = '3s'")
            .execute(&mut *tx)
            .await
            .map_err(during)?;
        for partition in self::missing(&mut tx, missing).await? {
            attach(&mut tx, &partition).await?;
        }
        tx.commit().await.map_err(during)
    }

    /// Drops partitions of messages and attempts made before `rows_before`, and of
    /// payloads that expired before `now`, unless something in them is still to be
    /// delivered. Returns how many were dropped. Nothing to do on SQLite.
    pub async fn drop_partitions(
        &self,
        rows_before: Timestamp,
        now: Timestamp,
    ) -> StoreResult<usize> {
        let Db::Postgres(db) = &*self.db else {
            return Ok(0);
        };
        let mut dropped = 0;
        for name in existing(&db.write).await? {
            if is_past(&name, rows_before, now) && !holds_pending(&db.write, &name).await? {
                dropped += usize::from(drop_partition(&db.write, &name).await?);
            }
        }
        Ok(dropped)
    }
}

/// The least id of the messages of a day since 1970, where its partition begins.
fn first_message(day: i64) -> Uuid {
    MessageId::floor(Timestamp::from_seconds(day * DAY)).uuid()
}

/// The least key of the payloads that expire in a week since 1970.
fn first_payload(week: i64) -> i64 {
    payload_key::first_of_day(week * 7)
}

fn wanted(today: i64) -> Vec<Partition> {
    let mut wanted = Vec::new();
    for day in today - 1..=today + DAYS_AHEAD {
        let bound = |day: i64| format!("'{}'", first_message(day));
        for parent in ["message", "attempt"] {
            wanted.push(Partition {
                parent,
                name: format!("{parent}_d{day}"),
                from: bound(day),
                to: bound(day + 1),
            });
        }
    }
    for week in (today - 1).div_euclid(7)..=(today + PAYLOAD_DAYS_AHEAD).div_euclid(7) {
        wanted.push(Partition {
            parent: "payload",
            name: format!("payload_w{week}"),
            from: first_payload(week).to_string(),
            to: first_payload(week + 1).to_string(),
        });
    }
    wanted
}

async fn missing(
    connection: &mut PgConnection,
    mut wanted: Vec<Partition>,
) -> StoreResult<Vec<Partition>> {
    let present: Vec<String> = sqlx::query_scalar(PRESENT_POSTGRES)
        .fetch_all(connection)
        .await
        .map_err(during("listing partitions"))?;
    wanted.retain(|partition| !present.contains(&partition.name));
    Ok(wanted)
}

async fn attach(connection: &mut PgConnection, partition: &Partition) -> StoreResult<()> {
    let Partition {
        parent,
        name,
        from,
        to,
    } = partition;
    for statement in [
        format!("create table if not exists {name} (like {parent} including all)"),
        format!("alter table {parent} attach partition {name} for values from ({from}) to ({to})"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .map_err(during("attaching a partition"))?;
    }
    Ok(())
}

/// Drops one, unless somebody reads what it is part of: whoever wants to write meanwhile would
/// wait behind us. A backup reads for long; the next round tries again.
async fn drop_partition(pool: &PgPool, name: &str) -> StoreResult<bool> {
    let during = during("dropping a partition");
    let mut tx = pool.begin().await.map_err(during)?;
    sqlx::query("set local lock_timeout = '100ms'")
        .execute(&mut *tx)
        .await
        .map_err(during)?;
    let statement = format!("drop table if exists {name}");
    match sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *tx)
        .await
    {
        Ok(_) => tx.commit().await.map(|()| true).map_err(during),
        Err(error) if is_lock_timeout(&error) => {
            tracing::info!(
                name,
                "a partition that has expired is being read, and stays"
            );
            Ok(false)
        }
        Err(error) => Err(during(error)),
    }
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    // lock_not_available
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .as_deref()
        == Some("55P03")
}

async fn existing(pool: &PgPool) -> StoreResult<Vec<String>> {
    sqlx::query_scalar(EXPIRING_POSTGRES)
        .fetch_all(pool)
        .await
        .map_err(during("listing partitions"))
}

/// What a partition is of, as its name says.
#[derive(Clone, Copy)]
enum Span {
    /// Messages or attempts of messages made on this day since 1970.
    Day(i64),
    /// Payloads that expire in this week since 1970.
    Week(i64),
}

impl Span {
    fn of(name: &str) -> Option<Self> {
        let (_, suffix) = name.rsplit_once('_')?;
        let number = |letter| suffix.strip_prefix(letter)?.parse().ok();
        number('d')
            .map(Self::Day)
            .or_else(|| number('w').map(Self::Week))
    }
}

/// Whether everything in the partition `name` is past its time.
fn is_past(name: &str, rows_before: Timestamp, now: Timestamp) -> bool {
    match Span::of(name) {
        Some(Span::Day(day)) => (day + 1) * DAY <= rows_before.seconds(),
        Some(Span::Week(week)) => (week + 1) * 7 * DAY <= now.seconds(),
        None => false,
    }
}

/// Whether a delivery that has not ended needs a row of the partition `name`. Whatever is old
/// and pending waits for its due time, so the due index finds it: what it costs follows what
/// is due, and not how much the partition holds.
async fn holds_pending(pool: &PgPool, name: &str) -> StoreResult<bool> {
    let query = match Span::of(name) {
        None => return Ok(true),
        Some(Span::Day(day)) => sqlx::query_scalar(PENDING_MESSAGES_POSTGRES)
            .bind(first_message(day))
            .bind(first_message(day + 1)),
        Some(Span::Week(week)) => sqlx::query_scalar(PENDING_PAYLOADS_POSTGRES)
            .bind(first_payload(week))
            .bind(first_payload(week + 1)),
    };
    query
        .fetch_one(pool)
        .await
        .map_err(during("looking for pending deliveries"))
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    postgres: &[
        TAKE_LOCK_POSTGRES,
        PRESENT_POSTGRES,
        EXPIRING_POSTGRES,
        PENDING_MESSAGES_POSTGRES,
        PENDING_PAYLOADS_POSTGRES,
    ],
    ..Statements::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_cover_every_day_without_a_gap() {
        let wanted = wanted(20_000);
        for parent in ["message", "attempt", "payload"] {
            let of: Vec<_> = wanted.iter().filter(|p| p.parent == parent).collect();
            assert!(
                of.windows(2).all(|pair| pair[0].to == pair[1].from),
                "{parent}"
            );
        }
    }

    #[test]
    fn a_partition_is_past_only_when_its_last_moment_is() {
        let day = |day: i64| Timestamp::from_seconds(day * DAY);
        assert!(is_past("message_d99", day(100), day(0)));
        assert!(!is_past("message_d100", day(100), day(0)));
        assert!(is_past("payload_w9", day(0), day(70)));
        assert!(!is_past("payload_w9", day(0), day(69)));
        assert!(!is_past("message", day(100), day(100)));
    }
}
