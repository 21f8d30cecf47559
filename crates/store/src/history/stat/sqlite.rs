//! Spans in bulk on SQLite: ids and latencies packed in one blob beside a JSON array of
//! the small columns.

use sqlx::SqliteConnection;

use super::{Counts, Key, Row, Table};
use crate::commit::log::RowId;
use crate::engine::error::StoreResult;
use crate::engine::error::during;
use crate::engine::script::as_json;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Each value is [seq, at, owes].
const CLAIM: &str = "update journal set rolled = 1, owes = journal.owes and i.owes \
    from (select value ->> 0 as seq, value ->> 1 as at, value ->> 2 as owes from jsonb_each($1)) as i \
    where journal.seq = i.seq and journal.at = i.at and not journal.rolled";
/// Each value is [width, event_type, start].
const KNOWN: &str = "select i.key as at, s.messages, s.succeeded, s.failed, s.latency \
    from jsonb_each($2) as i cross join stat s \
    where s.scope = substr($1, i.key * 16 + 1, 16) and s.width = i.value ->> 0 \
      and s.event_type = i.value ->> 1 and s.start = i.value ->> 2";
/// Each value is [width, event_type, start, messages, succeeded, failed, cut, length].
const WRITE: &str = "insert into stat (scope, width, event_type, start, messages, succeeded, failed, latency) \
    select substr($1, key * 16 + 1, 16), value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, \
        value ->> 5, case value ->> 7 when 0 then zeroblob(0) else substr($3, value ->> 6, value ->> 7) end \
    from jsonb_each($2) where true \
    on conflict (scope, width, event_type, start) do update set messages = excluded.messages, \
        succeeded = excluded.succeeded, failed = excluded.failed, latency = excluded.latency";
const REMOVE: &str = "delete from stat where (scope, width, event_type, start) in \
    (select substr($1, key * 16 + 1, 16), value ->> 0, value ->> 1, value ->> 2 from jsonb_each($2))";

#[derive(sqlx::FromRow)]
struct Known {
    at: i64,
    #[sqlx(flatten)]
    row: Row,
}

/// Marks commits as rolled up, each with its time and whether it owes afterwards; false if
/// one of them was, or is not there.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    rows: &[(RowId, bool)],
) -> StoreResult<bool> {
    let rows: Vec<_> = rows
        .iter()
        .map(|(row, owes)| (row.seq, row.at, *owes))
        .collect();
    let done = sqlx::query(CLAIM)
        .bind(as_json(&rows)?)
        .execute(connection)
        .await
        .map_err(during("marking commits"))?;
    Ok(done.rows_affected() == rows.len() as u64)
}

/// The scopes, and the rest of the keys as JSON.
fn packed<'a>(keys: impl Iterator<Item = &'a Key>) -> StoreResult<(Vec<u8>, String)> {
    let (mut scopes, mut rows) = (Vec::new(), Vec::new());
    for key in keys {
        scopes.extend_from_slice(key.scope.as_bytes());
        rows.push((key.width, &key.event_type, key.start));
    }
    Ok((scopes, as_json(&rows)?))
}

/// What is there of these spans.
pub(super) async fn known(
    connection: &mut SqliteConnection,
    table: &Table,
) -> StoreResult<Vec<(Key, Counts)>> {
    let (scopes, rows) = packed(table.keys())?;
    let found: Vec<Known> = sqlx::query_as(KNOWN)
        .bind(scopes)
        .bind(rows)
        .fetch_all(connection)
        .await
        .map_err(during("reading statistics"))?;
    let keys: Vec<&Key> = table.keys().collect();
    let found = found.into_iter().filter_map(|known| {
        let key = *keys.get(usize::try_from(known.at).ok()?)?;
        Some((key.clone(), known.row.counts_to_go_on_with(key.scope)))
    });
    Ok(found.collect())
}

/// Writes these spans in place of those that are there.
pub(super) async fn write(connection: &mut SqliteConnection, table: &Table) -> StoreResult<()> {
    let (mut scopes, mut rows) = (Vec::new(), Vec::new());
    // Never empty: SQLite takes an empty blob for NULL.
    let mut latencies = vec![0];
    for (key, counts) in table {
        let latency = counts.latency.to_bytes();
        scopes.extend_from_slice(key.scope.as_bytes());
        rows.push((
            key.width,
            &key.event_type,
            key.start,
            counts.messages,
            counts.succeeded,
            counts.failed,
            latencies.len() + 1,
            latency.len(),
        ));
        latencies.extend_from_slice(&latency);
    }
    sqlx::query(WRITE)
        .bind(scopes)
        .bind(as_json(&rows)?)
        .bind(latencies)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(during("writing statistics"))
}

/// Removes these spans. Says how many there were.
pub(super) async fn remove(connection: &mut SqliteConnection, keys: &[Key]) -> StoreResult<u64> {
    let (scopes, rows) = packed(keys.iter())?;
    let done = sqlx::query(REMOVE)
        .bind(scopes)
        .bind(rows)
        .execute(connection)
        .await
        .map_err(during("removing old statistics"))?;
    Ok(done.rows_affected())
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    sqlite: &[CLAIM, KNOWN, WRITE, REMOVE],
    ..Statements::NONE
};
