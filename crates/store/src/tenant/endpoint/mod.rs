//! Endpoints: where an application's events go.

pub(crate) mod change;

use postrider_domain::{AppId, EndpointId};

use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::page::{Page, PageRequest};
use crate::engine::sql::Sql;
use crate::stored::endpoint::{COLUMNS, Endpoint, EndpointSettings, Row};
use crate::tenant::secret::NewSecret;

/// An endpoint to make.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEndpoint {
    /// What a caller may set.
    pub settings: EndpointSettings,
    /// The first secret of each kind of its schemes.
    pub secrets: Vec<NewSecret>,
}

/// A change of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointUpdate {
    /// Everything that a caller may set, as it should be.
    pub settings: EndpointSettings,
    /// The revision that the settings were made from.
    pub revision: i64,
    /// The first secret of each kind of its schemes that it has no secret of yet.
    pub secrets: Vec<NewSecret>,
}

/// The statement of [`Store::endpoint`].
pub(crate) fn named(app: AppId, id_or_uid: &str) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from endpoint e where e.app_id = ")
        .bind(app.uuid());
    // A uid never begins as an id does.
    match id_or_uid.parse::<EndpointId>() {
        Ok(id) => sql.push(" and e.id = ").bind(id.uuid()),
        Err(_) => sql.push(" and e.uid = ").bind(id_or_uid),
    };
    sql.push(" and e.deleted_at is null");
    sql
}

/// The statement of [`Store::endpoints`].
pub(crate) fn list(app: AppId, page: &PageRequest<EndpointId>) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from endpoint e where e.app_id = ")
        .bind(app.uuid())
        .push(" and e.deleted_at is null")
        .page("e.id", page, |id: EndpointId| id.uuid().into());
    sql
}

impl Store {
    /// The application's endpoint of this id or uid.
    pub async fn endpoint(&self, app: AppId, id_or_uid: &str) -> StoreResult<Endpoint> {
        let row: Option<Row> = self
            .read("reading an endpoint")
            .optional(named(app, id_or_uid))
            .await?;
        row.ok_or(StoreError::NotFound(Entity::Endpoint))?
            .open(&self.cipher)
    }

    /// A page of the application's endpoints, by id.
    pub async fn endpoints(
        &self,
        app: AppId,
        page: PageRequest<EndpointId>,
    ) -> StoreResult<Page<Endpoint>> {
        let rows: Vec<Row> = self.read("listing endpoints").all(list(app, &page)).await?;
        let rows = rows.into_iter().map(|row| row.open(&self.cipher));
        page.finish(rows.collect::<StoreResult<_>>()?)
    }
}

/// The statements of the folder.
#[cfg(test)]
pub(crate) const REGISTRY: &[crate::engine::sql::Statements] = &[change::STATEMENTS];
