//! Finding messages: a bounded look at the newest ones, and how their deliveries stand.

use const_format::formatcp;
use std::collections::HashMap;

use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::page::{Found, Page, PageRequest};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::history::message;
use crate::history::message::{Message, MessageFilter, Row};
use crate::stored::codes::{CANCELLED, EXHAUSTED, PENDING, SKIPPED, SUCCEEDED};

/// Messages that one look passes, at most, and deliveries that it asks for.
const PASSED: i64 = 5_000;
const ASKED: i64 = 15_000;

/// Which messages are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// An id, an event id, a tag, or how an event type begins.
    pub text: Option<String>,
    /// Only those of these event types; all if empty.
    pub event_types: Vec<String>,
    /// Only those of this channel.
    pub channel: Option<String>,
    /// Only those of this tag.
    pub tag: Option<String>,
    /// Only those with a delivery that stands so.
    pub status: Option<DeliveryStatus>,
    /// Only those for this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those accepted before this time.
    pub before: Option<Timestamp>,
    /// Only those accepted at this time or later.
    pub after: Option<Timestamp>,
}

/// How a delivery stands, as people look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It arrived; of a message: some have, and none stands otherwise but cancelled.
    Succeeded,
    /// Not tried yet.
    Pending,
    /// Tried in vain, and due again.
    Failing,
    /// Tried in vain, and given up.
    Exhausted,
    /// Ended by a person or by a change of the endpoint, or never begun.
    Canceled,
}

/// How many of a message's deliveries stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryStatuses {
    /// They arrived.
    pub succeeded: u64,
    /// Not tried yet.
    pub pending: u64,
    /// Tried in vain, and due again.
    pub failing: u64,
    /// Tried in vain, and given up.
    pub exhausted: u64,
    /// Ended by a person or by a change of the endpoint, or never begun.
    pub canceled: u64,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMessage {
    /// The message, without its body.
    pub message: Message,
    /// How its deliveries stand.
    pub standing: DeliveryStatuses,
}

/// The condition on a delivery `d` that stands so.
fn stands(standing: DeliveryStatus) -> &'static str {
    match standing {
        DeliveryStatus::Succeeded => formatcp!("d.state = {SUCCEEDED}"),
        DeliveryStatus::Pending => formatcp!("d.state = {PENDING} and d.attempts = 0"),
        DeliveryStatus::Failing => formatcp!("d.state = {PENDING} and d.attempts > 0"),
        DeliveryStatus::Exhausted => formatcp!("d.state = {EXHAUSTED}"),
        DeliveryStatus::Canceled => formatcp!("d.state in ({CANCELLED}, {SKIPPED})"),
    }
}

/// Adds "exists a delivery of `m` with `condition`": deliveries lie by endpoint.
/// PostgreSQL makes no join of a question with an offset: it asks for each message by itself,
/// and only for those that everything else lets through, where the join took 30 ms a look.
fn delivered(sql: &mut Sql, app: AppId, endpoint: Option<EndpointId>, condition: &str) {
    match endpoint {
        Some(endpoint) => sql
            .push("exists (select 1 from delivery d where d.endpoint_id = ")
            .bind(endpoint.uuid()),
        None => sql
            .push("exists (select 1 from endpoint e cross join delivery d where e.app_id = ")
            .bind(app.uuid())
            .push(" and d.endpoint_id = e.id"),
    };
    sql.push(" and d.message_id = m.id and ")
        .push(condition)
        .push(" limit 1 offset 0)");
}

fn range(sql: &mut Sql, app: AppId, query: &MessageQuery, page: &PageRequest<MessageId>) {
    sql.push(" from message m where m.app_id = ")
        .bind(app.uuid());
    message::time_filter(sql, "m.id", (query.after, query.before), |time| {
        MessageId::floor(time).uuid()
    });
    sql.cursor("m.id", page, |id: MessageId| id.uuid().into());
}

/// The last message that a look passes.
pub(crate) fn bound(
    app: AppId,
    query: &MessageQuery,
    page: &PageRequest<MessageId>,
    passed: i64,
) -> Sql {
    let mut sql = Sql::new("select m.id");
    range(&mut sql, app, query, page);
    sql.order("m.id", page)
        .push(" limit 1 offset ")
        .bind(passed - 1);
    sql
}

/// How far a look goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// As far as there are messages.
    End,
    /// Up to this one.
    To(MessageId),
    /// This one alone.
    Only(MessageId),
}

/// The statement of a look.
pub(crate) fn look(
    app: AppId,
    query: &MessageQuery,
    page: &PageRequest<MessageId>,
    reach: Reach,
) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(message::columns(false));
    range(&mut sql, app, query, page);
    match reach {
        Reach::End => {}
        Reach::To(id) => _ = sql.up_to("m.id", page, id.uuid()),
        Reach::Only(id) => _ = sql.push(" and m.id = ").bind(id.uuid()),
    }
    message::content_filter(
        &mut sql,
        &query.event_types,
        query.channel.as_deref(),
        query.tag.as_deref(),
    );
    if let Some(text) = &query.text {
        let quoted = format!("\"{text}\"");
        sql.push(" and (substr(m.event_type, 1, cast(")
            .bind(text.chars().count() as i64)
            .push(" as integer)) = ")
            .bind(text.as_str())
            .push(" or replace(m.tags, ")
            .bind(quoted.as_str())
            .push(", '') <> m.tags)");
    }
    if let Some(status) = query.status {
        sql.push(" and ");
        delivered(&mut sql, app, query.endpoint, stands(status));
        if status == DeliveryStatus::Succeeded && query.endpoint.is_none() {
            sql.push(" and not ");
            delivered(
                &mut sql,
                app,
                None,
                formatcp!("d.state in ({PENDING}, {EXHAUSTED})"),
            );
        }
    } else if query.endpoint.is_some() {
        sql.push(" and ");
        delivered(&mut sql, app, query.endpoint, "true");
    }
    sql.order("m.id", page).push(" limit ").bind(page.fetch());
    sql
}

/// How the deliveries of these messages stand.
pub(crate) fn standings(app: AppId, endpoint: Option<EndpointId>, messages: &[Uuid]) -> Sql {
    let mut sql = Sql::new(
        "select d.message_id, d.state, count(*), count(case when d.attempts > 0 then 1 end) ",
    );
    match endpoint {
        Some(endpoint) => sql
            .push("from delivery d where d.endpoint_id = ")
            .bind(endpoint.uuid()),
        None => sql
            .push("from endpoint e cross join delivery d where e.app_id = ")
            .bind(app.uuid())
            .push(" and d.endpoint_id = e.id"),
    };
    sql.and_ids("d.message_id", messages)
        .push(" group by d.message_id, d.state");
    sql
}

const COUNT_ENDPOINTS: &str = "select count(*) from endpoint where app_id = $1";

impl Store {
    /// A page of the application's messages that the query fits, by id, which is by time.
    /// The look passes a bounded number of messages: a page may be short, and more follow.
    pub async fn search_messages(
        &self,
        app: AppId,
        query: MessageQuery,
        page: PageRequest<MessageId>,
    ) -> StoreResult<Found<FoundMessage, MessageId>> {
        let now = self.clock.now();
        if let Some(id) = self.named(app, &query).await? {
            let query = MessageQuery {
                text: None,
                ..query
            };
            let sql = look(app, &query, &page, Reach::Only(id));
            let messages = self.looked(sql, now).await?;
            return self
                .with_standings(app, &query, page.found(messages, None)?)
                .await;
        }
        let settled = MessageFilter {
            before: query.before,
            ..MessageFilter::default()
        };
        let query = MessageQuery {
            before: settled.settled(&page, now).before,
            ..query
        };
        let passed = self.passed(app, &query).await?;
        let rows: Vec<(Uuid,)> = self
            .read("searching messages")
            .all(bound(app, &query, &page, passed))
            .await?;
        let bound = rows.first().map(|row| MessageId::from_uuid(row.0));
        let sql = look(app, &query, &page, bound.map_or(Reach::End, Reach::To));
        let messages = self.looked(sql, now).await?;
        self.with_standings(app, &query, page.found(messages, bound)?)
            .await
    }

    /// How many messages a look may pass: each costs a question per endpoint, where the
    /// standing of deliveries is asked for.
    async fn passed(&self, app: AppId, query: &MessageQuery) -> StoreResult<i64> {
        if query.status.is_none() || query.endpoint.is_some() {
            return Ok(PASSED);
        }
        let endpoints: i64 = self
            .read("counting endpoints")
            .scalar(Sql::new(COUNT_ENDPOINTS).with(app.uuid()))
            .await?;
        Ok((ASKED / endpoints.max(1)).clamp(100, PASSED))
    }

    async fn looked(&self, sql: Sql, now: Timestamp) -> StoreResult<Vec<Message>> {
        let rows: Vec<Row> = self.read("searching messages").all(sql).await?;
        rows.into_iter().map(|row| row.into_message(now)).collect()
    }

    /// The message that the query's text names, if it names one.
    async fn named(&self, app: AppId, query: &MessageQuery) -> StoreResult<Option<MessageId>> {
        let Some(text) = &query.text else {
            return Ok(None);
        };
        match self.message(app, text, false).await {
            Ok(message) => Ok(Some(message.id)),
            Err(crate::engine::error::StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn with_standings(
        &self,
        app: AppId,
        query: &MessageQuery,
        found: Found<Message, MessageId>,
    ) -> StoreResult<Found<FoundMessage, MessageId>> {
        let Found {
            page,
            reached,
            backwards,
        } = found;
        let ids: Vec<Uuid> = page.rows.iter().map(|message| message.id.uuid()).collect();
        let standings = self.standings(app, query.endpoint, &ids).await?;
        let rows = page.rows.into_iter().map(|message| FoundMessage {
            standing: standings.get(&message.id).copied().unwrap_or_default(),
            message,
        });
        Ok(Found {
            page: Page {
                rows: rows.collect(),
                done: page.done,
            },
            reached,
            backwards,
        })
    }

    async fn standings(
        &self,
        app: AppId,
        endpoint: Option<EndpointId>,
        messages: &[Uuid],
    ) -> StoreResult<HashMap<MessageId, DeliveryStatuses>> {
        let mut all: HashMap<MessageId, DeliveryStatuses> = HashMap::new();
        if messages.is_empty() {
            return Ok(all);
        }
        let rows: Vec<(Uuid, i16, i64, i64)> = self
            .read("reading deliveries")
            .all(self::standings(app, endpoint, messages))
            .await?;
        for (message, state, count, tried) in rows {
            let id = MessageId::from_uuid(message);
            let (count, tried) = (count.unsigned_abs(), tried.unsigned_abs());
            let of = all.entry(id).or_default();
            match crate::engine::row::code("delivery", "state", id, state)? {
                DeliveryState::Succeeded => of.succeeded += count,
                DeliveryState::Pending => {
                    of.failing += tried;
                    of.pending += count - tried;
                }
                DeliveryState::Exhausted => of.exhausted += count,
                DeliveryState::Cancelled | DeliveryState::Skipped => of.canceled += count,
            }
        }
        Ok(all)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[COUNT_ENDPOINTS],
    ..Statements::NONE
};
