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
use crate::stored::endpoint::{Columns, Endpoint, EndpointSettings, Row, SELECT_ONE};
use crate::tenant::secret;
use crate::tenant::secret::NewSecret;

/// Bind id, app, the settings in their order but for the scheme, disabled_reason,
/// disabled_at, revision, now and the scheme.
const INSERT: &str = "insert into endpoint (id, app_id, uid, url, description, metadata, version, disabled, event_types, \
    channels, throttle_rate, timeout_seconds, retry_policy, header_family, headers, disabled_reason, disabled_at, \
    revision, created_at, updated_at, signature_scheme) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20)";

/// Bound as [`INSERT`].
const UPDATE: &str = "update endpoint set uid = $3, url = $4, description = $5, metadata = $6, version = $7, disabled = $8, \
    event_types = $9, channels = $10, throttle_rate = $11, timeout_seconds = $12, retry_policy = $13, \
    header_family = $14, headers = $15, disabled_reason = $16, disabled_at = $17, revision = $18, updated_at = $19, \
    signature_scheme = $20 \
    where id = $1 and app_id = $2";

const INSERT_REVISION: &str = "insert into endpoint_revision (endpoint_id, revision, url, header_names, header_family, \
    created_at, signature_scheme) values ($1, $2, $3, $4, $5, $6, $7)";

const FAILING_SINCE: &str = "select first_failure_at from endpoint_health where endpoint_id = $1";

/// Writes an endpoint and its revision with [`INSERT`] or [`UPDATE`].
async fn write_endpoint(
    tx: &mut Tx<'_>,
    text: &'static str,
    endpoint: &Endpoint,
    columns: &Columns,
) -> StoreResult<()> {
    let written = Sql::new(text)
        .with(endpoint.id.uuid())
        .with(endpoint.app_id.uuid())
        .with(&endpoint.uid)
        .with(&endpoint.url)
        .with(&endpoint.description)
        .with(&endpoint.metadata)
        .with(endpoint.version)
        .with(endpoint.disabled)
        .with(&columns.event_types)
        .with(&columns.channels)
        .with(endpoint.throttle_rate.map(i32::from))
        .with(endpoint.timeout_seconds.map(i32::from))
        .with(&columns.retry_policy)
        .with(endpoint.header_family.code())
        .with(&columns.headers)
        .with(endpoint.disabled_reason.map(DisabledReason::code))
        .with(endpoint.disabled_at.map(Timestamp::micros))
        .with(endpoint.revision)
        .with(endpoint.updated_at.micros())
        .with(&columns.signature_scheme);
    tx.run(written).await?;
    let revision = Sql::new(INSERT_REVISION)
        .with(endpoint.id.uuid())
        .with(endpoint.revision)
        .with(&endpoint.url)
        .with(&columns.header_names)
        .with(endpoint.header_family.code())
        .with(endpoint.updated_at.micros())
        .with(&columns.signature_scheme);
    tx.run(revision).await.map(|_| ())
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
        let (disabled_reason, disabled_at) = match (self.disabled, settings.disabled) {
            (_, false) => (None, None),
            (true, true) => (self.disabled_reason, self.disabled_at),
            (false, true) => (Some(DisabledReason::Manual), Some(now)),
        };
        Self {
            id: self.id,
            app_id: self.app_id,
            uid: settings.uid,
            url: settings.url,
            description: settings.description,
            metadata: settings.metadata,
            version: settings.version,
            disabled: settings.disabled,
            disabled_reason,
            disabled_at,
            event_types: settings.event_types,
            channels: settings.channels,
            throttle_rate: settings.throttle_rate,
            timeout_seconds: settings.timeout_seconds,
            retry_policy: settings.retry_policy,
            header_family: settings.header_family,
            signature_scheme: settings.signature_scheme,
            headers: settings.headers,
            revision: self.revision + 1,
            created_at: self.created_at,
            updated_at: now,
        }
    }

    /// What an endpoint is before its first settings.
    fn blank(id: EndpointId, app_id: AppId, now: Timestamp) -> Self {
        let settings = EndpointSettings::default();
        Self {
            id,
            app_id,
            uid: None,
            url: settings.url,
            description: settings.description,
            metadata: settings.metadata,
            version: settings.version,
            disabled: false,
            disabled_reason: None,
            disabled_at: None,
            event_types: None,
            channels: None,
            throttle_rate: None,
            timeout_seconds: None,
            retry_policy: None,
            header_family: settings.header_family,
            signature_scheme: settings.signature_scheme,
            headers: settings.headers,
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
        let columns = Columns::of(&self.cipher, id, &new.settings)?;
        let endpoint = Endpoint::blank(id, app, now).changed(new.settings, now);
        let secrets = secret::seal_all(&self.cipher, &new.secrets, now)?;
        let mut tx = self.begin("creating an endpoint").await?;
        config_changed(&mut tx, app, now).await?;
        write_endpoint(&mut tx, INSERT, &endpoint, &columns).await?;
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
            ..endpoint.settings()
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
        let columns = Columns::of(&self.cipher, id, &settings)?;
        let was_disabled = before.disabled;
        let endpoint = before.changed(settings, now);
        write_endpoint(&mut tx, UPDATE, &endpoint, &columns).await?;
        write_secrets(&mut tx, id, &secrets, now).await?;
        if was_disabled && !endpoint.disabled {
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
        if endpoint.disabled {
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
        if before.disabled {
            return Ok(false);
        }
        let settings = EndpointSettings {
            disabled: true,
            ..before.settings()
        };
        let columns = Columns::of(&self.cipher, id, &settings)?;
        let mut endpoint = before.changed(settings, now);
        endpoint.disabled_reason = Some(reason);
        write_endpoint(&mut tx, UPDATE, &endpoint, &columns).await?;
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
        INSERT,
        UPDATE,
        INSERT_REVISION,
        FAILING_SINCE,
        FORGET_HEALTH,
        APP_OF_ENABLED,
        DELETE,
        FORGET_SECRETS,
    ],
    ..Statements::NONE
};
