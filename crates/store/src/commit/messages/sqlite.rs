//! Messages on SQLite: a look before, and what is added to the transaction.
//!
//! A statement per row would cost a hop to the driver's thread each; here each table
//! gets one. Ids and bodies travel packed in one blob and are cut out with `substr`,
//! beside a JSON array of the small columns, so that bodies are never escaped.
//! Where a row has several, `jsonb_each` hands them on as they were parsed; `json_each`
//! writes each row as text for every `->>` to parse again, which took a third of the time
//! of such statements.
//!
//! Next on a message's way: `crates/delivery/src/lanes/mod.rs`.

use const_format::formatcp;
use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, MessageId, Timestamp};
use serde::Serialize;
use serde_json::json;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::recent_keys::{Addition, KeyStep, RecentKeys};
use super::{Deliveries, Event, IngestBatch, NewMessage, Start};
use crate::engine::error::{Refusal, StoreError, StoreResult, during};
use crate::engine::script::{Script, as_json};
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::transaction::{BEGIN, SqliteTransaction};
use crate::stored::codes::{PENDING, SKIPPED};

/// The transaction that the messages are written in.
pub(crate) const OPERATION: &str = "storing a batch";

const VERSIONS: &str = "select id, config_version, (select coalesce(max(seq), 0) from publish_key_log) \
    from app where deleted_at is null and id in (select substr($1, key * 16 + 1, 16) from json_each($2))";
const MESSAGES: &str = "insert into message (app_id, id, event_type, event_id, channels, payload_key) \
    select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16), \
    value ->> 0, value ->> 1, value ->> 2, value ->> 3 from jsonb_each($2)";
/// For batches in which some message has tags or a content type: few do, and the others'
/// rows are shorter.
const FULL_MESSAGES: &str = "insert into message (app_id, id, event_type, event_id, channels, payload_key, \
    tags, content_type) \
    select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16), \
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 from jsonb_each($2)";
const PAYLOADS: &str = "insert into payload (key, body) \
    select value ->> 0, substr($1, value ->> 1, value ->> 2) from jsonb_each($2)";
const KEY_ROWS: &str = "select seq, keys from publish_key_log where seq > $1 order by seq";
const LOG_KEYS: &str = "insert into publish_key_log (seq, keys) values ($1, $2)";
const DROP_KEYS: &str = "delete from publish_key_log where seq <= $1";
const TAKEN_KEYS: &str = "select key from publish_key where expires_at > $3 and key in \
    (select substr($1, key * 16 + 1, 16) from json_each($2))";
/// In the table's order. A key that is there was forgotten and taken again, or moved before.
const MOVE_KEYS: &str = "insert into publish_key (key, body_hash, message_id, expires_at) \
    select substr($1, key * 48 + 1, 16), substr($1, key * 48 + 17, 16), substr($1, key * 48 + 33, 16), value \
    from json_each($2) where true on conflict (key) do update set \
    body_hash = excluded.body_hash, message_id = excluded.message_id, expires_at = excluded.expires_at";
const EVENTS: &str = "insert into event_key (app_id, event_id, message_id) \
    select substr($1, key * 32 + 1, 16), value, substr($1, key * 32 + 17, 16) from json_each($2)";
/// How a delivery begins, among the values of [`DELIVERIES`].
const START_OWNED: i16 = 0;
const START_DUE: i16 = 1;
const START_SKIPPED: i16 = 2;
/// Each value says how the delivery begins.
const DELIVERIES: &str = formatcp!(
    "insert into delivery (endpoint_id, message_id, state, owner, due_at, first_at) \
    select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16), \
    case value when {START_SKIPPED} then {SKIPPED} else {PENDING} end, case value when {START_OWNED} then $3 end, case value when {START_DUE} then $4 end, $4 \
    from json_each($2)"
);
const LANES: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select substr($1, key * 32 + 1, 16), substr($1, key * 32 + 17, 16), $3, $3 from json_each($2) where true \
    on conflict (endpoint_id) do update set next_due = min(lane.next_due, excluded.next_due), \
        wake_at = max(lane.parked_until, min(lane.next_due, excluded.next_due))";
const EXPANSIONS: &str = "insert into expansion (message_id, app_id, created_at) \
    select substr($1, key * 32 + 17, 16), substr($1, key * 32 + 1, 16), $3 from json_each($2)";

/// What the database says of a batch before it is written.
pub(crate) struct Seen {
    /// Messages that were planned on another version of their application than the current.
    pub(crate) late: HashSet<MessageId>,
    /// Idempotency keys that the table holds.
    taken: HashSet<Vec<u8>>,
}

/// Begins the transaction and looks. Also takes in what the log of keys holds and memory
/// does not.
pub(crate) async fn look(
    tx: &mut SqliteTransaction,
    keys: &RecentKeys,
    batch: IngestBatch<'_>,
) -> StoreResult<Seen> {
    let messages = batch.messages;
    let apps: HashSet<AppId> = messages.iter().map(|m| m.app_id).collect();
    let (mut packed, mut list) = (Vec::new(), Vec::new());
    for app in &apps {
        packed.extend_from_slice(app.uuid().as_bytes());
        list.push(0);
    }
    let asked: Vec<u8> = messages
        .iter()
        .filter_map(|m| m.publish_key.as_ref())
        .flat_map(|key| key.key)
        .collect();
    let mut script = Script::default();
    script.add(BEGIN);
    script
        .add(VERSIONS)
        .bind(packed)
        .bind(json!(list).to_string());
    if !asked.is_empty() {
        let places = as_json(&vec![0; asked.len() / 16])?;
        script
            .add(TAKEN_KEYS)
            .bind(asked)
            .bind(places)
            .bind(batch.now.micros());
    }
    let (mut rows, mut taken) = (Vec::new(), HashSet::new());
    for (statement, row) in script.rows(tx, OPERATION).await? {
        if statement == 1 {
            rows.push(<(Uuid, i64, i64)>::from_row(&row).map_err(during("reading versions"))?);
        } else {
            taken.insert(row.try_get(0).map_err(during("looking for keys"))?);
        }
    }
    let known = keys.seq();
    if rows.first().is_some_and(|row| row.2 > known) {
        let missed = sqlx::query_as(KEY_ROWS)
            .bind(known)
            .fetch_all(&mut **tx)
            .await
            .map_err(during("reading the log of keys"))?;
        keys.absorb(missed);
    }
    let current: HashMap<AppId, i64> = rows
        .into_iter()
        .map(|(id, version, _)| (AppId::from_uuid(id), version))
        .collect();
    let late = messages
        .iter()
        .filter(|m| current.get(&m.app_id) != Some(&m.app_version))
        .map(|m| m.id)
        .collect();
    Ok(Seen { late, taken })
}

/// Adds everything of messages of a batch, whose applications are as they were. Returns what
/// [`RecentKeys::committed`] is to hear after the commit.
pub(crate) fn add_messages(
    script: &mut Script,
    keys: &RecentKeys,
    (batch, fresh): (IngestBatch<'_>, &[&NewMessage]),
    seen: &Seen,
) -> StoreResult<(Addition, KeyStep)> {
    keys_free(keys, fresh, &seen.taken, batch.now)?;
    add_bodies(script, fresh)?;
    let kept = add_keys(script, keys, fresh, batch.now)?;
    add_events(script, fresh)?;
    add_deliveries(script, fresh, batch)?;
    Ok(kept)
}

fn add_bodies(script: &mut Script, fresh: &[&NewMessage]) -> StoreResult<()> {
    let mut ids = Vec::with_capacity(fresh.len() * 32);
    let mut rows = Vec::with_capacity(fresh.len());
    // Never empty: SQLite takes an empty blob for NULL.
    let (mut bodies, mut cuts) = (vec![0], Vec::with_capacity(fresh.len()));
    for message in fresh {
        pack(&mut ids, [message.app_id.uuid(), message.id.uuid()]);
        rows.push((
            &*message.event.event_type,
            &message.event.event_id,
            message.event.channels_column(),
            message.payload_key,
        ));
        let payload = &message.event.payload;
        cuts.push((message.payload_key, bodies.len() + 1, payload.len()));
        bodies.extend_from_slice(payload);
    }
    let full = |event: &Event| event.tags.is_some() || event.content_type.is_some();
    if fresh.iter().any(|message| full(&message.event)) {
        let rows: Vec<_> = rows
            .into_iter()
            .zip(fresh)
            .map(|((event_type, event_id, channels, key), message)| {
                let content_type = message.event.content_type.as_deref();
                (
                    event_type,
                    event_id,
                    channels,
                    key,
                    message.event.tags_column(),
                    content_type,
                )
            })
            .collect();
        add(script, FULL_MESSAGES, ids, &rows)?;
    } else {
        add(script, MESSAGES, ids, &rows)?;
    }
    add(script, PAYLOADS, bodies, &cuts)
}

/// Fails if an idempotency key is another message's, be it of this batch.
fn keys_free(
    keys: &RecentKeys,
    fresh: &[&NewMessage],
    taken: &HashSet<Vec<u8>>,
    now: Timestamp,
) -> StoreResult<()> {
    let mut own = HashSet::new();
    for key in fresh.iter().filter_map(|m| m.publish_key.as_ref()) {
        if !own.insert(key.key)
            || keys.holder(&key.key, now).is_some()
            || taken.contains(&key.key[..])
        {
            return Err(StoreError::Conflict(Refusal::PublishKey));
        }
    }
    Ok(())
}

fn add_keys(
    script: &mut Script,
    keys: &RecentKeys,
    fresh: &[&NewMessage],
    now: Timestamp,
) -> StoreResult<(Addition, KeyStep)> {
    let new = fresh
        .iter()
        .filter_map(|message| Some((message.publish_key?, message.id)));
    let added = keys.addition(new);
    if !added.is_empty() {
        script.add(LOG_KEYS).bind(added.seq).bind(added.packed());
    }
    let step = keys.step(fresh.len(), now);
    let (mut moving, mut expiries) = (Vec::new(), Vec::new());
    for entry in &step.keys {
        moving.extend_from_slice(&entry.key.key);
        moving.extend_from_slice(&entry.key.body_hash);
        moving.extend_from_slice(entry.message.uuid().as_bytes());
        expiries.push(entry.key.expires_at.micros());
    }
    add(script, MOVE_KEYS, moving, &expiries)?;
    if let Some(seq) = step.drop_to {
        script.add(DROP_KEYS).bind(seq);
    }
    Ok((added, step))
}

fn add_events(script: &mut Script, fresh: &[&NewMessage]) -> StoreResult<()> {
    let (mut events, mut names) = (Vec::new(), Vec::new());
    for message in fresh {
        if let Some(event_id) = &message.event.event_id {
            pack(&mut events, [message.app_id.uuid(), message.id.uuid()]);
            names.push(event_id);
        }
    }
    add(script, EVENTS, events, &names)
}

fn add_deliveries(
    script: &mut Script,
    fresh: &[&NewMessage],
    batch: IngestBatch<'_>,
) -> StoreResult<()> {
    let (mut ids, mut starts) = (Vec::new(), Vec::new());
    let (mut expansions, mut lanes) = (Vec::new(), HashMap::new());
    for message in fresh {
        let Deliveries::Now(deliveries) = &message.deliveries else {
            pack(&mut expansions, [message.app_id.uuid(), message.id.uuid()]);
            continue;
        };
        for delivery in deliveries {
            pack(&mut ids, [delivery.endpoint_id.uuid(), message.id.uuid()]);
            starts.push(match delivery.start {
                Start::Owned => START_OWNED,
                Start::Due => START_DUE,
                Start::Skipped => START_SKIPPED,
            });
            if delivery.start == Start::Due {
                lanes.insert(delivery.endpoint_id.uuid(), message.app_id.uuid());
            }
        }
    }
    let now = batch.now.micros();
    if !starts.is_empty() {
        let rows = as_json(&starts)?;
        script
            .add(DELIVERIES)
            .bind(ids)
            .bind(rows)
            .bind(batch.node)
            .bind(now);
    }
    let mut packed = Vec::new();
    for (endpoint, app) in &lanes {
        pack(&mut packed, [*endpoint, *app]);
    }
    for (text, packed) in [(LANES, packed), (EXPANSIONS, expansions)] {
        if !packed.is_empty() {
            let rows = as_json(&vec![0; packed.len() / 32])?;
            script.add(text).bind(packed).bind(rows).bind(now);
        }
    }
    Ok(())
}

/// Adds a bulk statement over packed bytes and one JSON value per row, if there are rows.
fn add(
    script: &mut Script,
    text: &str,
    packed: Vec<u8>,
    rows: &[impl Serialize],
) -> StoreResult<()> {
    if !rows.is_empty() {
        let rows = as_json(rows)?;
        script.add(text).bind(packed).bind(rows);
    }
    Ok(())
}

fn pack(into: &mut Vec<u8>, ids: [Uuid; 2]) {
    for id in ids {
        into.extend_from_slice(id.as_bytes());
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    sqlite: &[
        VERSIONS,
        MESSAGES,
        FULL_MESSAGES,
        PAYLOADS,
        KEY_ROWS,
        LOG_KEYS,
        DROP_KEYS,
        TAKEN_KEYS,
        MOVE_KEYS,
        EVENTS,
        DELIVERIES,
        LANES,
        EXPANSIONS,
    ],
    ..Statements::NONE
};
