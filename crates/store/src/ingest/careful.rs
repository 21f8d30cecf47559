//! The path of a batch in which some key is taken or some message is refused.

use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, MessageId};
use uuid::Uuid;

use super::{IngestBatch, NewMessage, Writer, Written, is_about_data};
use crate::db::Db;
use crate::error::wrong;
use crate::outcome::{Applied, Outcome};
use crate::sql::Sql;
use crate::{Engine, Store, StoreError, StoreResult};

/// Keys in one statement.
const CHUNK: usize = 64;
/// How often is looked again at who has a key that was in the way.
const LOOKS: u32 = 8;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is durable.
    Stored,
    /// Its idempotency key had stored this one before.
    Replayed(MessageId),
    /// Its idempotency key had stored another body.
    Mismatch,
    /// Its event id is another message's.
    EventIdTaken,
    /// Its application has changed, or others were in its way again and again: plan it again.
    Stale,
    /// The database refuses its data.
    Refused,
}

impl Writer {
    /// Answers those whose keys are taken, stores the rest, and halves what is
    /// refused until each culprit stands alone.
    pub(super) async fn careful(
        &mut self,
        batch: IngestBatch<'_>,
        outcomes: &[Outcome],
    ) -> StoreResult<Written> {
        let fates = self.careful_messages(batch).await?;
        let empty = IngestBatch {
            messages: &[],
            ..batch
        };
        let mut applied = Vec::with_capacity(outcomes.len());
        let mut parts = vec![outcomes];
        while let Some(part) = parts.pop() {
            match Box::pin(self.optimistic(empty, part)).await {
                Ok(written) => applied.extend(written.outcomes),
                Err(error) if is_about_data(&error) && part.len() > 1 => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.push(right);
                    parts.push(left);
                }
                Err(error) if is_about_data(&error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "an outcome was refused"
                    );
                    applied.push(self.with_less(empty, &part[0]).await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Written {
            fates,
            outcomes: applied,
        })
    }

    /// Writes an outcome whose record is refused with as much of the record as is taken: the
    /// delivery must move on, or it would be repeated for ever.
    async fn with_less(
        &mut self,
        empty: IngestBatch<'_>,
        outcome: &Outcome,
    ) -> StoreResult<Applied> {
        for less in outcome.lessened() {
            match Box::pin(self.optimistic(empty, std::slice::from_ref(&less))).await {
                Ok(written) => {
                    let applied = written.outcomes.first().copied();
                    return Ok(applied.unwrap_or_else(Applied::refused));
                }
                Err(error) if is_about_data(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Applied::refused())
    }

    async fn careful_messages(&mut self, batch: IngestBatch<'_>) -> StoreResult<Vec<Fate>> {
        let mut known: Vec<Option<Known>> = self.store.taken(batch).await?;
        let mut parts = Vec::new();
        parts.push(0..batch.messages.len());
        // Another node can take a key between the look and the insert: look again.
        let mut looks = 0;
        while let Some(part) = parts.pop() {
            let open: Vec<usize> = part.clone().filter(|&at| known[at].is_none()).collect();
            let messages: Vec<NewMessage> =
                open.iter().map(|&at| batch.messages[at].clone()).collect();
            let attempt = IngestBatch {
                messages: &messages,
                ..batch
            };
            match Box::pin(self.optimistic(attempt, &[])).await {
                Ok(written) => {
                    for (at, fate) in open.into_iter().zip(written.fates) {
                        known[at] = Some(Known::Fate(fate));
                    }
                }
                Err(StoreError::Conflict(_)) if looks < LOOKS => {
                    looks += 1;
                    for (at, fate) in self.store.taken(batch).await?.into_iter().enumerate() {
                        known[at] = known[at].or(fate);
                    }
                    parts.push(part);
                }
                Err(error) if is_about_data(&error) && open.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                // Whoever is in the way has not committed yet: nothing is wrong with the message.
                Err(StoreError::Conflict(_)) => known[open[0]] = Some(Known::Fate(Fate::Stale)),
                Err(error) if is_about_data(&error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a message was refused"
                    );
                    known[open[0]] = Some(Known::Fate(Fate::Refused));
                }
                Err(error) => return Err(error),
            }
        }
        let fates = settled(batch.messages, &known);
        self.confirm(batch.messages, &fates).await?;
        Ok(fates)
    }

    /// Writes to the keys of earlier messages that are answered once more, and so waits for
    /// what their own commit may never have been answered for: a standby, a disk. On SQLite,
    /// what is seen has been synced.
    async fn confirm(&mut self, messages: &[NewMessage], fates: &[Fate]) -> StoreResult<()> {
        let mut keys: Vec<[u8; 16]> = messages
            .iter()
            .zip(fates)
            .filter(|(_, fate)| matches!(fate, Fate::Replayed(_)))
            .filter_map(|(message, _)| Some(message.publish_key.as_ref()?.key))
            .collect();
        if keys.is_empty() || self.store.engine() == Engine::Sqlite {
            return Ok(());
        }
        // In the order in which every node takes them.
        keys.sort_unstable();
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
        sqlx::query("update publish_key set expires_at = expires_at where key = any($1)")
            .bind(keys)
            .execute(self.connection().await?)
            .await
            .map(|_| ())
            .map_err(wrong("confirming keys"))
    }
}

/// What is known of a message before it is written.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// How it ends.
    Fate(Fate),
    /// It has the idempotency key of an earlier message of the batch, with the same body
    /// or not, and shares what becomes of that one.
    SameKey { leader: usize, same_body: bool },
    /// It has the event id of an earlier message of the batch.
    SameEvent { leader: usize },
}

/// The fates of all, once those that lead are known.
fn settled(messages: &[NewMessage], known: &[Option<Known>]) -> Vec<Fate> {
    let mut fates: Vec<Fate> = Vec::with_capacity(known.len());
    for one in known {
        // A leader comes before those that follow it.
        let fate = match *one {
            Some(Known::Fate(fate)) => fate,
            Some(Known::SameKey { leader, same_body }) => match fates[leader] {
                Fate::Stored if same_body => Fate::Replayed(messages[leader].id),
                Fate::Stored => Fate::Mismatch,
                other => other,
            },
            Some(Known::SameEvent { leader }) => match fates[leader] {
                Fate::Stored => Fate::EventIdTaken,
                // Nobody has the id now: this one may try again.
                _ => Fate::Stale,
            },
            None => Fate::Refused,
        };
        fates.push(fate);
    }
    fates
}

impl Store {
    /// What is known of each message from the keys that are taken; expired keys are
    /// removed.
    async fn taken(&self, batch: IngestBatch<'_>) -> StoreResult<Vec<Option<Known>>> {
        let keys = self.keys_taken(batch).await?;
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
    ) -> StoreResult<HashMap<Vec<u8>, (MessageId, Vec<u8>)>> {
        let mut taken = HashMap::new();
        let keys: Vec<&[u8]> = batch
            .messages
            .iter()
            .filter_map(|m| m.publish_key.as_ref())
            .map(|key| &key.key[..])
            .collect();
        for chunk in keys.chunks(CHUNK) {
            let mut expired = Sql::new("delete from publish_key where expires_at <= ");
            expired
                .bind(batch.now.micros())
                .push(" and key in ")
                .keys(chunk);
            expired.execute(self, "forgetting expired keys").await?;
            let mut look =
                Sql::new("select key, message_id, body_hash from publish_key where key in ");
            look.keys(chunk);
            let rows: Vec<(Vec<u8>, Uuid, Vec<u8>)> = look.fetch(self, "looking for keys").await?;
            taken.extend(
                rows.into_iter()
                    .map(|(key, id, hash)| (key, (MessageId::from_uuid(id), hash))),
            );
        }
        if let Db::Sqlite(db) = &*self.db {
            // Younger than what the table holds.
            for key in batch.messages.iter().filter_map(|m| m.publish_key.as_ref()) {
                if let Some((id, hash)) = db.recent_keys.holder(&key.key, batch.now) {
                    taken.insert(key.key.to_vec(), (id, hash.to_vec()));
                }
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
            let Some(event_id) = &message.event_id else {
                continue;
            };
            let app = message.app_id.uuid();
            let row: Option<Uuid> = read!(self, "looking for an event id", pool => sqlx::query_scalar(
                "select message_id from event_key where app_id = $1 and event_id = $2",
            ).bind(app).bind(event_id).fetch_optional(pool).await)?;
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
            return Some(Known::Fate(replay(*id, body_hash, &key.body_hash)));
        }
        if let Some(&(leader, body_hash)) = leaders.get(&key.key) {
            return Some(Known::SameKey {
                leader,
                same_body: body_hash == key.body_hash,
            });
        }
        leaders.insert(key.key, (at, key.body_hash));
    }
    let event_id = message.event_id.as_deref()?;
    if events.contains(&(message.app_id.uuid(), event_id.to_owned())) {
        return Some(Known::Fate(Fate::EventIdTaken));
    }
    let leader = event_leaders.insert((message.app_id, event_id), at)?;
    event_leaders.insert((message.app_id, event_id), leader);
    Some(Known::SameEvent { leader })
}

fn replay(id: MessageId, stored: &[u8], asked: &[u8]) -> Fate {
    if stored == asked {
        Fate::Replayed(id)
    } else {
        Fate::Mismatch
    }
}
