//! Taking over an organisation's set-up: event types and settings in one transaction.

use postrider_domain::{EventTypeId, OrgId, OrgSettings};

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::event_type::{NewEventType, UPSERT, flags_text, policy_text};
use crate::org::org_settings_changed;
use crate::row;
use crate::{Store, StoreError, StoreResult};

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
        transaction!(self, "importing a set-up", conn => {
            let wrong = wrong("importing a set-up");
            if let Some(change) = settings {
                org_settings_changed!(conn, wrong, org, change);
            }
            for (id, new, flags, policy) in &rows {
                sqlx::query(UPSERT).bind(id.uuid()).bind(org.uuid()).bind(&new.name).bind(&new.description)
                    .bind(new.archived).bind(new.deprecated).bind(&new.schemas).bind(flags).bind(&new.group_name)
                    .bind(now.micros()).bind(true).bind(policy).bind(new.retry_policy.is_none())
                    .execute(&mut *conn).await.map_err(wrong)?;
            }
            for name in &import.archived {
                sqlx::query("update event_type set archived = true, updated_at = $3 where org_id = $1 and name = $2")
                    .bind(org.uuid()).bind(name).bind(now.micros()).execute(&mut *conn).await.map_err(wrong)?;
            }
            tell!(conn, wrong, ChangeKind::Org, org.uuid(), now);
            Ok(())
        })?;
        self.announce(ChangeKind::Org, org.uuid());
        Ok(())
    }
}
