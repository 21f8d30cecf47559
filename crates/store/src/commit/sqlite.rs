//! The transaction that messages and outcomes share on SQLite, which has one writer.
//!
//! A statement per row would cost a hop to the driver's thread each; here each table
//! gets one (see `messages/sqlite.rs` and `outcomes/sqlite.rs`).

use std::collections::HashSet;

use postrider_domain::{MessageId, Timestamp};

use super::messages::recent_keys::RecentKeys;
use super::messages::sqlite::{OPERATION, add_messages, look};
use super::messages::{IngestBatch, NewMessage};
use super::outcomes::sqlite::{self as outcomes_of, Entry};
use super::outcomes::{Applied, Outcome};
use crate::engine::SqliteDb;
use crate::engine::error::StoreResult;
use crate::engine::script::Script;
use crate::engine::transaction::{BEGIN, SqliteTransaction};

/// Returns the messages whose applications have changed, which were not written, and
/// what became of the outcomes.
pub(super) async fn write(
    (db, keys): (&SqliteDb, &RecentKeys),
    batch: IngestBatch<'_>,
    outcomes: &[Outcome],
    now: Timestamp,
) -> StoreResult<(HashSet<MessageId>, Vec<Applied>)> {
    if batch.messages.is_empty() && outcomes.is_empty() {
        return Ok((HashSet::new(), Vec::new()));
    }
    let mut tx = SqliteTransaction::scripted(&db.write, OPERATION).await?;
    match write_in(&mut tx, keys, batch, outcomes, now).await {
        Ok(written) => Ok(written),
        Err(error) => Err(tx.rolled_back(error).await),
    }
}

/// In two calls of the driver, if nothing is out of the ordinary: one begins and looks,
/// the other writes and commits.
async fn write_in(
    tx: &mut SqliteTransaction,
    keys: &RecentKeys,
    batch: IngestBatch<'_>,
    outcomes: &[Outcome],
    now: Timestamp,
) -> StoreResult<(HashSet<MessageId>, Vec<Applied>)> {
    let mut script = Script::default();
    if batch.messages.is_empty() {
        script.add(BEGIN);
        let entry = Entry::again(batch.node, now, outcomes);
        let applied = outcomes_of::write(tx, script, outcomes, entry).await?;
        return Ok((HashSet::new(), applied));
    }
    let seen = look(tx, keys, batch).await?;
    let fresh: Vec<&NewMessage> = batch
        .messages
        .iter()
        .filter(|m| !seen.late.contains(&m.id))
        .collect();
    let (added, step) = add_messages(&mut script, keys, (batch, &fresh), &seen)?;
    let entry = Entry::new(batch.node, now, &fresh, outcomes);
    let applied = outcomes_of::write(tx, script, outcomes, entry).await?;
    keys.committed(&added, &step);
    Ok((seen.late, applied))
}
