//! Organisations: the companies that publish.

use postrider_domain::{OrgId, OrgSettings, Timestamp};
use uuid::Uuid;

use crate::error::wrong;
use crate::row;
use crate::{ChangeKind, Store, StoreError, StoreResult};

/// An organisation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// The id that tokens minted elsewhere name it by.
    pub external_id: String,
    /// Its name, which no other organisation has.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    external_id: String,
    name: String,
    created_at: i64,
}

impl From<Row> for Org {
    fn from(row: Row) -> Self {
        Self {
            id: OrgId::from_uuid(row.id),
            external_id: row.external_id,
            name: row.name,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

/// In a transaction: makes new settings of an organisation's old ones, which nobody else
/// changes meanwhile, and gives them.
macro_rules! org_settings_changed {
    ($conn:ident, $wrong:ident, $id:expr, $change:expr) => {{
        // Locks the row on PostgreSQL; SQLite has one writer.
        let text: Option<String> = sqlx::query_scalar(
            "update org set settings = settings where id = $1 returning settings",
        )
        .bind($id.uuid())
        .fetch_optional(&mut *$conn)
        .await
        .map_err($wrong)?;
        let settings: Option<OrgSettings> = row::json("org", "settings", $id, text.as_deref())?;
        let mut settings = settings.ok_or(StoreError::NotFound("organisation"))?;
        $change(&mut settings);
        let text = row::to_json("org", "settings", $id, &settings)?;
        sqlx::query("update org set settings = $2 where id = $1")
            .bind($id.uuid())
            .bind(text)
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?;
        settings
    }};
}
pub(crate) use org_settings_changed;

impl Store {
    /// The organisation of this name.
    pub async fn org_by_name(&self, name: &str) -> StoreResult<Org> {
        let row: Option<Row> = read!(self, "reading an organisation", pool => sqlx::query_as(
            "select id, external_id, name, created_at from org where name = $1",
        ).bind(name).fetch_optional(pool).await)?;
        Ok(row.ok_or(StoreError::NotFound("organisation"))?.into())
    }

    /// The organisation that tokens minted elsewhere name by `external_id`.
    pub async fn org_by_external_id(&self, external_id: &str) -> StoreResult<Org> {
        let row: Option<Row> = read!(self, "reading an organisation", pool => sqlx::query_as(
            "select id, external_id, name, created_at from org where external_id = $1",
        ).bind(external_id).fetch_optional(pool).await)?;
        Ok(row.ok_or(StoreError::NotFound("organisation"))?.into())
    }

    /// The organisation of this name, made if there is none; its external id is then
    /// the text of its id.
    pub async fn ensure_org(&self, name: &str) -> StoreResult<Org> {
        let id = OrgId::mint(self.clock.now());
        self.insert_org(id, &id.to_string(), name).await?;
        self.org_by_name(name).await
    }

    /// The organisation of this external id, made if there is none; its name is then
    /// the external id, and more if that name is taken.
    pub async fn ensure_external_org(&self, external_id: &str) -> StoreResult<Org> {
        let id = OrgId::mint(self.clock.now());
        self.insert_org(id, external_id, external_id).await?;
        match self.org_by_external_id(external_id).await {
            // Another organisation has the name.
            Err(StoreError::NotFound(_)) => {}
            found => return found,
        }
        let name = format!("{external_id} ({id})");
        self.insert_org(id, external_id, &name).await?;
        self.org_by_external_id(external_id).await
    }

    /// What the organisation decides.
    pub async fn org_settings(&self, id: OrgId) -> StoreResult<OrgSettings> {
        let text: Option<String> = read!(self, "reading an organisation's settings", pool => sqlx::query_scalar(
            "select settings from org where id = $1",
        ).bind(id.uuid()).fetch_optional(pool).await)?;
        let settings = row::json("org", "settings", id, text.as_deref())?;
        settings.ok_or(StoreError::NotFound("organisation"))
    }

    /// Changes what the organisation decides, in one transaction: `change` makes the new
    /// settings of the old ones, which nobody else changes meanwhile.
    pub async fn change_org_settings(
        &self,
        id: OrgId,
        change: impl FnOnce(&mut OrgSettings) + Send,
    ) -> StoreResult<OrgSettings> {
        let now = self.clock.now();
        let settings = transaction!(self, "changing an organisation's settings", conn => {
            let wrong = wrong("changing an organisation's settings");
            let settings = org_settings_changed!(conn, wrong, id, change);
            tell!(conn, wrong, ChangeKind::Org, id.uuid(), now);
            Ok(settings)
        })?;
        self.announce(ChangeKind::Org, id.uuid());
        Ok(settings)
    }

    async fn insert_org(&self, id: OrgId, external_id: &str, name: &str) -> StoreResult<()> {
        write!(self, "creating an organisation", pool => sqlx::query(
            "insert into org (id, external_id, name, created_at) values ($1, $2, $3, $4) on conflict do nothing",
        ).bind(id.uuid()).bind(external_id).bind(name).bind(self.clock.now().micros())
        .execute(pool).await.map(|_| ()))
    }
}
