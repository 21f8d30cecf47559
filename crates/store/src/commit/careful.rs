//! The path of a batch in which some key is taken or some message is refused.

use super::messages::taken::{Known, settled};
use super::messages::{IngestBatch, IngestResult, NewMessage};
use super::outcomes::{Applied, Outcome};
use super::writer::{Writer, Written};
use crate::engine::Engine;
use crate::engine::error::{StoreError, StoreResult, during};
#[cfg(test)]
use crate::engine::sql::Statements;

/// How often is looked again at who has a key that was in the way.
const LOOKS: u32 = 8;

/// Changes nothing: it waits as a commit does.
const CONFIRM: &str = "update publish_key set expires_at = expires_at where key = any($1)";

impl Writer {
    /// Answers those whose keys are taken, stores the rest, and halves what is
    /// refused until each culprit stands alone.
    pub(super) async fn careful(
        &mut self,
        batch: IngestBatch<'_>,
        outcomes: &[Outcome],
    ) -> StoreResult<Written> {
        let results = self.careful_messages(batch).await?;
        let empty = IngestBatch {
            messages: &[],
            ..batch
        };
        let mut applied = Vec::with_capacity(outcomes.len());
        let mut parts = vec![outcomes];
        while let Some(part) = parts.pop() {
            match Box::pin(self.optimistic(empty, part)).await {
                Ok(written) => applied.extend(written.outcomes),
                Err(error) if error.is_about_data() && part.len() > 1 => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.push(right);
                    parts.push(left);
                }
                Err(error) if error.is_about_data() => {
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
            results,
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
                Err(error) if error.is_about_data() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Applied::refused())
    }

    async fn careful_messages(&mut self, batch: IngestBatch<'_>) -> StoreResult<Vec<IngestResult>> {
        let mut known: Vec<Option<Known>> = self.store.taken(batch, &self.recent_keys).await?;
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
                    for (at, result) in open.into_iter().zip(written.results) {
                        known[at] = Some(Known::IngestResult(result));
                    }
                }
                Err(StoreError::Conflict(_)) if looks < LOOKS => {
                    looks += 1;
                    for (at, result) in self
                        .store
                        .taken(batch, &self.recent_keys)
                        .await?
                        .into_iter()
                        .enumerate()
                    {
                        known[at] = known[at].or(result);
                    }
                    parts.push(part);
                }
                Err(error) if error.is_about_data() && open.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                // Whoever is in the way has not committed yet: nothing is wrong with the message.
                Err(StoreError::Conflict(_)) => {
                    known[open[0]] = Some(Known::IngestResult(IngestResult::Stale));
                }
                Err(error) if error.is_about_data() => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a message was refused"
                    );
                    known[open[0]] = Some(Known::IngestResult(IngestResult::Refused));
                }
                Err(error) => return Err(error),
            }
        }
        let results = settled(batch.messages, &known);
        self.confirm(batch.messages, &results).await?;
        Ok(results)
    }

    /// Writes to the keys of earlier messages that are answered once more, and so waits for
    /// what their own commit may never have been answered for: a standby, a disk. On SQLite,
    /// what is seen has been synced.
    async fn confirm(
        &mut self,
        messages: &[NewMessage],
        results: &[IngestResult],
    ) -> StoreResult<()> {
        let mut keys: Vec<[u8; 16]> = messages
            .iter()
            .zip(results)
            .filter(|(_, result)| matches!(result, IngestResult::Replayed(_)))
            .filter_map(|(message, _)| Some(message.publish_key.as_ref()?.key))
            .collect();
        if keys.is_empty() || self.store.engine() == Engine::Sqlite {
            return Ok(());
        }
        // In the order in which every node takes them.
        keys.sort_unstable();
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
        sqlx::query(CONFIRM)
            .bind(keys)
            .execute(self.connection().await?)
            .await
            .map(|_| ())
            .map_err(during("confirming keys"))
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    postgres: &[CONFIRM],
    ..Statements::NONE
};
