//! Event types: the organisation's catalogue of what it publishes.

use postrider_domain::{EventTypeId, OrgId, RetryPolicy};
use uuid::Uuid;

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::page::{Page, PageRequest};
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::event_type::{EventType, Row};

/// What a caller may set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewEventType {
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
    /// When failed attempts are repeated, unless the endpoint says; `None` leaves it as
    /// it is, if there was one to overwrite.
    pub retry_policy: Option<Option<RetryPolicy>>,
}

/// Makes an event type, or overwrites the one of its name: an archived one if $11 is
/// false, any if it is true. Returns nothing if one stands in the way.
pub(crate) const UPSERT: &str = "insert into event_type (id, org_id, name, description, archived, deprecated, schemas, \
    feature_flags, group_name, created_at, updated_at, retry_policy) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $12) \
    on conflict (org_id, name) do update set description = excluded.description, archived = excluded.archived, \
    deprecated = excluded.deprecated, schemas = excluded.schemas, feature_flags = excluded.feature_flags, \
    group_name = excluded.group_name, \
    retry_policy = case when $11 and $13 then event_type.retry_policy else excluded.retry_policy end, \
    updated_at = case when event_type.updated_at < excluded.updated_at then excluded.updated_at \
        else event_type.updated_at + 1 end \
    where event_type.archived or $11 \
    returning id, org_id, name, description, archived, deprecated, schemas, feature_flags, group_name, \
    retry_policy, created_at, updated_at";

pub(crate) fn policy_text(id: EventTypeId, new: &NewEventType) -> StoreResult<Option<String>> {
    let policy = new.retry_policy.as_ref().and_then(Option::as_ref);
    policy
        .map(|policy| row::to_json("event_type", "retry_policy", id, policy))
        .transpose()
}

pub(crate) fn flags_text(
    id: EventTypeId,
    flags: Option<&Vec<String>>,
) -> StoreResult<Option<String>> {
    flags
        .map(|flags| row::to_json("event_type", "feature_flags", id, flags))
        .transpose()
}

const ALL: &str = "select id, org_id, name, description, archived, deprecated, schemas, feature_flags, group_name, \
    retry_policy, created_at, updated_at from event_type where org_id = $1 order by name";
const LOCKED: &str = "update event_type set name = name where org_id = $1 and name = $2 \
    returning id, org_id, name, description, archived, deprecated, schemas, feature_flags, group_name, \
    retry_policy, created_at, updated_at";
const EXPUNGE: &str = "delete from event_type where org_id = $1 and name = $2";
pub(crate) const ARCHIVE: &str =
    "update event_type set archived = true, updated_at = $3 where org_id = $1 and name = $2";

/// The statement of [`Store::event_types`].
pub(crate) fn list(org: OrgId, include_archived: bool, page: &PageRequest<String>) -> Sql {
    let mut sql = Sql::new(
        "select id, org_id, name, description, archived, deprecated, schemas, feature_flags, group_name, \
         retry_policy, created_at, updated_at from event_type where org_id = ",
    );
    sql.bind(org.uuid());
    if !include_archived {
        sql.push(" and archived = false");
    }
    sql.page("name", page, |name: String| name.as_str().into());
    sql
}

/// The statement of [`Store::known_event_types`].
pub(crate) fn known(org: OrgId, names: &[String]) -> Sql {
    let mut sql = Sql::new(
        "select id, name, feature_flags from event_type where archived = false and org_id = ",
    );
    sql.bind(org.uuid()).and_in("name", names);
    sql
}

impl Store {
    /// A page of the organisation's event types, by the bytes of their names.
    pub async fn event_types(
        &self,
        org: OrgId,
        include_archived: bool,
        page: PageRequest<String>,
    ) -> StoreResult<Page<EventType>> {
        let rows: Vec<Row> = self
            .read("listing event types")
            .all(list(org, include_archived, &page))
            .await?;
        let rows = rows.into_iter().map(EventType::try_from);
        page.finish(rows.collect::<StoreResult<_>>()?)
    }

    /// Makes an event type. An archived one of its name is revived and overwritten;
    /// a live one is a conflict on `event_type_name`.
    pub async fn create_event_type(&self, org: OrgId, new: NewEventType) -> StoreResult<EventType> {
        let written = self.upsert_event_type(org, new, false).await?;
        written
            .map(|(event_type, _)| event_type)
            .ok_or(StoreError::Conflict(Refusal::EventTypeName))
    }

    /// Makes an event type or overwrites the one of its name, archived or not. Says
    /// whether it made one.
    pub async fn put_event_type(
        &self,
        org: OrgId,
        new: NewEventType,
    ) -> StoreResult<(EventType, bool)> {
        let written = self.upsert_event_type(org, new, true).await?;
        written.ok_or(StoreError::NotFound(Entity::EventType))
    }

    async fn upsert_event_type(
        &self,
        org: OrgId,
        new: NewEventType,
        overwrite: bool,
    ) -> StoreResult<Option<(EventType, bool)>> {
        let now = self.clock.now();
        let id = EventTypeId::mint(now);
        let flags = flags_text(id, new.feature_flags.as_ref())?;
        let policy = policy_text(id, &new)?;
        let mut tx = self.begin("writing an event type").await?;
        let row: Option<Row> = tx
            .optional(
                Sql::new(UPSERT)
                    .with(id.uuid())
                    .with(org.uuid())
                    .with(&new.name)
                    .with(&new.description)
                    .with(new.archived)
                    .with(new.deprecated)
                    .with(&new.schemas)
                    .with(&flags)
                    .with(&new.group_name)
                    .with(now.micros())
                    .with(overwrite)
                    .with(&policy)
                    .with(new.retry_policy.is_none()),
            )
            .await?;
        record_change(&mut tx, ChangeKind::Org, org.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Org, org.uuid());
        row.map(|row| {
            let created = row.id == id.uuid();
            EventType::try_from(row).map(|event_type| (event_type, created))
        })
        .transpose()
    }

    /// Every event type of the organisation, archived ones too, by name.
    pub async fn all_event_types(&self, org: OrgId) -> StoreResult<Vec<EventType>> {
        let rows: Vec<Row> = self
            .read("listing event types")
            .all(Sql::new(ALL).with(org.uuid()))
            .await?;
        rows.into_iter().map(EventType::try_from).collect()
    }

    /// Changes an event type, archived or not, in one transaction: `change` makes of it what
    /// it is to be, its name apart, while nobody else changes it.
    pub async fn change_event_type<E: From<StoreError>>(
        &self,
        org: OrgId,
        name: &str,
        change: impl FnOnce(EventType) -> Result<NewEventType, E> + Send,
    ) -> Result<EventType, E> {
        let now = self.clock.now();
        let mut tx = self.begin("changing an event type").await?;
        // Locks the row on PostgreSQL; SQLite has one writer.
        let old: Option<Row> = tx
            .optional(Sql::new(LOCKED).with(org.uuid()).with(name))
            .await?;
        let old: EventType = old
            .ok_or(StoreError::NotFound(Entity::EventType))?
            .try_into()?;
        let id = old.id;
        let new = match change(old) {
            Ok(new) => new,
            Err(error) => return Err(error),
        };
        let flags = flags_text(id, new.feature_flags.as_ref())?;
        let policy = policy_text(id, &new)?;
        let row: Row = tx
            .one(
                Sql::new(UPSERT)
                    .with(id.uuid())
                    .with(org.uuid())
                    .with(name)
                    .with(&new.description)
                    .with(new.archived)
                    .with(new.deprecated)
                    .with(&new.schemas)
                    .with(&flags)
                    .with(&new.group_name)
                    .with(now.micros())
                    .with(true)
                    .with(&policy)
                    .with(new.retry_policy.is_none()),
            )
            .await?;
        record_change(&mut tx, ChangeKind::Org, org.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Org, org.uuid());
        Ok(row.try_into()?)
    }

    /// Archives the event type, or removes it if `expunge`.
    pub async fn delete_event_type(
        &self,
        org: OrgId,
        name: &str,
        expunge: bool,
    ) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("deleting an event type").await?;
        let done = if expunge {
            tx.run(Sql::new(EXPUNGE).with(org.uuid()).with(name)).await
        } else {
            tx.run(
                Sql::new(ARCHIVE)
                    .with(org.uuid())
                    .with(name)
                    .with(now.micros()),
            )
            .await
        }?;
        if done == 0 {
            return Err(StoreError::NotFound(Entity::EventType));
        }
        record_change(&mut tx, ChangeKind::Org, org.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Org, org.uuid());
        Ok(())
    }

    /// Which of these names are event types of the organisation that are not archived,
    /// and that somebody with these feature flags may see; absent: everybody.
    pub async fn known_event_types(
        &self,
        org: OrgId,
        names: &[String],
        flags: Option<&[String]>,
    ) -> StoreResult<Vec<String>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<(Uuid, String, Option<String>)> = self
            .read("looking event types up")
            .all(known(org, names))
            .await?;
        let mut known = Vec::with_capacity(rows.len());
        for (id, name, needed) in rows {
            let id = EventTypeId::from_uuid(id);
            let needed: Option<Vec<String>> =
                row::json("event_type", "feature_flags", id, needed.as_deref())?;
            if is_visible(needed.as_deref(), flags) {
                known.push(name);
            }
        }
        Ok(known)
    }
}

/// Whether an event type that asks for one of `needed` is seen by the holder of
/// `flags`. What asks for nothing is seen by all, and without a list (`None`) all is seen.
pub fn is_visible(needed: Option<&[String]>, flags: Option<&[String]>) -> bool {
    match (needed, flags) {
        (None, _) | (_, None) => true,
        (Some(needed), Some(flags)) => needed.iter().any(|flag| flags.contains(flag)),
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[UPSERT, ALL, LOCKED, EXPUNGE, ARCHIVE],
    ..Statements::NONE
};
