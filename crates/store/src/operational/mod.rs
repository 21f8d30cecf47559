//! Operational webhooks: an organisation hears of its own endpoints and deliveries.
//!
//! Its operational endpoints are those of a hidden application, which names itself as
//! its organisation: whatever finds applications by organisation never finds it, and
//! nothing that happens to it is told in turn. What there is to tell is written in the
//! transaction of what it tells of, and published as a message later.

pub(crate) mod tell;

use bytes::Bytes;
use postrider_domain::{AppId, MessageId, OrgId, Timestamp};
use uuid::Uuid;

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::{Store, StoreResult};

pub use tell::DeliveryEvent;

/// Everything that an organisation may hear.
pub const OPERATIONAL_EVENTS: &[&str] = &[
    "endpoint.created",
    "endpoint.updated",
    "endpoint.deleted",
    "endpoint.disabled",
    "message.attempt.exhausted",
    "message.attempt.failing",
    "message.attempt.recovered",
];

/// Something that an organisation is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationalEvent {
    /// Its own id, by which a repetition is known.
    pub id: Uuid,
    /// The hidden application whose endpoints hear it.
    pub app_id: AppId,
    /// Its type, such as `endpoint.created`.
    pub event_type: String,
    /// The message's body.
    pub payload: Bytes,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    app_id: Uuid,
    event_type: String,
    payload: String,
}

impl Store {
    /// The hidden application of the organisation's operational endpoints, if it has
    /// ever had one.
    pub async fn operational_app(&self, org: OrgId) -> StoreResult<Option<AppId>> {
        let id: Option<Uuid> = read!(self, "reading an organisation", pool => sqlx::query_scalar(
            "select app_id from operational_app where org_id = $1",
        ).bind(org.uuid()).fetch_optional(pool).await)?;
        Ok(id.map(AppId::from_uuid))
    }

    /// The hidden application of the organisation's operational endpoints, made if there
    /// is none. It stays for good: whoever has read that there is one is right for ever.
    pub async fn ensure_operational_app(&self, org: OrgId) -> StoreResult<AppId> {
        if let Some(app) = self.operational_app(org).await? {
            return Ok(app);
        }
        let now = self.clock.now();
        let id = AppId::mint(now);
        let app: Uuid = transaction!(self, "preparing operational webhooks", conn => {
            let wrong = wrong("preparing operational webhooks");
            let made = sqlx::query(
                "insert into operational_app (org_id, app_id) values ($1, $2) on conflict (org_id) do nothing",
            ).bind(org.uuid()).bind(id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            if made.rows_affected() == 0 {
                return sqlx::query_scalar("select app_id from operational_app where org_id = $1")
                    .bind(org.uuid()).fetch_one(&mut *conn).await.map_err(wrong);
            }
            sqlx::query(
                "insert into app (id, org_id, name, created_at, updated_at) \
                 values ($1, $1, 'Operational webhooks', $2, $2)",
            ).bind(id.uuid()).bind(now.micros()).execute(&mut *conn).await.map_err(wrong)?;
            // Applications in memory say whether anybody listens.
            tell!(conn, wrong, ChangeKind::Operational, org.uuid(), now);
            Ok(id.uuid())
        })?;
        self.announce(ChangeKind::Operational, org.uuid());
        Ok(AppId::from_uuid(app))
    }

    /// The oldest events that are not published yet and not put aside.
    pub async fn operational_events(&self, limit: i64) -> StoreResult<Vec<OperationalEvent>> {
        let rows: Vec<Row> = read!(self, "looking for operational events", pool => sqlx::query_as(
            "select id, app_id, event_type, payload from operational_event where retry_at <= $2 order by id limit $1",
        ).bind(limit).bind(self.clock.now().micros()).fetch_all(pool).await)?;
        Ok(rows
            .into_iter()
            .map(|row| OperationalEvent {
                id: row.id,
                app_id: AppId::from_uuid(row.app_id),
                event_type: row.event_type,
                payload: row.payload.into(),
            })
            .collect())
    }

    /// Lets an event that could not be published rest, longer each time.
    pub async fn put_operational_event_aside(&self, id: Uuid, error: &str) -> StoreResult<()> {
        let known: Option<i32> = read!(self, "reading an operational event", pool => sqlx::query_scalar(
            "select failures from operational_event where id = $1",
        ).bind(id).fetch_optional(pool).await)?;
        let rest = crate::put_aside::rest(known.unwrap_or(0));
        write!(self, "putting an operational event aside", pool => sqlx::query(
            "update operational_event set failures = failures + 1, retry_at = $2, error = $3 where id = $1",
        ).bind(id).bind(self.clock.now().plus(rest).micros()).bind(error).execute(pool).await.map(|_| ()))
    }

    /// How many events are put aside; counted up to 10,000.
    pub async fn operational_events_aside(&self) -> StoreResult<i64> {
        read!(self, "counting operational events", pool => sqlx::query_scalar(
            "select count(*) from (select 1 from operational_event where failures > 0 limit $1) as few",
        ).bind(crate::put_aside::COUNTED).fetch_one(pool).await)
    }

    /// Removes an event that is published.
    pub async fn operational_event_published(&self, id: Uuid) -> StoreResult<()> {
        write!(self, "removing an operational event", pool => sqlx::query(
            "delete from operational_event where id = $1",
        ).bind(id).execute(pool).await.map(|_| ()))
    }

    /// Forgets of whose failing it was told, where the message has expired.
    pub(crate) async fn expire_told(&self, before: Timestamp, chunk: i64) -> StoreResult<u64> {
        write!(self, "forgetting failing deliveries", pool => sqlx::query(
            "delete from operational_told where (endpoint_id, message_id) in \
             (select endpoint_id, message_id from operational_told where message_id < $1 limit $2)",
        ).bind(MessageId::floor(before).uuid()).bind(chunk).execute(pool).await.map(|done| done.rows_affected()))
    }
}
