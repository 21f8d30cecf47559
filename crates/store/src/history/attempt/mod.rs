//! Attempts, and where deliveries stand, as lists show them.

pub(crate) mod statements;

use std::time::Duration;

use postrider_domain::{
    AppId, AttemptId, AttemptStatus, DeliveryState, EndpointId, FailureKind, HeaderFamily,
    MessageId, NextReason, Schemes, Timestamp, Trigger,
};
use uuid::Uuid;

pub(crate) use self::statements::{count, list, list_endpoints, list_messages};
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::page::{Page, PageRequest};
use crate::engine::row;
use crate::engine::row::corrupt;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::history::message;
use crate::history::message::Message;
use crate::history::message::MessageFilter;
use crate::stored::endpoint;
use crate::stored::endpoint::Endpoint;

/// What stands in the place of an answer that was removed.
pub const EXPUNGED: &[u8] = b"EXPUNGED";

/// One attempt as stored. Its `Debug` shows neither the URL nor the answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: AttemptId,
    /// What was sent.
    pub message_id: MessageId,
    /// To which endpoint.
    pub endpoint_id: EndpointId,
    /// The endpoint's URL at the time.
    pub url: String,
    /// How it ended.
    pub status: AttemptStatus,
    /// The status of the answer; 0 without one.
    pub http_status: i16,
    /// Why it failed.
    pub failure: Option<FailureKind>,
    /// Why it failed, in words.
    pub failure_text: Option<String>,
    /// What made it happen.
    pub trigger: Trigger,
    /// 1 for the delivery's first attempt, and so on.
    pub number: i32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The signature headers that were sent, one a line, in the order of the schemes.
    pub signature: String,
    /// How the delivery was signed.
    pub signature_scheme: Schemes,
    /// The message's event type.
    pub event_type: String,
    /// What the body is; JSON if there is none.
    pub content_type: Option<String>,
    /// Which names the delivery's headers went by.
    pub header_family: HeaderFamily,
    /// The names of the custom headers that were sent.
    pub header_names: Vec<String>,
    /// The headers of the answer.
    pub response_headers: Option<Vec<(String, String)>>,
    /// The beginning of the answer's body.
    pub response_body: Option<Vec<u8>>,
    /// When the next attempt was then due.
    pub next_at: Option<Timestamp>,
    /// Why then, or why there was to be none.
    pub next_reason: NextReason,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt")
            .field("id", &self.id)
            .field("message_id", &self.message_id)
            .field("endpoint_id", &self.endpoint_id)
            .field("status", &self.status)
            .field("http_status", &self.http_status)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Which attempts a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Only those that ended so.
    pub status: Option<AttemptStatus>,
    /// Only those answered with this class: 0 (no answer), 100, 200, ... 500.
    pub status_class: Option<u16>,
    /// Only those of messages of this channel.
    pub channel: Option<String>,
    /// Only those of messages of this tag.
    pub tag: Option<String>,
    /// Only those of messages of these event types; all if empty.
    pub event_types: Vec<String>,
    /// Only those made before this time, to the millisecond.
    pub before: Option<Timestamp>,
    /// Only those made at this time or later, to the millisecond.
    pub after: Option<Timestamp>,
    /// Only those to this endpoint.
    pub endpoint: Option<EndpointId>,
}

/// As for messages, but an attempt's id is minted when it begins, and its row is written
/// when it has ended: up to the longest deadline (30 s) later.
const SETTLING: Duration = Duration::from_secs(32);

impl AttemptFilter {
    /// The filter without what a page that walks towards the newest must not show yet.
    fn settled(self, page: &PageRequest<AttemptId>, now: Timestamp) -> Self {
        Self {
            before: message::settled(self.before, page, now, SETTLING),
            ..self
        }
    }
}

/// Which of an endpoint's messages a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those that stand so with the endpoint.
    pub status: Option<AttemptStatus>,
    /// Conditions on the message itself.
    pub message: MessageFilter,
}

/// How many attempts ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointStats {
    /// A 2xx answer.
    pub success: u64,
    /// None: an attempt is written down when it has ended.
    pub pending: u64,
    /// None: an attempt is written down when it has ended.
    pub sending: u64,
    /// No 2xx answer.
    pub fail: u64,
    /// Ended by a person or by a change of the endpoint.
    pub canceled: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    message_id: Uuid,
    endpoint_id: Uuid,
    url: String,
    status: i16,
    http_status: i16,
    failure: Option<i16>,
    failure_text: Option<String>,
    trigger: i16,
    number: i32,
    started_at: i64,
    duration_us: i64,
    signature: String,
    header_family: i16,
    header_names: String,
    response_headers: Option<String>,
    response_body: Option<Vec<u8>>,
    next_at: Option<i64>,
    next_reason: i16,
    signature_scheme: Option<String>,
    event_type: String,
    content_type: Option<String>,
}

impl TryFrom<Row> for Attempt {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let id = AttemptId::from_uuid(row.id);
        let table = "attempt";
        let failure = row.failure;
        Ok(Self {
            id,
            message_id: MessageId::from_uuid(row.message_id),
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            url: row.url,
            status: row::code(table, "status", id, row.status)?,
            http_status: row.http_status,
            failure: failure
                .map(|code| row::code(table, "failure", id, code))
                .transpose()?,
            failure_text: row.failure_text,
            trigger: row::code(table, "trigger", id, row.trigger)?,
            number: row.number,
            started_at: Timestamp::from_micros(row.started_at),
            duration: u64::try_from(row.duration_us)
                .map(Duration::from_micros)
                .map_err(|_| corrupt(table, "duration_us", id))?,
            signature: row.signature,
            signature_scheme: row::json(
                "endpoint_revision",
                "signature_scheme",
                id,
                row.signature_scheme.as_deref(),
            )?
            .unwrap_or_default(),
            event_type: row.event_type,
            content_type: row.content_type,
            header_family: row::code("endpoint_revision", "header_family", id, row.header_family)?,
            header_names: row::json(
                "endpoint_revision",
                "header_names",
                id,
                Some(&row.header_names),
            )?
            .unwrap_or_default(),
            response_headers: row::json(
                table,
                "response_headers",
                id,
                row.response_headers.as_deref(),
            )?,
            response_body: row.response_body,
            next_at: row.next_at.map(Timestamp::from_micros),
            next_reason: row::code(table, "next_reason", id, row.next_reason)?,
        })
    }
}

/// Where a delivery stands, in the words of the API.
pub(crate) fn status_of(state: DeliveryState, attempts: i32) -> AttemptStatus {
    match state {
        DeliveryState::Succeeded => AttemptStatus::Success,
        DeliveryState::Pending if attempts == 0 => AttemptStatus::Pending,
        DeliveryState::Pending => AttemptStatus::Sending,
        DeliveryState::Exhausted => AttemptStatus::Fail,
        DeliveryState::Cancelled | DeliveryState::Skipped => AttemptStatus::Canceled,
    }
}

/// Where a delivery stands: columns beside those of a message or an endpoint.
#[derive(sqlx::FromRow)]
struct RowStatus {
    state: i16,
    attempts: i32,
    due_at: Option<i64>,
}

impl RowStatus {
    fn read(&self, id: Uuid) -> StoreResult<(AttemptStatus, Option<Timestamp>)> {
        let state = row::code("delivery", "state", id, self.state)?;
        let next = self
            .due_at
            .filter(|_| state == DeliveryState::Pending)
            .map(Timestamp::from_micros);
        Ok((status_of(state, self.attempts), next))
    }
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    #[sqlx(flatten)]
    message: message::Row,
    #[sqlx(flatten)]
    status: RowStatus,
}

#[derive(sqlx::FromRow)]
struct EndpointRow {
    #[sqlx(flatten)]
    endpoint: endpoint::Row,
    #[sqlx(flatten)]
    status: RowStatus,
    last_status: Option<i16>,
}

const EXPUNGE: &str = "update attempt set response_body = $4, response_headers = null where message_id = $2 and id = $3 \
    and exists (select 1 from message m where m.app_id = $1 and m.id = $2)";

impl Store {
    /// A page of a message's attempts, by id, which is by time. One that walks towards
    /// the newest ends 32 s before now.
    pub async fn attempts_by_message(
        &self,
        app: AppId,
        message: MessageId,
        filter: AttemptFilter,
        page: PageRequest<AttemptId>,
    ) -> StoreResult<Page<Attempt>> {
        let filter = filter.settled(&page, self.clock.now());
        let sql = list(app, ("a.message_id", message.uuid()), &filter, &page);
        self.page_of_attempts(sql, &page).await
    }

    /// A page of an endpoint's attempts, by id, which is by time. One that walks towards
    /// the newest ends 32 s before now.
    pub async fn attempts_by_endpoint(
        &self,
        app: AppId,
        endpoint: EndpointId,
        filter: AttemptFilter,
        page: PageRequest<AttemptId>,
    ) -> StoreResult<Page<Attempt>> {
        let filter = filter.settled(&page, self.clock.now());
        let sql = list(app, ("a.endpoint_id", endpoint.uuid()), &filter, &page);
        self.page_of_attempts(sql, &page).await
    }

    async fn page_of_attempts(
        &self,
        sql: Sql,
        page: &PageRequest<AttemptId>,
    ) -> StoreResult<Page<Attempt>> {
        let rows: Vec<Row> = self.read("listing attempts").all(sql).await?;
        page.finish(
            rows.into_iter()
                .map(Attempt::try_from)
                .collect::<StoreResult<_>>()?,
        )
    }

    /// One attempt of the application's message.
    pub async fn attempt(
        &self,
        app: AppId,
        message: MessageId,
        id: AttemptId,
    ) -> StoreResult<Attempt> {
        let one = statements::one(app, message, id);
        let row: Option<Row> = self.read("reading an attempt").optional(one).await?;
        row.ok_or(StoreError::NotFound(Entity::Attempt))?.try_into()
    }

    /// Removes what the receiver answered: [`EXPUNGED`] takes the body's place.
    pub async fn expunge_attempt(
        &self,
        app: AppId,
        message: MessageId,
        id: AttemptId,
    ) -> StoreResult<()> {
        let done = self
            .write("removing an answer")
            .run(
                Sql::new(EXPUNGE)
                    .with(app.uuid())
                    .with(message.uuid())
                    .with(id.uuid())
                    .with(EXPUNGED),
            )
            .await?;
        if done == 0 {
            return Err(StoreError::NotFound(Entity::Attempt));
        }
        Ok(())
    }

    /// A page of the messages for an endpoint, by id, each with where it stands
    /// (a failed attempt that will be repeated reads `Sending`) and when its next
    /// attempt is due. One that walks towards the newest ends 2 s before now.
    pub async fn endpoint_messages(
        &self,
        app: AppId,
        endpoint: EndpointId,
        mut filter: DeliveryFilter,
        page: PageRequest<MessageId>,
    ) -> StoreResult<Page<(Message, AttemptStatus, Option<Timestamp>)>> {
        let now = self.clock.now();
        filter.message = filter.message.settled(&page, now);
        let sql = list_messages(app, endpoint, &filter, &page);
        let rows: Vec<MessageRow> = self.read("listing an endpoint's messages").all(sql).await?;
        let rows = rows.into_iter().map(|row| {
            let message = row.message.into_message(now)?;
            let (status, next) = row.status.read(message.id.uuid())?;
            Ok((message, status, next))
        });
        page.finish(rows.collect::<StoreResult<_>>()?)
    }

    /// A page of the endpoints that a message is for, by id, deleted ones included,
    /// each with how the last attempt ended (where the delivery stands if there was
    /// none) and when the next one is due.
    pub async fn message_endpoints(
        &self,
        app: AppId,
        message: MessageId,
        page: PageRequest<EndpointId>,
    ) -> StoreResult<Page<(Endpoint, AttemptStatus, Option<Timestamp>)>> {
        let sql = list_endpoints(app, message, &page);
        let rows: Vec<EndpointRow> = self.read("listing a message's endpoints").all(sql).await?;
        let rows = rows.into_iter().map(|row| {
            let endpoint = row.endpoint.open(&self.cipher)?;
            let (status, next) = row.status.read(message.uuid())?;
            let last = row
                .last_status
                .map(|code| row::code("delivery", "last_status", message, code))
                .transpose()?;
            Ok((endpoint, last.unwrap_or(status), next))
        });
        page.finish(rows.collect::<StoreResult<_>>()?)
    }

    /// How the endpoint's attempts from `since` until before `until` ended.
    pub async fn endpoint_stats(
        &self,
        endpoint: EndpointId,
        since: Timestamp,
        until: Timestamp,
    ) -> StoreResult<EndpointStats> {
        let sql = count(endpoint, since, until);
        let rows: Vec<(i16, i64)> = self.read("counting attempts").all(sql).await?;
        let mut counts = EndpointStats::default();
        for (code, attempts) in rows {
            let status = row::code("attempt", "status", endpoint, code)?;
            *match status {
                AttemptStatus::Success => &mut counts.success,
                AttemptStatus::Pending => &mut counts.pending,
                AttemptStatus::Sending => &mut counts.sending,
                AttemptStatus::Fail => &mut counts.fail,
                AttemptStatus::Canceled => &mut counts.canceled,
            } = u64::try_from(attempts).unwrap_or(0);
        }
        Ok(counts)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[EXPUNGE],
    ..Statements::NONE
};
