//! One statement writes a batch on PostgreSQL: it is its own transaction.
//!
//! Next on a message's way: `crates/delivery/src/lanes/mod.rs`.

use const_format::formatcp;
use std::collections::{BTreeSet, HashSet};

use postrider_domain::{AppId, EndpointId, MessageId};
use sqlx::PgConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use uuid::Uuid;

use super::{Deliveries, Event, IngestBatch, NewMessage, Start};
use crate::commit::log;
use crate::engine::error::during;
use crate::engine::error::{StoreError, StoreResult};
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::{GIVEN_UP, PENDING};

/// All or nothing, each table straight from its arrays: bodies are copied once, and versions
/// are compared once per application, not per message.
const WRITE: &str = formatcp!("
with fence as materialized (
    select number from node where number = $1 and lease_until > {GIVEN_UP} for key share
), stale as materialized (
    select v.app_id, v.version from unnest($3::uuid[], $4::bigint[]) as v(app_id, version)
    where not exists (select 1 from app a where a.id = v.app_id and a.config_version = v.version and a.deleted_at is null)
), go as materialized (
    select 1 where exists (select 1 from fence) and not exists (select 1 from stale)
), messages as (
    insert into message (app_id, id, event_type, event_id, channels, payload_key, tags, content_type)
    select * from unnest($5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::bigint[], $27::text[], $28::text[])
    where exists (select 1 from go)
), payloads as (
    insert into payload (key, body)
    select * from unnest($10::bigint[], $11::bytea[]) where exists (select 1 from go)
), keys as (
    insert into publish_key (key, body_hash, message_id, expires_at)
    select * from unnest($12::bytea[], $13::bytea[], $14::uuid[], $15::bigint[])
    where exists (select 1 from go)
), events as (
    insert into event_key (app_id, event_id, message_id)
    select * from unnest($16::uuid[], $17::text[], $18::uuid[]) where exists (select 1 from go)
), expansions as (
    insert into expansion (message_id, app_id, created_at)
    select id, app_id, $2 from unnest($19::uuid[], $20::uuid[]) as e(id, app_id) where exists (select 1 from go)
), deliveries as (
    insert into delivery (endpoint_id, message_id, state, owner, due_at, first_at)
    select endpoint_id, message_id, state, case when owned then $1::bigint end,
           case when state = {PENDING} and not owned then $2 end, $2
    from unnest($21::uuid[], $22::uuid[], $23::smallint[], $24::bool[]) as d(endpoint_id, message_id, state, owned)
    where exists (select 1 from go)
), lanes as (
    insert into lane (endpoint_id, app_id, next_due, wake_at)
    select endpoint_id, app_id, $2, $2 from unnest($25::uuid[], $26::uuid[]) as l(endpoint_id, app_id)
    where exists (select 1 from go)
    on conflict (endpoint_id) do update set next_due = least(lane.next_due, excluded.next_due),
        wake_at = greatest(lane.parked_until, least(lane.next_due, excluded.next_due))
), told as (
    insert into journal (at, body, node, owned, owes) select $2, $29::bytea, $1, $30::bytea, $30 is not null
    where $29 is not null and exists (select 1 from go)
)
select app_id, version from stale
union all select null, null where not exists (select 1 from fence)");

/// Returns the messages whose applications have changed, which were not written.
///
/// The fence stands against a node that was given up and does not know it yet: whoever
/// takes over marks its row and waits for the writes that had passed the mark, so
/// nothing is written under its number after its deliveries were freed.
pub(crate) async fn write(
    connection: &mut PgConnection,
    batch: IngestBatch<'_>,
) -> StoreResult<HashSet<MessageId>> {
    let mut late = HashSet::new();
    let mut fresh: Vec<&NewMessage> = batch.messages.iter().collect();
    // A version that is stale has the rest written again without its messages.
    while !fresh.is_empty() {
        let stale = attempt(&mut *connection, batch, &fresh).await?;
        if stale.is_empty() {
            break;
        }
        fresh.retain(|message| {
            let current = !stale.contains(&(message.app_id, message.app_version));
            if !current {
                late.insert(message.id);
            }
            current
        });
    }
    Ok(late)
}

/// Writes all messages, or none and returns the versions that are not current.
async fn attempt(
    connection: &mut PgConnection,
    batch: IngestBatch<'_>,
    fresh: &[&NewMessage],
) -> StoreResult<HashSet<(AppId, i64)>> {
    let versions: BTreeSet<_> = fresh.iter().map(|m| (m.app_id, m.app_version)).collect();
    let query = sqlx::query_as(WRITE)
        .bind(batch.node)
        .bind(batch.now.micros())
        .bind(column(&versions, |v| v.0.uuid()))
        .bind(column(&versions, |v| v.1));
    let query = bind_bodies(query, fresh);
    let query = bind_keys(query, fresh);
    let query = bind_deliveries(query, fresh);
    let told = log::pack(fresh.iter().copied(), &[]);
    let owned = log::owned::pack(fresh.iter().copied());
    let rows = bind_extras(query, fresh)
        .bind(told)
        .bind(owned)
        .fetch_all(connection)
        .await
        .map_err(during("storing messages"))?;
    rows.into_iter()
        .map(|row| match row {
            (Some(app), Some(version)) => Ok((AppId::from_uuid(app), version)),
            _ => Err(StoreError::Fenced),
        })
        .collect()
}

type Write<'q> = QueryAs<'q, sqlx::Postgres, (Option<Uuid>, Option<i64>), PgArguments>;

fn bind_bodies<'q>(query: Write<'q>, fresh: &'q [&NewMessage]) -> Write<'q> {
    query
        .bind(column(fresh, |m| m.app_id.uuid()))
        .bind(column(fresh, |m| m.id.uuid()))
        .bind(column(fresh, |m| &*m.event.event_type))
        .bind(column(fresh, |m| m.event.event_id.as_deref()))
        .bind(column(fresh, |m| m.event.channels_column()))
        .bind(column(fresh, |m| m.payload_key))
        .bind(column(fresh, |m| &m.event.payload[..]))
}

/// Idempotency keys and event ids, in the order in which every node takes them, so that
/// two batches cannot wait for each other.
fn bind_keys<'q>(query: Write<'q>, fresh: &'q [&NewMessage]) -> Write<'q> {
    let mut keys: Vec<_> = fresh
        .iter()
        .filter_map(|m| Some((m.publish_key.as_ref()?, m.id)))
        .collect();
    keys.sort_unstable_by_key(|(key, _)| key.key);
    let mut events: Vec<_> = fresh
        .iter()
        .filter_map(|m| Some((m.app_id, m.event.event_id.as_deref()?, m.id)))
        .collect();
    events.sort_unstable();
    query
        .bind(column(&keys, |(key, _)| &key.key[..]))
        .bind(column(&keys, |(key, _)| &key.body_hash[..]))
        .bind(column(&keys, |(_, id)| id.uuid()))
        .bind(column(&keys, |(key, _)| key.expires_at.micros()))
        .bind(column(&events, |event| event.0.uuid()))
        .bind(column(&events, |event| event.1))
        .bind(column(&events, |event| event.2.uuid()))
}

/// Deliveries, and the lanes of those that are not in hand.
fn bind_deliveries<'q>(query: Write<'q>, fresh: &'q [&NewMessage]) -> Write<'q> {
    let (mut expansions, mut deliveries) = (Vec::new(), Vec::new());
    let mut lanes: BTreeSet<(EndpointId, AppId)> = BTreeSet::new();
    for message in fresh {
        match &message.deliveries {
            Deliveries::Expansion => expansions.push((message.id, message.app_id)),
            Deliveries::Now(list) => {
                deliveries.extend(list.iter().map(|delivery| (message.id, delivery)));
                let due = list.iter().filter(|delivery| delivery.start == Start::Due);
                lanes.extend(due.map(|delivery| (delivery.endpoint_id, message.app_id)));
            }
        }
    }
    query
        .bind(column(&expansions, |e| e.0.uuid()))
        .bind(column(&expansions, |e| e.1.uuid()))
        .bind(column(&deliveries, |(_, d)| d.endpoint_id.uuid()))
        .bind(column(&deliveries, |(id, _)| id.uuid()))
        .bind(column(&deliveries, |(_, d)| d.start.state().code()))
        .bind(column(&deliveries, |(_, d)| d.start == Start::Owned))
        .bind(column(&lanes, |lane| lane.0.uuid()))
        .bind(column(&lanes, |lane| lane.1.uuid()))
}

/// Tags and content types. Few messages have any: arrays that are shorter than the others
/// are filled up with nulls, and empty ones cost nothing.
fn bind_extras<'q>(query: Write<'q>, fresh: &'q [&NewMessage]) -> Write<'q> {
    let extra = |is_there: fn(&Event) -> bool| -> &'q [&NewMessage] {
        let any = fresh.iter().any(|m| is_there(&m.event));
        if any { fresh } else { &[] }
    };
    let tags = extra(|event| event.tags.is_some());
    let content_types = extra(|event| event.content_type.is_some());
    query
        .bind(column(tags, |m| m.event.tags_column()))
        .bind(column(content_types, |m| m.event.content_type.as_deref()))
}

fn column<'a, R: 'a, T>(
    rows: impl IntoIterator<Item = &'a R>,
    read: impl Fn(&'a R) -> T,
) -> Vec<T> {
    rows.into_iter().map(read).collect()
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    postgres: &[WRITE],
    ..Statements::NONE
};
