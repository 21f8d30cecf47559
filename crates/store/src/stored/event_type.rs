//! Event types as rows.

use postrider_domain::{EventTypeId, OrgId, RetryPolicy, Timestamp};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// An event type as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EventType {
    pub id: EventTypeId,
    pub org_id: OrgId,
    /// Its name, by which it is addressed.
    pub name: String,
    pub description: String,
    /// Whether it is hidden from lists and endpoints.
    pub archived: bool,
    /// Whether nobody should use it any more.
    pub deprecated: bool,
    /// A JSON object of JSON Schemas by version, as text.
    pub schemas: Option<String>,
    /// Who may see it: holders of one of these flags; everybody if absent.
    pub feature_flags: Option<Vec<String>>,
    /// The group that lists show it under.
    pub group_name: Option<String>,
    /// When failed attempts are repeated, unless the endpoint says.
    pub retry_policy: Option<RetryPolicy>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    org_id: Uuid,
    name: String,
    description: String,
    archived: bool,
    deprecated: bool,
    schemas: Option<String>,
    feature_flags: Option<String>,
    group_name: Option<String>,
    retry_policy: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for EventType {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let id = EventTypeId::from_uuid(row.id);
        let flags = row.feature_flags.as_deref();
        Ok(Self {
            id,
            org_id: OrgId::from_uuid(row.org_id),
            name: row.name,
            description: row.description,
            archived: row.archived,
            deprecated: row.deprecated,
            schemas: row.schemas,
            feature_flags: row::json("event_type", "feature_flags", id, flags)?,
            group_name: row.group_name,
            retry_policy: row::json(
                "event_type",
                "retry_policy",
                id,
                row.retry_policy.as_deref(),
            )?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

const BY_NAME: &str = "select id, org_id, name, description, archived, deprecated, schemas, feature_flags, group_name, \
    retry_policy, created_at, updated_at from event_type where org_id = $1 and name = $2";

impl Store {
    /// The event type of this name, archived or not.
    pub async fn event_type(&self, org: OrgId, name: &str) -> StoreResult<EventType> {
        let row: Option<Row> = self
            .read("reading an event type")
            .optional(Sql::new(BY_NAME).with(org.uuid()).with(name))
            .await?;
        row.ok_or(StoreError::NotFound(Entity::EventType))?
            .try_into()
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[BY_NAME],
    ..Statements::NONE
};
