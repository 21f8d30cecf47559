//! Messages: what was published, as lists and look-ups show it.

use std::time::Duration;

use postrider_domain::{AppId, MessageId, Timestamp};
use uuid::Uuid;

use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::page::{Page, PageRequest};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::{Store, row};
use crate::expiry::payload_key;

/// A message as stored. Its `Debug` does not show its payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, which also tells when it was accepted.
    pub id: MessageId,
    pub app_id: AppId,
    /// What kind of event it tells of.
    pub event_type: String,
    /// The id that the publisher gave it.
    pub event_id: Option<String>,
    pub channels: Option<Vec<String>>,
    /// Words that the publisher finds it by.
    pub tags: Option<Vec<String>>,
    /// The body as it was published; `None` if it has expired, was removed or was
    /// not asked for.
    pub payload: Option<Vec<u8>>,
    /// When the body goes.
    pub payload_expires_at: Timestamp,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("app_id", &self.app_id)
            .field("event_type", &self.event_type)
            .field("payload_bytes", &self.payload.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// Which messages a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only those of this channel.
    pub channel: Option<String>,
    /// Only those of this tag.
    pub tag: Option<String>,
    /// Only those of these event types; all if empty.
    pub event_types: Vec<String>,
    /// Only those accepted before this time, to the millisecond.
    pub before: Option<Timestamp>,
    /// Only those accepted at this time or later, to the millisecond.
    pub after: Option<Timestamp>,
    /// Whether to read the bodies.
    pub with_payload: bool,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    app_id: Uuid,
    event_type: String,
    event_id: Option<String>,
    channels: Option<String>,
    tags: Option<String>,
    payload_key: i64,
    body: Option<Vec<u8>>,
}

impl Row {
    pub(crate) fn into_message(self, now: Timestamp) -> StoreResult<Message> {
        let id = MessageId::from_uuid(self.id);
        let expires = payload_key::expires_at(self.payload_key);
        Ok(Message {
            id,
            app_id: AppId::from_uuid(self.app_id),
            event_type: self.event_type,
            event_id: self.event_id,
            channels: row::json("message", "channels", id, self.channels.as_deref())?,
            tags: row::json("message", "tags", id, self.tags.as_deref())?,
            // The row may outlive its time until the next clean-up.
            payload: self.body.filter(|_| expires > now),
            payload_expires_at: expires,
        })
    }
}

/// The columns of [`Row`] and, if asked for, the body from [`payload_join`].
pub(crate) fn columns(with_payload: bool) -> &'static str {
    if with_payload {
        "m.id, m.app_id, m.event_type, m.event_id, m.channels, m.tags, m.payload_key, p.body"
    } else {
        "m.id, m.app_id, m.event_type, m.event_id, m.channels, m.tags, m.payload_key, null as body"
    }
}

pub(crate) fn payload_join(with_payload: bool) -> &'static str {
    if with_payload {
        " left join payload p on p.key = m.payload_key"
    } else {
        ""
    }
}

/// Adds the conditions on a message's event type, channel and tag.
pub(crate) fn content_filter(
    sql: &mut Sql,
    event_types: &[String],
    channel: Option<&str>,
    tag: Option<&str>,
) {
    sql.and_in("m.event_type", event_types);
    for (column, name) in [("m.channels", channel), ("m.tags", tag)] {
        if let Some(name) = name {
            // Kept as a JSON array of names without quotes inside, so a name in quotes
            // occurs in the text only if it is one of them.
            sql.push(" and replace(")
                .push(column)
                .push(", ")
                .bind(format!("\"{name}\"").as_str())
                .push(", '') <> ")
                .push(column);
        }
    }
}

/// How old a message is before a page that walks towards the newest shows it. Ids are
/// minted before their commit, and a slower node's commit may come after a younger one's:
/// whoever went on from the younger would never see the older.
const SETTLING: Duration = Duration::from_secs(2);

/// `before`, and where the page walks towards the newest, nothing younger than `settling`.
pub(crate) fn settled<K: Clone>(
    before: Option<Timestamp>,
    page: &PageRequest<K>,
    now: Timestamp,
    settling: Duration,
) -> Option<Timestamp> {
    if page.sql_descending() {
        return before;
    }
    let settled = now.minus(settling);
    Some(before.map_or(settled, |before| before.min(settled)))
}

impl MessageFilter {
    /// The filter without what a page that walks towards the newest must not show yet.
    pub(crate) fn settled(self, page: &PageRequest<MessageId>, now: Timestamp) -> Self {
        Self {
            before: settled(self.before, page, now, SETTLING),
            ..self
        }
    }
}

/// Adds the conditions on an id's time, whose floor is `floor`.
pub(crate) fn time_filter(
    sql: &mut Sql,
    column: &str,
    (after, before): (Option<Timestamp>, Option<Timestamp>),
    floor: impl Fn(Timestamp) -> Uuid,
) {
    if let Some(after) = after {
        sql.push(" and ")
            .push(column)
            .push(" >= ")
            .bind(floor(after));
    }
    if let Some(before) = before {
        sql.push(" and ")
            .push(column)
            .push(" < ")
            .bind(floor(before));
    }
}

/// The statement of [`Store::messages`].
pub(crate) fn list(app: AppId, filter: &MessageFilter, page: &PageRequest<MessageId>) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(columns(filter.with_payload))
        .push(" from message m")
        .push(payload_join(filter.with_payload))
        .push(" where m.app_id = ")
        .bind(app.uuid());
    time_filter(&mut sql, "m.id", (filter.after, filter.before), |time| {
        MessageId::floor(time).uuid()
    });
    content_filter(
        &mut sql,
        &filter.event_types,
        filter.channel.as_deref(),
        filter.tag.as_deref(),
    );
    sql.page("m.id", page, |id: MessageId| id.uuid().into());
    sql
}

/// The statement of [`Store::messages_of`].
pub(crate) fn by_ids(app: AppId, ids: &[MessageId]) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(columns(false))
        .push(" from message m where m.app_id = ")
        .bind(app.uuid())
        .push(" and m.id in ");
    for (index, id) in ids.iter().enumerate() {
        sql.push(if index == 0 { "(" } else { ", " })
            .bind(id.uuid());
    }
    sql.push(")");
    sql
}

const PAYLOAD_KEY: &str = "select payload_key from message where app_id = $1 and id = $2";
const EXPUNGE: &str = "delete from payload where key = $1";

/// The statement of [`Store::message`].
pub(crate) fn one(app: AppId, id_or_event_id: &str, with_payload: bool) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(columns(with_payload))
        .push(" from message m")
        .push(payload_join(with_payload))
        .push(" where m.app_id = ")
        .bind(app.uuid());
    // An event id never begins as a message id does.
    match id_or_event_id.parse::<MessageId>() {
        Ok(id) => sql.push(" and m.id = ").bind(id.uuid()),
        Err(_) => sql
            .push(" and m.id = (select k.message_id from event_key k where k.app_id = ")
            .bind(app.uuid())
            .push(" and k.event_id = ")
            .bind(id_or_event_id)
            .push(")"),
    };
    sql
}

impl Store {
    /// The application's messages of these ids, without their bodies, in no order.
    pub async fn messages_of(&self, app: AppId, ids: &[MessageId]) -> StoreResult<Vec<Message>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = self.read("reading messages").all(by_ids(app, ids)).await?;
        let now = self.clock.now();
        rows.into_iter().map(|row| row.into_message(now)).collect()
    }

    /// The application's message of this id or event id.
    pub async fn message(
        &self,
        app: AppId,
        id_or_event_id: &str,
        with_payload: bool,
    ) -> StoreResult<Message> {
        let rows: Vec<Row> = self
            .read("reading a message")
            .all(one(app, id_or_event_id, with_payload))
            .await?;
        let row = rows.into_iter().next();
        row.ok_or(StoreError::NotFound(Entity::Message))?
            .into_message(self.clock.now())
    }

    /// A page of the application's messages, by id, which is by time. One that walks
    /// towards the newest ends 2 s before now.
    pub async fn messages(
        &self,
        app: AppId,
        filter: MessageFilter,
        page: PageRequest<MessageId>,
    ) -> StoreResult<Page<Message>> {
        let now = self.clock.now();
        let filter = filter.settled(&page, now);
        let rows: Vec<Row> = self
            .read("listing messages")
            .all(list(app, &filter, &page))
            .await?;
        let rows = rows.into_iter().map(|row| row.into_message(now));
        page.finish(rows.collect::<StoreResult<_>>()?)
    }

    /// Removes the body of a message. Removing it again changes nothing.
    pub async fn delete_payload(&self, app: AppId, id: MessageId) -> StoreResult<()> {
        let key: Option<i64> = self
            .read("reading a message")
            .optional_scalar(Sql::new(PAYLOAD_KEY).with(app.uuid()).with(id.uuid()))
            .await?;
        let key = key.ok_or(StoreError::NotFound(Entity::Message))?;
        self.write("removing a payload")
            .run(Sql::new(EXPUNGE).with(key))
            .await
            .map(|_| ())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[PAYLOAD_KEY, EXPUNGE],
    ..Statements::NONE
};
