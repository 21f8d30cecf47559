//! Spans in bulk on PostgreSQL.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Counts, Key, Row, Table};
use crate::commit::log::RowId;
use crate::engine::error::StoreResult;
use crate::engine::error::during;
#[cfg(test)]
use crate::engine::sql::Statements;

/// One node at a time rolls up; any constant of our own serves.
const LOCK: i64 = 0x726f_6c6c_5f75_7000;
const TAKE_LOCK: &str = "select pg_try_advisory_xact_lock($1)";
const CLAIM: &str = "update journal j set rolled = true, owes = j.owes and i.owes \
    from unnest($1::bigint[], $2::bigint[], $3::bool[]) as i(seq, at, owes) \
    where j.seq = i.seq and j.at = i.at and not j.rolled";
const KNOWN: &str = "select s.scope, s.width, s.event_type, s.start, s.messages, s.succeeded, s.failed, s.latency \
    from unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[]) as i(scope, width, event_type, start) \
    join stat s on s.scope = i.scope and s.width = i.width and s.event_type = i.event_type and s.start = i.start";
const WRITE: &str = "insert into stat (scope, width, event_type, start, messages, succeeded, failed, latency) \
    select * from unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], \
        $7::bigint[], $8::bytea[]) \
    on conflict (scope, width, event_type, start) do update set messages = excluded.messages, \
        succeeded = excluded.succeeded, failed = excluded.failed, latency = excluded.latency";
const REMOVE: &str = "delete from stat s using \
    unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[]) as i(scope, width, event_type, start) \
    where s.scope = i.scope and s.width = i.width and s.event_type = i.event_type and s.start = i.start";

#[derive(sqlx::FromRow)]
struct Known {
    scope: Uuid,
    width: i16,
    event_type: String,
    start: i64,
    #[sqlx(flatten)]
    row: Row,
}

/// Takes the right to change spans, for the rest of the transaction; false if another
/// node has it.
pub(super) async fn lock(connection: &mut PgConnection) -> StoreResult<bool> {
    sqlx::query_scalar(TAKE_LOCK)
        .bind(LOCK)
        .fetch_one(connection)
        .await
        .map_err(during("rolling statistics up"))
}

/// Marks commits as rolled up, each with its time and whether it owes afterwards; false if
/// one of them was, or is not there.
pub(super) async fn claim(
    connection: &mut PgConnection,
    rows: &[(RowId, bool)],
) -> StoreResult<bool> {
    let done = sqlx::query(CLAIM)
        .bind(rows.iter().map(|row| row.0.seq).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.0.at).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .execute(connection)
        .await
        .map_err(during("marking commits"))?;
    Ok(done.rows_affected() == rows.len() as u64)
}

fn column<'a, T>(keys: impl Iterator<Item = &'a Key>, read: impl Fn(&'a Key) -> T) -> Vec<T> {
    keys.map(read).collect()
}

/// What is there of these spans.
pub(super) async fn known(
    connection: &mut PgConnection,
    table: &Table,
) -> StoreResult<Vec<(Key, Counts)>> {
    let found: Vec<Known> = sqlx::query_as(KNOWN)
        .bind(column(table.keys(), |key| key.scope))
        .bind(column(table.keys(), |key| key.width as i16))
        .bind(column(table.keys(), |key| key.event_type.as_str()))
        .bind(column(table.keys(), |key| key.start))
        .fetch_all(connection)
        .await
        .map_err(during("reading statistics"))?;
    let found = found.into_iter().map(|known| {
        let counts = known.row.counts_to_go_on_with(known.scope);
        let key = Key {
            scope: known.scope,
            width: i64::from(known.width),
            event_type: known.event_type,
            start: known.start,
        };
        (key, counts)
    });
    Ok(found.collect())
}

/// Writes these spans in place of those that are there.
pub(super) async fn write(connection: &mut PgConnection, table: &Table) -> StoreResult<()> {
    let counts = |read: fn(&Counts) -> u64| -> Vec<i64> {
        table.values().map(|one| read(one).cast_signed()).collect()
    };
    let latencies: Vec<Vec<u8>> = table.values().map(|one| one.latency.to_bytes()).collect();
    sqlx::query(WRITE)
        .bind(column(table.keys(), |key| key.scope))
        .bind(column(table.keys(), |key| key.width as i16))
        .bind(column(table.keys(), |key| key.event_type.as_str()))
        .bind(column(table.keys(), |key| key.start))
        .bind(counts(|one| one.messages))
        .bind(counts(|one| one.succeeded))
        .bind(counts(|one| one.failed))
        .bind(latencies)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(during("writing statistics"))
}

/// Removes these spans. Says how many there were.
pub(super) async fn remove(connection: &mut PgConnection, keys: &[Key]) -> StoreResult<u64> {
    let done = sqlx::query(REMOVE)
        .bind(column(keys.iter(), |key| key.scope))
        .bind(column(keys.iter(), |key| key.width as i16))
        .bind(column(keys.iter(), |key| key.event_type.as_str()))
        .bind(column(keys.iter(), |key| key.start))
        .execute(connection)
        .await
        .map_err(during("removing old statistics"))?;
    Ok(done.rows_affected())
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    postgres: &[TAKE_LOCK, CLAIM, KNOWN, WRITE, REMOVE],
    ..Statements::NONE
};
