//! Taking over an organisation's set-up: event types and settings in one transaction.

use postrider_domain::{EventTypeId, OrgId, OrgSettings};

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::news::ChangeKind;
use crate::engine::sql::Sql;
use crate::tenant::event_type::{ARCHIVE, NewEventType, UPSERT, flags_text, policy_text};
use crate::tenant::org::org_settings_changed;

/// What an organisation takes over.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Event types to make or to overwrite, archived or not.
    pub event_types: Vec<NewEventType>,
    /// The names of event types to be archived.
    pub archived: Vec<String>,
}

impl Store {
    /// Takes all of it over or nothing. `settings` makes the new settings of the old ones.
    pub async fn import_environment(
        &self,
        org: OrgId,
        import: Import,
        settings: Option<impl FnOnce(&mut OrgSettings) + Send>,
    ) -> StoreResult<()> {
        let now = self.clock.now();
        let rows = import
            .event_types
            .into_iter()
            .map(|new| {
                let id = EventTypeId::mint(now);
                let flags = flags_text(id, new.feature_flags.as_ref())?;
                let policy = policy_text(id, &new)?;
                Ok((id, new, flags, policy))
            })
            .collect::<StoreResult<Vec<_>>>()?;
        let mut tx = self.begin("importing a set-up").await?;
        if let Some(change) = settings {
            org_settings_changed(&mut tx, org, change).await?;
        }
        for (id, new, flags, policy) in &rows {
            tx.run(
                Sql::new(UPSERT)
                    .with(id.uuid())
                    .with(org.uuid())
                    .with(&new.name)
                    .with(&new.description)
                    .with(new.archived)
                    .with(new.deprecated)
                    .with(&new.schemas)
                    .with(flags)
                    .with(&new.group_name)
                    .with(now.micros())
                    .with(true)
                    .with(policy)
                    .with(new.retry_policy.is_none()),
            )
            .await?;
        }
        for name in &import.archived {
            tx.run(
                Sql::new(ARCHIVE)
                    .with(org.uuid())
                    .with(name)
                    .with(now.micros()),
            )
            .await?;
        }
        record_change(&mut tx, ChangeKind::Org, org.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Org, org.uuid());
        Ok(())
    }
}
