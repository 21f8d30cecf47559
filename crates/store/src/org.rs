//! Organisations: the companies that publish.

use postrider_domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Store, StoreError, StoreResult};

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

    async fn insert_org(&self, id: OrgId, external_id: &str, name: &str) -> StoreResult<()> {
        write!(self, "creating an organisation", pool => sqlx::query(
            "insert into org (id, external_id, name, created_at) values ($1, $2, $3, $4) on conflict do nothing",
        ).bind(id.uuid()).bind(external_id).bind(name).bind(self.clock.now().micros())
        .execute(pool).await.map(|_| ()))
    }
}
