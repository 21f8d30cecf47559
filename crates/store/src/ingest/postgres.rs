//! One statement writes a batch on PostgreSQL: it is its own transaction.

use std::collections::HashSet;

use postrider_domain::MessageId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Deliveries, IngestBatch, Start};
use crate::error::wrong;
use crate::{StoreError, StoreResult};

/// Deliveries carry their application and version too: joining them to the messages
/// would compare every pair, since the committers' plans avoid hash joins.
const WRITE: &str = "
with input as materialized (
    select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                         $7::bigint[], $8::bytea[], $9::bytea[], $10::bytea[], $11::bigint[], $12::bool[])
      as i(app_id, version, id, event_type, event_id, channels, payload_key, payload, key, body_hash, key_expires, expand)
), fence as materialized (
    select number from node where number = $17 and lease_until > 0 for key share
), fresh as materialized (
    select i.* from input i join app a on a.id = i.app_id and a.config_version = i.version and a.deleted_at is null
    where exists (select 1 from fence)
), keys as (
    insert into publish_key (key, body_hash, message_id, expires_at)
    select key, body_hash, id, key_expires from fresh where key is not null order by key
), events as (
    insert into event_key (app_id, event_id, message_id)
    select app_id, event_id, id from fresh where event_id is not null order by app_id, event_id
), messages as (
    insert into message (app_id, id, event_type, event_id, channels, payload_key)
    select app_id, id, event_type, event_id, channels, payload_key from fresh
), payloads as (
    insert into payload (key, body) select payload_key, payload from fresh
), expansions as (
    insert into expansion (message_id, app_id, created_at) select id, app_id, $18 from fresh where expand
), planned as materialized (
    select d.* from unnest($13::uuid[], $14::uuid[], $15::smallint[], $16::bool[], $19::uuid[], $20::bigint[])
      as d(endpoint_id, message_id, state, owned, app_id, version)
    join app a on a.id = d.app_id and a.config_version = d.version and a.deleted_at is null
    where exists (select 1 from fence)
), deliveries as (
    insert into delivery (endpoint_id, message_id, state, owner, due_at, first_at)
    select endpoint_id, message_id, state, case when owned then $17::bigint end,
           case when state = 0 and not owned then $18 end, $18 from planned
), lanes as (
    insert into lane (endpoint_id, app_id, next_due, wake_at)
    select distinct on (endpoint_id) endpoint_id, app_id, $18, $18 from planned where state = 0 and not owned order by endpoint_id
    on conflict (endpoint_id) do update set next_due = least(lane.next_due, excluded.next_due),
        wake_at = greatest(lane.parked_until, least(lane.next_due, excluded.next_due))
)
select i.id, exists (select 1 from fence) from input i where i.id not in (select id from fresh)";

/// Returns the messages whose applications have changed, which were not written.
///
/// The fence stands against a node that was given up and does not know it yet: whoever
/// takes over marks its row and waits for the writes that had passed the mark, so
/// nothing is written under its number after its deliveries were freed.
pub(super) async fn write(
    connection: &mut PgConnection,
    batch: IngestBatch<'_>,
) -> StoreResult<HashSet<MessageId>> {
    if batch.messages.is_empty() {
        return Ok(HashSet::new());
    }
    let messages = batch.messages;
    let (mut endpoints, mut of, mut states, mut owned) = (vec![], vec![], vec![], vec![]);
    let (mut apps, mut versions) = (vec![], vec![]);
    for message in messages {
        let Deliveries::Now(deliveries) = &message.deliveries else {
            continue;
        };
        for delivery in deliveries {
            endpoints.push(delivery.endpoint_id.uuid());
            of.push(message.id.uuid());
            states.push(delivery.start.state().code());
            owned.push(delivery.start == Start::Owned);
            apps.push(message.app_id.uuid());
            versions.push(message.app_version);
        }
    }
    let key = |message: &super::NewMessage| message.publish_key;
    let stale: Vec<(Uuid, bool)> = sqlx::query_as(WRITE)
        .bind(messages.iter().map(|m| m.app_id.uuid()).collect::<Vec<_>>())
        .bind(messages.iter().map(|m| m.app_version).collect::<Vec<_>>())
        .bind(messages.iter().map(|m| m.id.uuid()).collect::<Vec<_>>())
        .bind(messages.iter().map(|m| &*m.event_type).collect::<Vec<_>>())
        .bind(
            messages
                .iter()
                .map(|m| m.event_id.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|m| m.channels.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(messages.iter().map(|m| m.payload_key).collect::<Vec<_>>())
        .bind(messages.iter().map(|m| &m.payload[..]).collect::<Vec<_>>())
        .bind(
            messages
                .iter()
                .map(|m| key(m).map(|k| k.key.to_vec()))
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|m| key(m).map(|k| k.body_hash.to_vec()))
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|m| key(m).map(|k| k.expires_at.micros()))
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|m| matches!(m.deliveries, Deliveries::Expansion))
                .collect::<Vec<_>>(),
        )
        .bind(endpoints)
        .bind(of)
        .bind(states)
        .bind(owned)
        .bind(batch.node)
        .bind(batch.now.micros())
        .bind(apps)
        .bind(versions)
        .fetch_all(connection)
        .await
        .map_err(wrong("storing messages"))?;
    if stale.iter().any(|(_, fence)| !fence) {
        return Err(StoreError::Fenced);
    }
    Ok(stale
        .into_iter()
        .map(|(id, _)| MessageId::from_uuid(id))
        .collect())
}
