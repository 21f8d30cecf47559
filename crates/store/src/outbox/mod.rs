//! Operational webhooks: an organisation hears of its own endpoints and deliveries.
//!
//! Its operational endpoints are those of a hidden application, which names itself as
//! its organisation: whatever finds applications by organisation never finds it, and
//! nothing that happens to it is told in turn. What there is to tell is written in the
//! transaction of what it tells of, and published as a message later.

pub(crate) mod emit;

use bytes::Bytes;
use postrider_domain::{AppId, MessageId, OrgId, Timestamp};
use uuid::Uuid;

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

pub use emit::DeliveryEvent;

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

const OPERATIONAL_APP: &str = "select app_id from operational_app where org_id = $1";
const INSERT_OPERATIONAL_APP: &str =
    "insert into operational_app (org_id, app_id) values ($1, $2) on conflict (org_id) do nothing";
const INSERT_APP: &str = "insert into app (id, org_id, name, created_at, updated_at) \
    values ($1, $1, 'Operational webhooks', $2, $2)";
const WAITING: &str = "select id, app_id, event_type, payload from operational_event where retry_at <= $2 order by id limit $1";
const FAILURES: &str = "select failures from operational_event where id = $1";
const PUT_ASIDE: &str =
    "update operational_event set failures = failures + 1, retry_at = $2, error = $3 where id = $1";
const COUNT_ASIDE: &str =
    "select count(*) from (select 1 from operational_event where failures > 0 limit $1) as few";
const REMOVE: &str = "delete from operational_event where id = $1";
const EXPIRE_TOLD: &str = "delete from operational_told where (endpoint_id, message_id) in \
    (select endpoint_id, message_id from operational_told where message_id < $1 limit $2)";

impl Store {
    /// The hidden application of the organisation's operational endpoints, if it has
    /// ever had one.
    pub async fn operational_app(&self, org: OrgId) -> StoreResult<Option<AppId>> {
        let id: Option<Uuid> = self
            .read("reading an organisation")
            .optional_scalar(Sql::new(OPERATIONAL_APP).with(org.uuid()))
            .await?;
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
        let mut tx = self.begin("preparing operational webhooks").await?;
        let made = tx
            .run(
                Sql::new(INSERT_OPERATIONAL_APP)
                    .with(org.uuid())
                    .with(id.uuid()),
            )
            .await?;
        if made == 0 {
            drop(tx);
            // Somebody else was faster.
            return self
                .operational_app(org)
                .await?
                .ok_or(StoreError::NotFound(Entity::Organisation));
        }
        tx.run(Sql::new(INSERT_APP).with(id.uuid()).with(now.micros()))
            .await?;
        // Applications in memory say whether anybody listens.
        record_change(&mut tx, ChangeKind::Operational, org.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Operational, org.uuid());
        Ok(id)
    }

    /// The oldest events that are not published yet and not put aside.
    pub async fn operational_events(&self, limit: i64) -> StoreResult<Vec<OperationalEvent>> {
        let rows: Vec<Row> = self
            .read("looking for operational events")
            .all(
                Sql::new(WAITING)
                    .with(limit)
                    .with(self.clock.now().micros()),
            )
            .await?;
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
        let known: Option<i32> = self
            .read("reading an operational event")
            .optional_scalar(Sql::new(FAILURES).with(id))
            .await?;
        let rest = crate::engine::put_aside::rest(known.unwrap_or(0));
        self.write("putting an operational event aside")
            .run(
                Sql::new(PUT_ASIDE)
                    .with(id)
                    .with(self.clock.now().plus(rest).micros())
                    .with(error),
            )
            .await
            .map(|_| ())
    }

    /// How many events are put aside; counted up to 10,000.
    pub async fn operational_events_aside(&self) -> StoreResult<i64> {
        self.read("counting operational events")
            .scalar(Sql::new(COUNT_ASIDE).with(crate::engine::put_aside::COUNTED))
            .await
    }

    /// Removes an event that is published.
    pub async fn operational_event_published(&self, id: Uuid) -> StoreResult<()> {
        self.write("removing an operational event")
            .run(Sql::new(REMOVE).with(id))
            .await
            .map(|_| ())
    }

    /// Forgets of whose failing it was told, where the message has expired.
    pub(crate) async fn expire_told(&self, before: Timestamp, chunk: i64) -> StoreResult<u64> {
        self.write("forgetting failing deliveries")
            .run(
                Sql::new(EXPIRE_TOLD)
                    .with(MessageId::floor(before).uuid())
                    .with(chunk),
            )
            .await
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        OPERATIONAL_APP,
        INSERT_OPERATIONAL_APP,
        INSERT_APP,
        WAITING,
        FAILURES,
        PUT_ASIDE,
        COUNT_ASIDE,
        REMOVE,
        EXPIRE_TOLD,
    ],
    ..Statements::NONE
};

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] =
    &[&[STATEMENTS, emit::STATEMENTS]];
