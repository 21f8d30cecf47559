//! Organisations: the companies that publish.

use postrider_domain::{OrgId, OrgSettings, Timestamp};
use uuid::Uuid;

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::row;
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// An organisation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
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
pub(crate) async fn org_settings_changed(
    tx: &mut Tx<'_>,
    id: OrgId,
    change: impl FnOnce(&mut OrgSettings) + Send,
) -> StoreResult<OrgSettings> {
    let text: Option<String> = tx
        .optional_scalar(Sql::new(LOCKED_SETTINGS).with(id.uuid()))
        .await?;
    let settings: Option<OrgSettings> = row::json("org", "settings", id, text.as_deref())?;
    let mut settings = settings.ok_or(StoreError::NotFound(Entity::Organisation))?;
    change(&mut settings);
    let text = row::to_json("org", "settings", id, &settings)?;
    tx.run(Sql::new(SET_SETTINGS).with(id.uuid()).with(text))
        .await?;
    Ok(settings)
}

/// Locks the row on PostgreSQL; SQLite has one writer.
const LOCKED_SETTINGS: &str = "update org set settings = settings where id = $1 returning settings";
const SET_SETTINGS: &str = "update org set settings = $2 where id = $1";

const BY_NAME: &str = "select id, external_id, name, created_at from org where name = $1";
const BY_EXTERNAL_ID: &str =
    "select id, external_id, name, created_at from org where external_id = $1";
const INSERT: &str = "insert into org (id, external_id, name, created_at) values ($1, $2, $3, $4) on conflict do nothing";

impl Store {
    /// The organisation of this name.
    pub async fn org_by_name(&self, name: &str) -> StoreResult<Org> {
        let row: Option<Row> = self
            .read("reading an organisation")
            .optional(Sql::new(BY_NAME).with(name))
            .await?;
        Ok(row
            .ok_or(StoreError::NotFound(Entity::Organisation))?
            .into())
    }

    /// The organisation that tokens minted elsewhere name by `external_id`.
    pub async fn org_by_external_id(&self, external_id: &str) -> StoreResult<Org> {
        let row: Option<Row> = self
            .read("reading an organisation")
            .optional(Sql::new(BY_EXTERNAL_ID).with(external_id))
            .await?;
        Ok(row
            .ok_or(StoreError::NotFound(Entity::Organisation))?
            .into())
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

    /// Changes what the organisation decides, in one transaction: `change` makes the new
    /// settings of the old ones, which nobody else changes meanwhile.
    pub async fn change_org_settings(
        &self,
        id: OrgId,
        change: impl FnOnce(&mut OrgSettings) + Send,
    ) -> StoreResult<OrgSettings> {
        let now = self.clock.now();
        let mut tx = self.begin("changing an organisation's settings").await?;
        let settings = org_settings_changed(&mut tx, id, change).await?;
        record_change(&mut tx, ChangeKind::Org, id.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Org, id.uuid());
        Ok(settings)
    }

    async fn insert_org(&self, id: OrgId, external_id: &str, name: &str) -> StoreResult<()> {
        self.write("creating an organisation")
            .run(
                Sql::new(INSERT)
                    .with(id.uuid())
                    .with(external_id)
                    .with(name)
                    .with(self.clock.now().micros()),
            )
            .await
            .map(|_| ())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        LOCKED_SETTINGS,
        SET_SETTINGS,
        BY_NAME,
        BY_EXTERNAL_ID,
        INSERT,
    ],
    ..Statements::NONE
};
