//! Making, changing and deleting endpoints.
//!
//! Whatever changes an endpoint holds its application's row first, and leaves a
//! revision behind that attempts refer to.

use std::collections::BTreeMap;

use postrider_domain::{AppId, DisabledReason, EndpointId, Timestamp};
use uuid::Uuid;

use super::stored::{Columns, Row, SELECT_ONE};
use super::{Endpoint, EndpointSettings, EndpointUpdate, NewEndpoint};
use crate::change::ChangeKind;
use crate::error::wrong;
use crate::operational::tell::{EndpointEvent, listener, tell_of_endpoint, write_event};
use crate::{NewSecret, Store, StoreError, StoreResult, secret};

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

/// Writes an endpoint and its revision with [`INSERT`] or [`UPDATE`].
macro_rules! write_endpoint {
    ($conn:ident, $wrong:ident, $text:expr, $endpoint:ident, $columns:ident) => {{
        sqlx::query($text)
            .bind($endpoint.id.uuid())
            .bind($endpoint.app_id.uuid())
            .bind(&$endpoint.uid)
            .bind(&$endpoint.url)
            .bind(&$endpoint.description)
            .bind(&$endpoint.metadata)
            .bind($endpoint.version)
            .bind($endpoint.disabled)
            .bind(&$columns.event_types)
            .bind(&$columns.channels)
            .bind($endpoint.throttle_rate.map(i32::from))
            .bind($endpoint.timeout_seconds.map(i32::from))
            .bind(&$columns.retry_policy)
            .bind($endpoint.header_family.code())
            .bind(&$columns.headers)
            .bind($endpoint.disabled_reason.map(DisabledReason::code))
            .bind($endpoint.disabled_at.map(Timestamp::micros))
            .bind($endpoint.revision)
            .bind($endpoint.updated_at.micros())
            .bind(&$columns.signature_scheme)
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?;
        sqlx::query(INSERT_REVISION)
            .bind($endpoint.id.uuid())
            .bind($endpoint.revision)
            .bind(&$endpoint.url)
            .bind(&$columns.header_names)
            .bind($endpoint.header_family.code())
            .bind($endpoint.updated_at.micros())
            .bind(&$columns.signature_scheme)
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?;
    }};
}

/// Writes the first secrets of schemes that an endpoint did not have before.
macro_rules! write_secrets {
    ($conn:ident, $wrong:ident, $endpoint:expr, $secrets:ident, $now:ident) => {
        for secret in &$secrets {
            sqlx::query(secret::INSERT)
                .bind(secret.id.uuid())
                .bind($endpoint.uuid())
                .bind(&secret.bytes)
                .bind($now.micros())
                .bind(secret.scheme.code())
                .execute(&mut *$conn)
                .await
                .map_err($wrong)?;
        }
    };
}

/// Reads an endpoint that is not deleted, in a transaction that holds the
/// application's lock.
macro_rules! current_endpoint {
    ($conn:ident, $wrong:ident, $store:expr, $app:expr, $id:expr) => {{
        let row: Option<Row> = sqlx::query_as(SELECT_ONE)
            .bind($app.uuid())
            .bind($id.uuid())
            .fetch_optional(&mut *$conn)
            .await
            .map_err($wrong)?;
        row.ok_or(StoreError::NotFound("endpoint"))?
            .open(&$store.cipher)?
    }};
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

impl Store {
    /// Makes an endpoint. A taken uid is a conflict on `endpoint_uid`.
    pub async fn create_endpoint(&self, app: AppId, new: NewEndpoint) -> StoreResult<Endpoint> {
        let now = self.clock.now();
        let id = EndpointId::mint(now);
        let columns = Columns::of(&self.cipher, id, &new.settings)?;
        let endpoint = Endpoint::blank(id, app, now).changed(new.settings, now);
        let secrets = secret::seal_all(&self.cipher, &new.secrets, now)?;
        transaction!(self, "creating an endpoint", conn => {
            let wrong = wrong("creating an endpoint");
            config_changed!(conn, wrong, app, now);
            write_endpoint!(conn, wrong, INSERT, endpoint, columns);
            write_secrets!(conn, wrong, id, secrets, now);
            tell_of_endpoint!(conn, wrong, &endpoint, now, [EndpointEvent::Created]);
            Ok(())
        })?;
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
        let endpoint = transaction!(self, "updating an endpoint", conn => {
            let wrong = wrong("updating an endpoint");
            config_changed!(conn, wrong, app, now);
            let before = current_endpoint!(conn, wrong, self, app, id);
            if revision.is_some_and(|revision| revision != before.revision) {
                return Err(StoreError::Conflict("endpoint_revision"));
            }
            let settings = change(&before);
            let columns = Columns::of(&self.cipher, id, &settings)?;
            let was_disabled = before.disabled;
            let endpoint = before.changed(settings, now);
            write_endpoint!(conn, wrong, UPDATE, endpoint, columns);
            write_secrets!(conn, wrong, id, secrets, now);
            if was_disabled && !endpoint.disabled {
                sqlx::query("delete from endpoint_health where endpoint_id = $1").bind(id.uuid())
                    .execute(&mut *conn).await.map_err(wrong)?;
                // A publish that overlapped the disabling may have left work behind.
                sqlx::query(crate::lane::WAKE).bind(id.uuid()).bind(now.micros())
                    .execute(&mut *conn).await.map_err(wrong)?;
            }
            let disabled = endpoint.disabled_reason.filter(|_| !was_disabled).map(|reason| {
                EndpointEvent::Disabled { reason, failing_since: None }
            });
            let events = std::iter::once(EndpointEvent::Updated).chain(disabled);
            tell_of_endpoint!(conn, wrong, &endpoint, now, events);
            Ok(endpoint)
        })?;
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
        let app: Option<Uuid> = read!(self, "reading an endpoint", pool => sqlx::query_scalar(
            "select app_id from endpoint where id = $1 and deleted_at is null and disabled = false",
        ).bind(id.uuid()).fetch_optional(pool).await)?;
        let Some(app) = app.map(AppId::from_uuid) else {
            self.cancel_waiting(id).await?;
            return Ok(false);
        };
        let disabled = transaction!(self, "disabling an endpoint", conn => {
            let wrong = wrong("disabling an endpoint");
            config_changed!(conn, wrong, app, now);
            let before = current_endpoint!(conn, wrong, self, app, id);
            if before.disabled {
                return Ok(false);
            }
            let settings = EndpointSettings { disabled: true, ..before.settings() };
            let columns = Columns::of(&self.cipher, id, &settings)?;
            let mut endpoint = before.changed(settings, now);
            endpoint.disabled_reason = Some(reason);
            write_endpoint!(conn, wrong, UPDATE, endpoint, columns);
            let failing_since: Option<i64> = sqlx::query_scalar(
                "select first_failure_at from endpoint_health where endpoint_id = $1",
            ).bind(id.uuid()).fetch_optional(&mut *conn).await.map_err(wrong)?;
            // The failure that led here may be recorded later than this.
            let failing_since = Some(failing_since.map_or(now, Timestamp::from_micros));
            tell_of_endpoint!(conn, wrong, &endpoint, now, [EndpointEvent::Disabled { reason, failing_since }]);
            Ok(true)
        });
        let disabled = match disabled {
            Err(StoreError::NotFound(_)) => false,
            other => other?,
        };
        self.announce(ChangeKind::App, app.uuid());
        self.cancel_waiting(id).await?;
        Ok(disabled)
    }

    /// Deletes an endpoint: its uid is free, its history stays, and what waits for
    /// it is cancelled.
    pub async fn delete_endpoint(&self, app: AppId, id: EndpointId) -> StoreResult<()> {
        let now = self.clock.now();
        transaction!(self, "deleting an endpoint", conn => {
            let wrong = wrong("deleting an endpoint");
            config_changed!(conn, wrong, app, now);
            let endpoint = current_endpoint!(conn, wrong, self, app, id);
            sqlx::query(
                "update endpoint set deleted_at = $3, updated_at = $3 where app_id = $1 and id = $2 and deleted_at is null",
            ).bind(app.uuid()).bind(id.uuid()).bind(now.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            for text in [
                "delete from endpoint_secret where endpoint_id = $1",
                "delete from endpoint_health where endpoint_id = $1",
            ] {
                sqlx::query(text).bind(id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            }
            tell_of_endpoint!(conn, wrong, &endpoint, now, [EndpointEvent::Deleted]);
            Ok(())
        })?;
        self.announce(ChangeKind::App, app.uuid());
        self.cancel_waiting(id).await
    }
}
