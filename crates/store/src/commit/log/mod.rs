//! The commit log: what each commit wrote, in a few bytes, written with it.
//!
//! One row a commit costs what is hot next to nothing. The roll-ups of the statistics
//! are made of it later (see `history/stat/roll.rs`), exactly once, since a row is marked in the
//! transaction that counts it; whoever follows what happens reads it until it goes; and a
//! row *owes* until each delivery that its commit wrote in its node's hand has ended or
//! stands in an index (see `due/owed/`).

pub(crate) mod owned;

use std::time::Duration;

use postrider_domain::{
    AppId, AttemptId, AttemptStatus, EndpointId, InboxId, InboxRequestId, MessageId, OrgId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commit::messages::NewMessage;
use crate::commit::outcomes::{Outcome, Step};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// The first byte of a body. What another version wrote is left to a node that can read it.
const VERSION: u8 = 1;
/// For how long rows stay when they have been rolled up.
const KEPT: Duration = Duration::from_mins(6);
/// Rows that one statement removes at most.
const CHUNK: i64 = 500;

/// Bind now and the body: of what no node has in hand.
pub(crate) const INSERT: &str = "insert into journal (at, body, owes) values ($1, $2, false)";

/// A row, as it lies in the table.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) body: Vec<u8>,
    /// The node whose commit it was; `None`: nothing was in a node's hand, or the version
    /// before wrote it.
    pub(crate) node: Option<i64>,
    pub(crate) owned: Option<Vec<u8>>,
    /// Whether every scheduled outcome of it moved its delivery.
    pub(crate) whole: bool,
    pub(crate) owes: bool,
}

/// Which row: its number, and when its commit was, since a database that went back gives the
/// number to another commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowId {
    pub(crate) seq: i64,
    pub(crate) at: i64,
}

impl Row {
    pub(crate) fn id(&self) -> RowId {
        RowId {
            seq: self.seq,
            at: self.at,
        }
    }
}

impl LoggedCommit {
    pub(crate) fn row(&self) -> RowId {
        RowId {
            seq: self.seq,
            at: self.at.micros(),
        }
    }
}

/// What one commit wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedCommit {
    /// The number of the commit: they do not become visible in its order.
    pub seq: i64,
    /// When it was about to be committed.
    pub at: Timestamp,
    /// Messages that were stored.
    pub messages: Vec<LoggedMessage>,
    /// Attempts that were recorded.
    pub attempts: Vec<LoggedAttempt>,
    /// Requests that inboxes received.
    pub requests: Vec<LoggedRequest>,
}

/// A message that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedMessage {
    pub app_id: AppId,
    pub id: MessageId,
    /// What kind of event it tells of.
    pub event_type: String,
}

/// An attempt that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAttempt {
    pub app_id: AppId,
    pub endpoint_id: EndpointId,
    pub message_id: MessageId,
    /// Its id, which also tells when it began.
    pub id: AttemptId,
    /// What kind of event the message tells of.
    pub event_type: String,
    /// Whether a 2xx answered.
    pub succeeded: bool,
    /// Whether it was the delivery's first.
    pub first: bool,
    /// Whether it was made by the delivery's own schedule: it moved the delivery, if every
    /// such attempt of its commit did.
    pub scheduled: bool,
    /// The status of the answer; 0 without one.
    pub http_status: u16,
    /// How long it took.
    pub duration: Duration,
    /// When the next one is due.
    pub next_at: Option<Timestamp>,
}

/// A request that an inbox received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    pub org_id: OrgId,
    /// The application that the inbox is tied to.
    pub app_id: Option<AppId>,
    pub inbox_id: InboxId,
    /// The request.
    pub id: InboxRequestId,
}

/// What a body holds: event types once each, and rows that name them by number.
#[derive(Default, Serialize, Deserialize)]
struct Body {
    event_types: Vec<String>,
    messages: Vec<(Uuid, Uuid, u32)>,
    attempts: Vec<PackedAttempt>,
    requests: Vec<(Uuid, Option<Uuid>, Uuid, Uuid)>,
}

#[derive(Serialize, Deserialize)]
struct PackedAttempt {
    app: Uuid,
    endpoint: Uuid,
    message: Uuid,
    id: Uuid,
    event_type: u32,
    /// Bit 0: it succeeded; bit 1: it was the first; bit 2: it was scheduled.
    flags: u8,
    http_status: u16,
    duration_us: u64,
    next_at: Option<i64>,
}

/// A body under construction.
#[derive(Default)]
struct Packer<'a> {
    body: Body,
    /// The last event type seen: most batches have one.
    last: Option<(&'a str, u32)>,
}

impl<'a> Packer<'a> {
    fn event_type(&mut self, name: &'a str) -> u32 {
        if let Some((last, at)) = self.last
            && last == name
        {
            return at;
        }
        let known = self.body.event_types.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.body.event_types.push(name.to_owned());
            self.body.event_types.len() - 1
        }) as u32;
        self.last = Some((name, at));
        at
    }

    fn message(&mut self, message: &'a NewMessage) {
        let event_type = self.event_type(&message.event.event_type);
        let row = (message.app_id.uuid(), message.id.uuid(), event_type);
        self.body.messages.push(row);
    }

    fn outcome(&mut self, outcome: &'a Outcome) {
        let Some(attempt) = &outcome.attempt else {
            return;
        };
        let event_type = self.event_type(&outcome.event_type);
        let succeeded = u8::from(attempt.status == AttemptStatus::Success);
        let scheduled = u8::from(matches!(outcome.step, Step::Scheduled { .. }));
        self.body.attempts.push(PackedAttempt {
            app: outcome.app_id.uuid(),
            endpoint: outcome.endpoint_id.uuid(),
            message: outcome.message_id.uuid(),
            id: attempt.id.uuid(),
            event_type,
            flags: succeeded | u8::from(attempt.number == 1) << 1 | scheduled << 2,
            http_status: attempt.http_status,
            duration_us: u64::try_from(attempt.duration.as_micros()).unwrap_or(u64::MAX),
            next_at: attempt.next_at.map(Timestamp::micros),
        });
    }
}

/// The body of a commit; `None` if there is nothing to tell of it.
pub(crate) fn pack<'a>(
    messages: impl IntoIterator<Item = &'a NewMessage>,
    outcomes: &'a [Outcome],
) -> Option<Vec<u8>> {
    let mut packer = Packer::default();
    for message in messages {
        packer.message(message);
    }
    for outcome in outcomes {
        packer.outcome(outcome);
    }
    written(&packer.body)
}

/// The body of a request to an inbox.
pub(crate) fn pack_request(request: &LoggedRequest) -> Option<Vec<u8>> {
    written(&Body {
        requests: vec![(
            request.org_id.uuid(),
            request.app_id.map(AppId::uuid),
            request.inbox_id.uuid(),
            request.id.uuid(),
        )],
        ..Body::default()
    })
}

fn written(body: &Body) -> Option<Vec<u8>> {
    if body.messages.is_empty() && body.attempts.is_empty() && body.requests.is_empty() {
        return None;
    }
    let room = 64 + body.messages.len() * 36 + body.attempts.len() * 86;
    let mut bytes = Vec::with_capacity(room);
    bytes.push(VERSION);
    // Writing to memory fails for no value of ours.
    postcard::to_extend(body, bytes).ok()
}

/// What a row holds; `None` if it cannot be read, as when a newer version wrote it.
pub(crate) fn unpack(seq: i64, at: i64, bytes: &[u8]) -> Option<LoggedCommit> {
    let body: Body = match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).ok()?,
        _ => return None,
    };
    let types = body.event_types;
    let event_type = |at: u32| types.get(at as usize).cloned().unwrap_or_default();
    let messages = body
        .messages
        .into_iter()
        .map(|(app, id, at)| LoggedMessage {
            app_id: AppId::from_uuid(app),
            id: MessageId::from_uuid(id),
            event_type: event_type(at),
        });
    let attempts = body.attempts.into_iter().map(|one| LoggedAttempt {
        app_id: AppId::from_uuid(one.app),
        endpoint_id: EndpointId::from_uuid(one.endpoint),
        message_id: MessageId::from_uuid(one.message),
        id: AttemptId::from_uuid(one.id),
        event_type: event_type(one.event_type),
        succeeded: one.flags & 1 != 0,
        first: one.flags & 2 != 0,
        scheduled: one.flags & 4 != 0,
        http_status: one.http_status,
        duration: Duration::from_micros(one.duration_us),
        next_at: one.next_at.map(Timestamp::from_micros),
    });
    let requests = body
        .requests
        .into_iter()
        .map(|(org, app, inbox, id)| LoggedRequest {
            org_id: OrgId::from_uuid(org),
            app_id: app.map(AppId::from_uuid),
            inbox_id: InboxId::from_uuid(inbox),
            id: InboxRequestId::from_uuid(id),
        });
    Some(LoggedCommit {
        seq,
        at: Timestamp::from_micros(at),
        messages: messages.collect(),
        attempts: attempts.collect(),
        requests: requests.collect(),
    })
}

/// The statement of [`Store::commits_since`].
pub(crate) fn since(at: Timestamp, most: u16) -> Sql {
    let mut sql = Sql::new("select seq, at from journal where at >= ");
    sql.bind(at.micros())
        .push(" order by at limit ")
        .bind(i64::from(most));
    sql
}

/// The statement of [`Store::logged`].
pub(crate) fn bodies(seqs: &[i64]) -> Sql {
    let mut sql = Sql::new("select seq, at, body from journal where seq in ");
    for (index, seq) in seqs.iter().enumerate() {
        sql.push(if index == 0 { "(" } else { ", " }).bind(*seq);
    }
    sql.push(")");
    sql
}

const TRIM: &str = "delete from journal where seq in (select seq from journal where at < $1 and rolled and not owes limit $2)";

impl Store {
    /// The oldest `most` commits from `since` on, oldest first, and when each was. Ask with
    /// some overlap and skip what has been seen: one can become visible after a later one.
    pub async fn commits_since(
        &self,
        since: Timestamp,
        most: u16,
    ) -> StoreResult<Vec<(i64, Timestamp)>> {
        let rows: Vec<(i64, i64)> = self
            .read("reading the commit log")
            .all(self::since(since, most))
            .await?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(seq, at)| (seq, Timestamp::from_micros(at)))
            .collect())
    }

    /// What these commits wrote, oldest first; those that are gone, or that a newer version
    /// wrote, are left out.
    pub async fn logged(&self, seqs: &[i64]) -> StoreResult<Vec<LoggedCommit>> {
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, i64, Vec<u8>)> = self
            .read("reading the commit log")
            .all(bodies(seqs))
            .await?;
        let mut all: Vec<LoggedCommit> = rows
            .into_iter()
            .filter_map(|(seq, at, body)| unpack(seq, at, &body))
            .collect();
        all.sort_by_key(|one| (one.at, one.seq));
        Ok(all)
    }

    /// Removes a chunk of what has been rolled up, owes nothing, and nobody goes back to any
    /// more. Says whether there may be more.
    pub async fn trim_journal(&self) -> StoreResult<bool> {
        let before = self.clock.now().minus(KEPT).micros();
        let removed = self
            .write("trimming the commit log")
            .run(Sql::new(TRIM).with(before).with(CHUNK))
            .await?;
        Ok(removed == CHUNK.unsigned_abs())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[INSERT, TRIM],
    ..Statements::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_another_version_or_of_none_is_not_taken_for_an_empty_one() {
        for bytes in [
            &[][..],
            &[0],
            &[VERSION],
            &[VERSION, 255, 255, 255],
            &[VERSION + 1, 0, 0, 0, 0],
        ] {
            assert_eq!(unpack(1, 2, bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_request_survives_its_bytes_and_nothing_is_no_body() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let request = LoggedRequest {
            org_id: OrgId::mint(now),
            app_id: Some(AppId::mint(now)),
            inbox_id: InboxId::mint(now),
            id: InboxRequestId::mint(now),
        };
        let body = pack_request(&request).unwrap();
        assert_eq!(
            unpack(7, now.micros(), &body).map(|logged| logged.requests),
            Some(vec![request])
        );
        assert_eq!(pack([], &[]), None);
    }
}
