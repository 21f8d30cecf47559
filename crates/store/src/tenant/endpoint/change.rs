//! Making, changing and deleting endpoints.
//!
//! Whatever changes an endpoint holds its application's row first, and leaves a
//! revision behind that attempts refer to.

use std::collections::BTreeMap;

use postrider_domain::{AppId, DisabledReason, EndpointId, Timestamp};
use uuid::Uuid;

use super::{EndpointUpdate, NewEndpoint};
use crate::cache::change::config_changed;
use crate::engine::Store;
use crate::engine::cipher::Cipher;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::outbox::emit::{EndpointEvent, emit_of_endpoint};
use crate::stored::endpoint::{Endpoint, EndpointSettings, Row, SELECT_ONE};
use crate::tenant::secret;
use crate::tenant::secret::NewSecret;

const FAILING_SINCE: &str = "select first_failure_at from endpoint_health where endpoint_id = $1";

/// Writes a new endpoint.
pub(crate) fn insert(endpoint: &Endpoint, cipher: &Cipher) -> StoreResult<Sql> {
    let mut columns = endpoint.columns(cipher)?;
    columns.extend([
        ("id", endpoint.id.uuid().into()),
        ("app_id", endpoint.app_id.uuid().into()),
        ("created_at", endpoint.created_at.micros().into()),
    ]);
    let mut sql = Sql::new("insert into endpoint");
    sql.row(columns);
    Ok(sql)
}

/// Writes what an endpoint has become.
pub(crate) fn update(endpoint: &Endpoint, cipher: &Cipher) -> StoreResult<Sql> {
    let mut sql = Sql::new("update endpoint");
    sql.assignments(endpoint.columns(cipher)?)
        .push(" where id = ")
        .bind(endpoint.id.uuid())
        .push(" and app_id = ")
        .bind(endpoint.app_id.uuid());
    Ok(sql)
}

/// Keeps what attempts show of an endpoint as it is now.
pub(crate) fn insert_revision(endpoint: &Endpoint) -> StoreResult<Sql> {
    let mut sql = Sql::new("insert into endpoint_revision");
    sql.row(endpoint.revision_columns()?);
    Ok(sql)
}

/// Writes the first secrets of schemes that an endpoint did not have before.
async fn write_secrets(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    secrets: &[secret::Sealed],
    now: Timestamp,
) -> StoreResult<()> {
    for secret in secrets {
        let written = Sql::new(secret::INSERT)
            .with(secret.id.uuid())
            .with(endpoint.uuid())
            .with(&secret.bytes)
            .with(now.micros())
            .with(secret.scheme.code());
        tx.run(written).await?;
    }
    Ok(())
}

/// Reads an endpoint that is not deleted, in a transaction that holds the application's lock.
async fn current_endpoint(
    tx: &mut Tx<'_>,
    cipher: &Cipher,
    app: AppId,
    id: EndpointId,
) -> StoreResult<Endpoint> {
    let row: Option<Row> = tx
        .optional(Sql::new(SELECT_ONE).with(app.uuid()).with(id.uuid()))
        .await?;
    row.ok_or(StoreError::NotFound(Entity::Endpoint))?
        .open(cipher)
}

impl Endpoint {
    /// The endpoint with these settings, one revision on.
    fn changed(self, settings: EndpointSettings, now: Timestamp) -> Self {
        let (disabled_reason, disabled_at) = match (self.settings.disabled, settings.disabled) {
            (_, false) => (None, None),
            (true, true) => (self.disabled_reason, self.disabled_at),
            (false, true) => (Some(DisabledReason::Manual), Some(now)),
        };
        Self {
            settings,
            disabled_reason,
            disabled_at,
            revision: self.revision + 1,
            updated_at: now,
            ..self
        }
    }

    /// What an endpoint is before its first settings.
    pub(crate) fn blank(id: EndpointId, app_id: AppId, now: Timestamp) -> Self {
        Self {
            id,
            app_id,
            settings: EndpointSettings::default(),
            disabled_reason: None,
            disabled_at: None,
            revision: 0,
            created_at: now,
            updated_at: now,
        }
    }
}

const FORGET_HEALTH: &str = "delete from endpoint_health where endpoint_id = $1";
const APP_OF_ENABLED: &str =
    "select app_id from endpoint where id = $1 and deleted_at is null and disabled = false";
const DELETE: &str = "update endpoint set deleted_at = $3, updated_at = $3 where app_id = $1 and id = $2 and deleted_at is null";

const FORGET_SECRETS: &str = "delete from endpoint_secret where endpoint_id = $1";

impl Store {
    /// Makes an endpoint. A taken uid is a conflict on `endpoint_uid`.
    pub async fn create_endpoint(&self, app: AppId, new: NewEndpoint) -> StoreResult<Endpoint> {
        let now = self.clock.now();
        let id = EndpointId::mint(now);
        let endpoint = Endpoint::blank(id, app, now).changed(new.settings, now);
        let secrets = secret::seal_all(&self.cipher, &new.secrets, now)?;
        let mut tx = self.begin("creating an endpoint").await?;
        config_changed(&mut tx, app, now).await?;
        tx.run(insert(&endpoint, &self.cipher)?).await?;
        tx.run(insert_revision(&endpoint)?).await?;
        write_secrets(&mut tx, id, &secrets, now).await?;
        emit_of_endpoint(&mut tx, &endpoint, now, [EndpointEvent::Created]).await?;
        tx.commit().await?;
        self.announce(ChangeKind::App, app.uuid());
        Ok(endpoint)
    }

    /// Replaces what a caller may set of an endpoint. If it has changed since the
    /// revision that `update` was made from, that is a conflict on
    /// `endpoint_revision`: read it and try again. The update brings the first secret of
    /// each kind of scheme that is new to the endpoint.
    ///
    /// Disabling it cancels its waiting deliveries; enabling it forgets its failures.
    pub async fn update_endpoint(
        &self,
        app: AppId,
        id: EndpointId,
        update: EndpointUpdate,
    ) -> StoreResult<Endpoint> {
        let change = move |_: &Endpoint| update.settings;
        self.change_endpoint(app, id, Some(update.revision), &update.secrets, change)
            .await
    }

    /// Replaces the endpoint's custom headers. If it has changed since `revision`, that is a
    /// conflict on `endpoint_revision`; without one it may have.
    pub async fn set_endpoint_headers(
        &self,
        app: AppId,
        id: EndpointId,
        revision: Option<i64>,
        headers: BTreeMap<String, String>,
    ) -> StoreResult<()> {
        let change = |endpoint: &Endpoint| EndpointSettings {
            headers,
            ..endpoint.settings.clone()
        };
        self.change_endpoint(app, id, revision, &[], change)
            .await
            .map(|_| ())
    }

    async fn change_endpoint(
        &self,
        app: AppId,
        id: EndpointId,
        revision: Option<i64>,
        secrets: &[NewSecret],
        change: impl FnOnce(&Endpoint) -> EndpointSettings,
    ) -> StoreResult<Endpoint> {
        let now = self.clock.now();
        let secrets = secret::seal_all(&self.cipher, secrets, now)?;
        let mut tx = self.begin("updating an endpoint").await?;
        config_changed(&mut tx, app, now).await?;
        let before = current_endpoint(&mut tx, &self.cipher, app, id).await?;
        if revision.is_some_and(|revision| revision != before.revision) {
            return Err(StoreError::Conflict(Refusal::EndpointRevision));
        }
        let settings = change(&before);
        let was_disabled = before.settings.disabled;
        let endpoint = before.changed(settings, now);
        tx.run(update(&endpoint, &self.cipher)?).await?;
        tx.run(insert_revision(&endpoint)?).await?;
        write_secrets(&mut tx, id, &secrets, now).await?;
        if was_disabled && !endpoint.settings.disabled {
            tx.run(Sql::new(FORGET_HEALTH).with(id.uuid())).await?;
            // A publish that overlapped the disabling may have left work behind.
            tx.run(
                Sql::new(crate::due::lane::WAKE)
                    .with(id.uuid())
                    .with(now.micros()),
            )
            .await?;
        }
        let disabled = endpoint
            .disabled_reason
            .filter(|_| !was_disabled)
            .map(|reason| EndpointEvent::Disabled {
                reason,
                failing_since: None,
            });
        let events = std::iter::once(EndpointEvent::Updated).chain(disabled);
        emit_of_endpoint(&mut tx, &endpoint, now, events).await?;
        tx.commit().await?;
        self.announce(ChangeKind::App, app.uuid());
        if endpoint.settings.disabled {
            // Also when it was disabled before: a cancellation cut short is then finished.
            self.cancel_waiting(id).await?;
        }
        Ok(endpoint)
    }

    /// Disables an endpoint on the delivery's own account and cancels what waits for
    /// it. Says whether it was enabled; a deleted endpoint is not.
    pub async fn disable_endpoint(
        &self,
        id: EndpointId,
        reason: DisabledReason,
    ) -> StoreResult<bool> {
        let now = self.clock.now();
        let app: Option<Uuid> = self
            .read("reading an endpoint")
            .optional_scalar(Sql::new(APP_OF_ENABLED).with(id.uuid()))
            .await?;
        let Some(app) = app.map(AppId::from_uuid) else {
            self.cancel_waiting(id).await?;
            return Ok(false);
        };
        let disabled = match self.disable_in(app, id, reason, now).await {
            Err(StoreError::NotFound(_)) => false,
            other => other?,
        };
        self.announce(ChangeKind::App, app.uuid());
        self.cancel_waiting(id).await?;
        Ok(disabled)
    }

    async fn disable_in(
        &self,
        app: AppId,
        id: EndpointId,
        reason: DisabledReason,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut tx = self.begin("disabling an endpoint").await?;
        config_changed(&mut tx, app, now).await?;
        let before = current_endpoint(&mut tx, &self.cipher, app, id).await?;
        if before.settings.disabled {
            return Ok(false);
        }
        let settings = EndpointSettings {
            disabled: true,
            ..before.settings.clone()
        };
        let mut endpoint = before.changed(settings, now);
        endpoint.disabled_reason = Some(reason);
        tx.run(update(&endpoint, &self.cipher)?).await?;
        tx.run(insert_revision(&endpoint)?).await?;
        let failing_since: Option<i64> = tx
            .optional_scalar(Sql::new(FAILING_SINCE).with(id.uuid()))
            .await?;
        // The failure that led here may be recorded later than this.
        let failing_since = Some(failing_since.map_or(now, Timestamp::from_micros));
        let event = EndpointEvent::Disabled {
            reason,
            failing_since,
        };
        emit_of_endpoint(&mut tx, &endpoint, now, [event]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes an endpoint: its uid is free, its history stays, and what waits for
    /// it is cancelled.
    pub async fn delete_endpoint(&self, app: AppId, id: EndpointId) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("deleting an endpoint").await?;
        config_changed(&mut tx, app, now).await?;
        let endpoint = current_endpoint(&mut tx, &self.cipher, app, id).await?;
        tx.run(
            Sql::new(DELETE)
                .with(app.uuid())
                .with(id.uuid())
                .with(now.micros()),
        )
        .await?;
        for text in [FORGET_SECRETS, FORGET_HEALTH] {
            tx.run(Sql::new(text).with(id.uuid())).await?;
        }
        emit_of_endpoint(&mut tx, &endpoint, now, [EndpointEvent::Deleted]).await?;
        tx.commit().await?;
        self.announce(ChangeKind::App, app.uuid());
        self.cancel_waiting(id).await
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        FAILING_SINCE,
        FORGET_HEALTH,
        APP_OF_ENABLED,
        DELETE,
        FORGET_SECRETS,
    ],
    ..Statements::NONE
};
