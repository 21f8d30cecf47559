//! Which messages a task deals with next: read outside of transactions, in pages, from
//! the endpoint's own deliveries or the application's own messages.

use postrider_domain::{AppId, DeliveryState, EndpointId, Filter, MessageId};
use uuid::Uuid;

use super::{CHUNK, Replayed, Window};
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::row;
use crate::engine::row::corrupt;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::history::attempt::status_of;

/// Pages that one step reads at most, if it finds little in them.
const PAGES: usize = 20;
/// Rows of a page when messages are picked to be dealt with, and when they are counted.
const PAGE: usize = 1_000;
const COUNTING_PAGE: usize = 5_000;
/// Messages that one step counts at most.
const COUNTED: usize = 20_000;

/// What a step deals with.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) messages: Vec<Uuid>,
    /// Everything up to here has been looked at.
    pub(super) upto: MessageId,
    /// Whether nothing follows.
    pub(super) last: bool,
}

/// Rows that come page by page.
struct Pages {
    picked: Picked,
    limit: usize,
    page: usize,
    left: usize,
}

impl Pages {
    fn new(after: MessageId, counting: bool) -> Self {
        let (limit, page) = if counting {
            (COUNTED, COUNTING_PAGE)
        } else {
            (CHUNK, PAGE)
        };
        Self {
            picked: Picked {
                messages: Vec::new(),
                upto: after,
                last: false,
            },
            limit,
            page,
            left: PAGES,
        }
    }

    /// Takes a page in; `false` when it is enough.
    fn take(&mut self, rows: impl ExactSizeIterator<Item = (Uuid, bool)>) -> bool {
        self.left -= 1;
        let full = rows.len() >= self.page;
        for (id, wanted) in rows {
            self.picked.upto = MessageId::from_uuid(id);
            if wanted {
                self.picked.messages.push(id);
            }
            if self.picked.messages.len() >= self.limit {
                return false;
            }
        }
        self.picked.last = !full;
        full && self.left > 0
    }
}

/// A delivery as it stands.
#[derive(sqlx::FromRow)]
pub(super) struct Candidate {
    pub(super) message_id: Uuid,
    pub(super) state: i16,
    attempts: i32,
}

impl Replayed {
    /// Whether a delivery that stands so is one of those.
    pub(super) fn selects(&self, row: &Candidate) -> StoreResult<bool> {
        let id = MessageId::from_uuid(row.message_id);
        let state = row::code("delivery", "state", id, row.state)?;
        Ok(match self {
            Self::Failed => matches!(
                state,
                DeliveryState::Exhausted | DeliveryState::Cancelled | DeliveryState::Skipped
            ),
            Self::Missing => false,
            Self::Any { status, .. } => {
                status.is_none_or(|status| status == status_of(state, row.attempts))
            }
        })
    }
}

/// A message with what the endpoint has of it.
#[derive(sqlx::FromRow)]
struct Offered {
    id: Uuid,
    event_type: String,
    channels: Option<String>,
    state: Option<i16>,
    sends: Option<i32>,
}

impl Offered {
    fn is_missing(&self, filter: &Filter) -> StoreResult<bool> {
        let untried = match self.state {
            None => true,
            Some(code) => {
                let id = MessageId::from_uuid(self.id);
                let state: DeliveryState = row::code("delivery", "state", id, code)?;
                let never = self.sends == Some(0);
                state == DeliveryState::Skipped || (never && state == DeliveryState::Cancelled)
            }
        };
        if !untried {
            return Ok(false);
        }
        let id = MessageId::from_uuid(self.id);
        let channels: Option<Vec<String>> =
            row::json("message", "channels", id, self.channels.as_deref())?;
        Ok(filter.wants(&self.event_type, &channels.unwrap_or_default()))
    }
}

/// What is to be made again.
pub(super) struct Sought<'a> {
    of: (AppId, EndpointId),
    which: &'a Replayed,
    /// What the endpoint wants, if it is what it misses.
    filter: Option<Filter>,
}

/// Deliveries of an endpoint, by message.
pub(crate) fn deliveries(
    endpoint: EndpointId,
    after: MessageId,
    before: MessageId,
    limit: usize,
) -> Sql {
    let mut sql = Sql::new("select message_id, state, attempts from delivery where endpoint_id = ");
    sql.bind(endpoint.uuid())
        .push(" and message_id > ")
        .bind(after.uuid())
        .push(" and message_id < ")
        .bind(before.uuid())
        .push(" order by message_id limit ")
        .bind(limit as i64);
    sql
}

/// Messages of an application with what the endpoint has of each.
pub(crate) fn offered(
    (app, endpoint): (AppId, EndpointId),
    after: MessageId,
    before: MessageId,
    limit: usize,
) -> Sql {
    let mut sql = Sql::new(
        "select m.id, m.event_type, m.channels, d.state, d.sends from message m \
         left join delivery d on d.message_id = m.id and d.endpoint_id = ",
    );
    sql.bind(endpoint.uuid());
    of_app(&mut sql, app, (after, before), limit);
    sql
}

/// Messages of an application.
pub(crate) fn messages(app: AppId, after: MessageId, before: MessageId, limit: usize) -> Sql {
    let mut sql = Sql::new("select m.id from message m");
    of_app(&mut sql, app, (after, before), limit);
    sql
}

/// The application's messages between two, in order.
fn of_app(sql: &mut Sql, app: AppId, (after, before): (MessageId, MessageId), limit: usize) {
    sql.push(" where m.app_id = ")
        .bind(app.uuid())
        .push(" and m.id > ")
        .bind(after.uuid())
        .push(" and m.id < ")
        .bind(before.uuid())
        .push(" order by m.id limit ")
        .bind(limit as i64);
}

const FILTER: &str = "select event_types, channels from endpoint where id = $1 and app_id = $2 and deleted_at is null";

impl Store {
    /// The next messages whose deliveries to the endpoint are to be made again.
    pub(super) async fn pick(
        &self,
        of: (AppId, EndpointId),
        which: &Replayed,
        window: Window,
        after: MessageId,
        counting: bool,
    ) -> StoreResult<Picked> {
        let sought = self.sought(of, which).await?;
        let mut pages = Pages::new(after, counting);
        loop {
            let between = (pages.picked.upto, window.end());
            let rows = self.look(&sought, between, pages.page).await?;
            let rows = rows.iter().map(|(id, wanted)| (*id, wanted.is_some()));
            if !pages.take(rows) {
                return Ok(pages.picked);
            }
        }
    }

    /// What is to be made again, with what the endpoint wants now if that decides.
    pub(super) async fn sought<'a>(
        &self,
        of: (AppId, EndpointId),
        which: &'a Replayed,
    ) -> StoreResult<Sought<'a>> {
        let filter = match which {
            Replayed::Missing => Some(self.filter_of(of).await?),
            _ => None,
        };
        Ok(Sought { of, which, filter })
    }

    /// A page of what there is between two messages, each with how it stands with the
    /// endpoint if it would be sent again.
    pub(super) async fn look(
        &self,
        sought: &Sought<'_>,
        (after, before): (MessageId, MessageId),
        limit: usize,
    ) -> StoreResult<Vec<(Uuid, Option<Option<DeliveryState>>)>> {
        let state = |id, code| row::code("delivery", "state", MessageId::from_uuid(id), code);
        if let Some(filter) = &sought.filter {
            let rows: Vec<Offered> = self
                .read("looking for messages")
                .all(offered(sought.of, after, before, limit))
                .await?;
            let looked = rows.into_iter().map(|row| {
                let stands = row.state.map(|code| state(row.id, code)).transpose()?;
                Ok((row.id, row.is_missing(filter)?.then_some(stands)))
            });
            return looked.collect();
        }
        let rows: Vec<Candidate> = self
            .read("looking for deliveries")
            .all(deliveries(sought.of.1, after, before, limit))
            .await?;
        let looked = rows.into_iter().map(|row| {
            let stands = state(row.message_id, row.state)?;
            let wanted = sought.which.selects(&row)?;
            Ok((row.message_id, wanted.then_some(Some(stands))))
        });
        looked.collect()
    }

    /// The next messages whose payloads are to go.
    pub(super) async fn pick_payloads(
        &self,
        app: AppId,
        window: Window,
        after: MessageId,
        counting: bool,
    ) -> StoreResult<Picked> {
        let mut pages = Pages::new(after, counting);
        loop {
            let rows: Vec<(Uuid,)> = self
                .read("picking payloads")
                .all(messages(app, pages.picked.upto, window.end(), pages.page))
                .await?;
            if !pages.take(rows.into_iter().map(|row| (row.0, true))) {
                return Ok(pages.picked);
            }
        }
    }

    /// What the endpoint wants, as it is now.
    async fn filter_of(&self, (app, endpoint): (AppId, EndpointId)) -> StoreResult<Filter> {
        let row: Option<(Option<String>, Option<String>)> = self
            .read("reading a filter")
            .optional(Sql::new(FILTER).with(endpoint.uuid()).with(app.uuid()))
            .await?;
        let (event_types, channels) = row.ok_or(StoreError::NotFound(Entity::Endpoint))?;
        let list = |column, text: Option<String>| -> StoreResult<Option<Vec<String>>> {
            text.map(|text| {
                serde_json::from_str(&text).map_err(|_| corrupt("endpoint", column, endpoint))
            })
            .transpose()
        };
        Ok(Filter::new(
            list("event_types", event_types)?,
            list("channels", channels)?,
        ))
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[FILTER],
    ..Statements::NONE
};
