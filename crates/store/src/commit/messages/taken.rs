//! Whose idempotency keys and event ids a batch brings once more.

use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, MessageId, Timestamp};
use uuid::Uuid;

use super::recent_keys::RecentKeys;
use super::{IngestBatch, IngestResult, NewMessage};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Keys in one statement.
const CHUNK: usize = 64;

/// What is known of a message before it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// How it ends.
    IngestResult(IngestResult),
    /// It has the idempotency key of an earlier message of the batch, with the same body
    /// or not, and shares what becomes of that one.
    SameKey { leader: usize, same_body: bool },
    /// It has the event id of an earlier message of the batch.
    SameEvent { leader: usize },
}

/// The results of all, once those that lead are known.
pub(crate) fn settled(messages: &[NewMessage], known: &[Option<Known>]) -> Vec<IngestResult> {
    let mut results: Vec<IngestResult> = Vec::with_capacity(known.len());
    for one in known {
        // A leader comes before those that follow it.
        let result = match *one {
            Some(Known::IngestResult(result)) => result,
            Some(Known::SameKey { leader, same_body }) => match results[leader] {
                IngestResult::Stored if same_body => IngestResult::Replayed(messages[leader].id),
                IngestResult::Stored => IngestResult::Mismatch,
                other => other,
            },
            Some(Known::SameEvent { leader }) => match results[leader] {
                IngestResult::Stored => IngestResult::EventIdTaken,
                // Nobody has the id now: this one may try again.
                _ => IngestResult::Stale,
            },
            None => IngestResult::Refused,
        };
        results.push(result);
    }
    results
}

const EVENT_ID_HOLDER: &str =
    "select message_id from event_key where app_id = $1 and event_id = $2";

/// Removes those of the keys that have expired.
pub(crate) fn expired(now: Timestamp, keys: &[&[u8]]) -> Sql {
    let mut sql = Sql::new("delete from publish_key where expires_at <= ");
    sql.bind(now.micros()).push(" and key in ").keys(keys);
    sql
}

/// Which messages have the keys.
pub(crate) fn holders(keys: &[&[u8]]) -> Sql {
    let mut sql = Sql::new("select key, message_id, body_hash from publish_key where key in ");
    sql.keys(keys);
    sql
}

impl Store {
    /// What is known of each message from the keys that are taken; expired keys are
    /// removed.
    pub(crate) async fn taken(
        &self,
        batch: IngestBatch<'_>,
        recent: &RecentKeys,
    ) -> StoreResult<Vec<Option<Known>>> {
        let keys = self.keys_taken(batch, recent).await?;
        let events = self.event_ids_taken(batch).await?;
        let (mut leaders, mut event_leaders) = (HashMap::new(), HashMap::new());
        let mut known = Vec::with_capacity(batch.messages.len());
        for (at, message) in batch.messages.iter().enumerate() {
            known.push(self::known(
                message,
                at,
                (&keys, &events),
                (&mut leaders, &mut event_leaders),
            ));
        }
        Ok(known)
    }

    /// The idempotency keys of the batch that are in force.
    async fn keys_taken(
        &self,
        batch: IngestBatch<'_>,
        recent: &RecentKeys,
    ) -> StoreResult<HashMap<Vec<u8>, (MessageId, Vec<u8>)>> {
        let mut taken = HashMap::new();
        let keys: Vec<&[u8]> = batch
            .messages
            .iter()
            .filter_map(|m| m.publish_key.as_ref())
            .map(|key| &key.key[..])
            .collect();
        for chunk in keys.chunks(CHUNK) {
            self.write("forgetting expired keys")
                .run(expired(batch.now, chunk))
                .await?;
            let rows: Vec<(Vec<u8>, Uuid, Vec<u8>)> =
                self.read("looking for keys").all(holders(chunk)).await?;
            taken.extend(
                rows.into_iter()
                    .map(|(key, id, hash)| (key, (MessageId::from_uuid(id), hash))),
            );
        }
        // Younger than what the table holds; on PostgreSQL there are none.
        for key in batch.messages.iter().filter_map(|m| m.publish_key.as_ref()) {
            if let Some((id, hash)) = recent.holder(&key.key, batch.now) {
                taken.insert(key.key.to_vec(), (id, hash.to_vec()));
            }
        }
        Ok(taken)
    }

    /// The event ids of the batch that other messages have.
    async fn event_ids_taken(
        &self,
        batch: IngestBatch<'_>,
    ) -> StoreResult<HashSet<(Uuid, String)>> {
        let mut taken = HashSet::new();
        for message in batch.messages {
            let Some(event_id) = &message.event.event_id else {
                continue;
            };
            let app = message.app_id.uuid();
            let row: Option<Uuid> = self
                .read("looking for an event id")
                .optional_scalar(Sql::new(EVENT_ID_HOLDER).with(app).with(event_id))
                .await?;
            if row.is_some() {
                taken.insert((app, event_id.clone()));
            }
        }
        Ok(taken)
    }
}

type Taken<'a> = (
    &'a HashMap<Vec<u8>, (MessageId, Vec<u8>)>,
    &'a HashSet<(Uuid, String)>,
);
type Leaders<'a, 'b> = (
    &'a mut HashMap<[u8; 16], (usize, [u8; 16])>,
    &'a mut HashMap<(AppId, &'b str), usize>,
);

fn known<'b>(
    message: &'b NewMessage,
    at: usize,
    (keys, events): Taken<'_>,
    (leaders, event_leaders): Leaders<'_, 'b>,
) -> Option<Known> {
    if let Some(key) = &message.publish_key {
        if let Some((id, body_hash)) = keys.get(&key.key[..]) {
            return Some(Known::IngestResult(replay(*id, body_hash, &key.body_hash)));
        }
        if let Some(&(leader, body_hash)) = leaders.get(&key.key) {
            return Some(Known::SameKey {
                leader,
                same_body: body_hash == key.body_hash,
            });
        }
        leaders.insert(key.key, (at, key.body_hash));
    }
    let event_id = message.event.event_id.as_deref()?;
    if events.contains(&(message.app_id.uuid(), event_id.to_owned())) {
        return Some(Known::IngestResult(IngestResult::EventIdTaken));
    }
    let leader = event_leaders.insert((message.app_id, event_id), at)?;
    event_leaders.insert((message.app_id, event_id), leader);
    Some(Known::SameEvent { leader })
}

fn replay(id: MessageId, stored: &[u8], asked: &[u8]) -> IngestResult {
    if stored == asked {
        IngestResult::Replayed(id)
    } else {
        IngestResult::Mismatch
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[EVENT_ID_HOLDER],
    ..Statements::NONE
};
