//! What organisations decide, as it lies in their rows.

use postrider_domain::{OrgId, OrgSettings};

use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

const SETTINGS: &str = "select settings from org where id = $1";

impl Store {
    /// What the organisation decides.
    pub async fn org_settings(&self, id: OrgId) -> StoreResult<OrgSettings> {
        let text: Option<String> = self
            .read("reading an organisation's settings")
            .optional_scalar(Sql::new(SETTINGS).with(id.uuid()))
            .await?;
        let settings = row::json("org", "settings", id, text.as_deref())?;
        settings.ok_or(StoreError::NotFound(Entity::Organisation))
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[SETTINGS],
    ..Statements::NONE
};
