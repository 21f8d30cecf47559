//! The path of a batch in which some key is taken or some message is refused.

use std::collections::{HashMap, HashSet};

use postrider_domain::MessageId;
use uuid::Uuid;

use super::{IngestBatch, NewMessage, Writer, Written, is_about_data};
use crate::outcome::Outcome;
use crate::{Store, StoreError, StoreResult};

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
    /// Its application has changed: plan it again.
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
                    applied.push(crate::outcome::Applied::refused());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Written {
            fates,
            outcomes: applied,
        })
    }

    async fn careful_messages(&mut self, batch: IngestBatch<'_>) -> StoreResult<Vec<Fate>> {
        let mut fates: Vec<Option<Fate>> = self.store.taken(batch).await?;
        let mut parts = Vec::new();
        parts.push(0..batch.messages.len());
        // Another node can take a key between the look and the insert: look again.
        let mut looks = 0;
        while let Some(part) = parts.pop() {
            let open: Vec<usize> = part.clone().filter(|&at| fates[at].is_none()).collect();
            let messages: Vec<NewMessage> =
                open.iter().map(|&at| batch.messages[at].clone()).collect();
            match Box::pin(self.optimistic(
                IngestBatch {
                    messages: &messages,
                    ..batch
                },
                &[],
            ))
            .await
            {
                Ok(written) => {
                    for (at, fate) in open.into_iter().zip(written.fates) {
                        fates[at] = Some(fate);
                    }
                }
                Err(StoreError::Conflict(_)) if looks < 8 => {
                    looks += 1;
                    for (at, fate) in self.store.taken(batch).await?.into_iter().enumerate() {
                        fates[at] = fates[at].or(fate);
                    }
                    parts.push(part);
                }
                Err(error) if is_about_data(&error) && open.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(error) if is_about_data(&error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a message was refused"
                    );
                    fates[open[0]] = Some(Fate::Refused);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(fates
            .into_iter()
            .map(|fate| fate.unwrap_or(Fate::Refused))
            .collect())
    }
}

impl Store {
    /// The fate of each message whose key is taken; expired keys are removed.
    async fn taken(&self, batch: IngestBatch<'_>) -> StoreResult<Vec<Option<Fate>>> {
        let mut fates = Vec::with_capacity(batch.messages.len());
        let (mut keys, mut event_ids) = (HashMap::new(), HashSet::new());
        for message in batch.messages {
            let mut fate = None;
            if let Some(key) = &message.publish_key {
                fate = match keys.get(&key.key) {
                    // The same key twice in one batch: the first one's.
                    Some(&(id, body_hash)) => Some(replay(id, body_hash, key.body_hash)),
                    None => self.key_taken(key, batch.now).await?,
                };
            }
            if fate.is_none()
                && let Some(event_id) = &message.event_id
            {
                let taken = !event_ids.insert((message.app_id, event_id.clone()))
                    || self.event_id_taken(message, event_id).await?;
                fate = taken.then_some(Fate::EventIdTaken);
            }
            if fate.is_none()
                && let Some(key) = &message.publish_key
            {
                keys.insert(key.key, (message.id, key.body_hash));
            }
            fates.push(fate);
        }
        Ok(fates)
    }

    async fn key_taken(
        &self,
        key: &super::PublishKey,
        now: postrider_domain::Timestamp,
    ) -> StoreResult<Option<Fate>> {
        write!(self, "forgetting an expired key", pool => sqlx::query(
            "delete from publish_key where key = $1 and expires_at <= $2",
        ).bind(&key.key[..]).bind(now.micros()).execute(pool).await.map(|_| ()))?;
        let row: Option<(Uuid, Vec<u8>)> = read!(self, "looking for a key", pool => sqlx::query_as(
            "select message_id, body_hash from publish_key where key = $1",
        ).bind(&key.key[..]).fetch_optional(pool).await)?;
        Ok(row.map(|(id, body_hash)| {
            replay(
                MessageId::from_uuid(id),
                <[u8; 16]>::try_from(body_hash).unwrap_or([0; 16]),
                key.body_hash,
            )
        }))
    }

    async fn event_id_taken(&self, message: &NewMessage, event_id: &str) -> StoreResult<bool> {
        let row: Option<Uuid> = read!(self, "looking for an event id", pool => sqlx::query_scalar(
            "select message_id from event_key where app_id = $1 and event_id = $2",
        ).bind(message.app_id.uuid()).bind(event_id).fetch_optional(pool).await)?;
        Ok(row.is_some())
    }
}

fn replay(id: MessageId, stored: [u8; 16], asked: [u8; 16]) -> Fate {
    if stored == asked {
        Fate::Replayed(id)
    } else {
        Fate::Mismatch
    }
}
