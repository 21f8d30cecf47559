//! Applications as rows.

use postrider_domain::{AppId, OrgId, Timestamp};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// An application as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    pub org_id: OrgId,
    /// The id that the organisation gave it.
    pub uid: Option<String>,
    pub name: String,
    /// Messages a second to all its endpoints together.
    pub throttle_rate: Option<u16>,
    /// A JSON object of strings, as text.
    pub metadata: String,
    /// Rises with every change of the application or one of its endpoints.
    pub config_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    org_id: Uuid,
    uid: Option<String>,
    name: String,
    throttle_rate: Option<i32>,
    metadata: String,
    config_version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for App {
    type Error = StoreError;

    fn try_from(stored: Row) -> StoreResult<Self> {
        let id = AppId::from_uuid(stored.id);
        Ok(Self {
            id,
            org_id: OrgId::from_uuid(stored.org_id),
            uid: stored.uid,
            name: stored.name,
            throttle_rate: row::rate("app", id, stored.throttle_rate)?,
            metadata: stored.metadata,
            config_version: stored.config_version,
            created_at: Timestamp::from_micros(stored.created_at),
            updated_at: Timestamp::from_micros(stored.updated_at),
        })
    }
}

const FIND: &str = "select id, org_id, uid, name, throttle_rate, metadata, config_version, created_at, updated_at \
    from app where org_id = $1 and (id = $2 or uid = $3) and deleted_at is null \
    order by (case when id = $2 then 0 else 1 end) limit 1";
const BY_UID: &str = "select id, org_id, uid, name, throttle_rate, metadata, config_version, created_at, updated_at \
    from app where org_id = $1 and uid = $2 and deleted_at is null";

impl Store {
    /// The application of this id or uid in this organisation.
    pub async fn app(&self, org: OrgId, id_or_uid: &str) -> StoreResult<App> {
        let id = id_or_uid.parse::<AppId>().map(AppId::uuid).ok();
        let row: Option<Row> = self
            .read("reading an application")
            .optional(Sql::new(FIND).with(org.uuid()).with(id).with(id_or_uid))
            .await?;
        row.ok_or(StoreError::NotFound(Entity::Application))?
            .try_into()
    }

    /// The application of this uid in this organisation.
    pub(crate) async fn app_by_uid(&self, org: OrgId, uid: &str) -> StoreResult<App> {
        let row: Option<Row> = self
            .read("reading an application")
            .optional(Sql::new(BY_UID).with(org.uuid()).with(uid))
            .await?;
        row.ok_or(StoreError::NotFound(Entity::Application))?
            .try_into()
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[FIND, BY_UID],
    ..Statements::NONE
};
