//! Endpoints: where an application's events go.

use std::collections::BTreeMap;
use std::fmt;

use postrider_domain::{
    AppId, DisabledReason, EndpointId, HeaderFamily, RetryPolicy, SecretId, Timestamp,
};
use uuid::Uuid;

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::page::{Page, PageRequest};
use crate::row::{self, bad};
use crate::sql::Sql;
use crate::{Cipher, Store, StoreError, StoreResult, secret};

/// What custom headers are sealed for.
const HEADERS_PLACE: &str = "endpoint.headers";

macro_rules! columns {
    () => {
        "e.id, e.app_id, e.uid, e.url, e.description, e.metadata, e.version, e.disabled, e.disabled_reason, \
        e.disabled_at, e.event_types, e.channels, e.throttle_rate, e.timeout_seconds, e.retry_policy, \
        e.header_family, e.headers, e.revision, e.created_at, e.updated_at"
    };
}

/// The columns of [`Row`].
pub(crate) const COLUMNS: &str = columns!();

const SELECT_ONE: &str = concat!(
    "select ",
    columns!(),
    " from endpoint e where e.app_id = $1 and e.id = $2 and e.deleted_at is null"
);

/// An endpoint as stored. Its `Debug` shows neither its URL nor its headers, which
/// may hold credentials.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub app_id: AppId,
    /// The id that its maker gave it.
    pub uid: Option<String>,
    /// Where to send.
    pub url: String,
    /// For people.
    pub description: String,
    /// A JSON object of strings, as text.
    pub metadata: String,
    /// The caller's own number, which means nothing to us.
    pub version: i32,
    /// Whether nothing is sent.
    pub disabled: bool,
    /// Why nothing is sent.
    pub disabled_reason: Option<DisabledReason>,
    /// Since when nothing is sent.
    pub disabled_at: Option<Timestamp>,
    /// Only these event types; all if absent.
    pub event_types: Option<Vec<String>>,
    /// Only messages of one of these channels; all if absent.
    pub channels: Option<Vec<String>>,
    /// Messages a second.
    pub throttle_rate: Option<u16>,
    /// Its own deadline for one attempt, in seconds.
    pub timeout_seconds: Option<u8>,
    /// Its own retry policy.
    pub retry_policy: Option<RetryPolicy>,
    /// Which names the delivery's headers go by.
    pub header_family: HeaderFamily,
    /// Custom headers.
    pub headers: BTreeMap<String, String>,
    /// Rises with every change of the endpoint.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("app_id", &self.app_id)
            .field("uid", &self.uid)
            .field("disabled", &self.disabled)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// What a caller may set of it, to be changed and handed to
    /// [`Store::update_endpoint`].
    pub fn settings(&self) -> EndpointSettings {
        EndpointSettings {
            uid: self.uid.clone(),
            url: self.url.clone(),
            description: self.description.clone(),
            metadata: self.metadata.clone(),
            version: self.version,
            disabled: self.disabled,
            event_types: self.event_types.clone(),
            channels: self.channels.clone(),
            throttle_rate: self.throttle_rate,
            timeout_seconds: self.timeout_seconds,
            retry_policy: self.retry_policy.clone(),
            header_family: self.header_family,
            headers: self.headers.clone(),
        }
    }
}

/// What a caller may set of an endpoint. Its `Debug` shows neither its URL nor its
/// headers, which may hold credentials.
#[derive(Clone, PartialEq)]
pub struct EndpointSettings {
    /// The id that its maker gives it.
    pub uid: Option<String>,
    /// Where to send.
    pub url: String,
    /// For people.
    pub description: String,
    /// A JSON object of strings, as text.
    pub metadata: String,
    /// The caller's own number, which means nothing to us.
    pub version: i32,
    /// Whether nothing is sent.
    pub disabled: bool,
    /// Only these event types; all if absent.
    pub event_types: Option<Vec<String>>,
    /// Only messages of one of these channels; all if absent.
    pub channels: Option<Vec<String>>,
    /// Messages a second.
    pub throttle_rate: Option<u16>,
    /// Its own deadline for one attempt, in seconds.
    pub timeout_seconds: Option<u8>,
    /// Its own retry policy.
    pub retry_policy: Option<RetryPolicy>,
    /// Which names the delivery's headers go by.
    pub header_family: HeaderFamily,
    /// Custom headers.
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for EndpointSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointSettings")
            .field("uid", &self.uid)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self {
            uid: None,
            url: String::new(),
            description: String::new(),
            metadata: "{}".to_owned(),
            version: 1,
            disabled: false,
            event_types: None,
            channels: None,
            throttle_rate: None,
            timeout_seconds: None,
            retry_policy: None,
            header_family: HeaderFamily::default(),
            headers: BTreeMap::new(),
        }
    }
}

/// An endpoint to make.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEndpoint {
    /// What a caller may set.
    pub settings: EndpointSettings,
    /// Its first signing secret, with its prefix.
    pub secret: secret::Secret,
}

/// A change of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointUpdate {
    /// Everything that a caller may set, as it should be.
    pub settings: EndpointSettings,
    /// The revision that the settings were made from.
    pub revision: i64,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    app_id: Uuid,
    uid: Option<String>,
    url: String,
    description: String,
    metadata: String,
    version: i32,
    disabled: bool,
    disabled_reason: Option<i16>,
    disabled_at: Option<i64>,
    event_types: Option<String>,
    channels: Option<String>,
    throttle_rate: Option<i32>,
    timeout_seconds: Option<i32>,
    retry_policy: Option<String>,
    header_family: i16,
    headers: Option<Vec<u8>>,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    pub(crate) fn open(self, cipher: &Cipher) -> StoreResult<Endpoint> {
        let id = EndpointId::from_uuid(self.id);
        let table = "endpoint";
        let seconds =
            |seconds| u8::try_from(seconds).map_err(|_| bad(table, "timeout_seconds", id));
        Ok(Endpoint {
            id,
            app_id: AppId::from_uuid(self.app_id),
            uid: self.uid,
            url: self.url,
            description: self.description,
            metadata: self.metadata,
            version: self.version,
            disabled: self.disabled,
            disabled_reason: self
                .disabled_reason
                .map(|code| row::code(table, "disabled_reason", id, code))
                .transpose()?,
            disabled_at: self.disabled_at.map(Timestamp::from_micros),
            event_types: row::json(table, "event_types", id, self.event_types.as_deref())?,
            channels: row::json(table, "channels", id, self.channels.as_deref())?,
            throttle_rate: row::rate(table, id, self.throttle_rate)?,
            timeout_seconds: self.timeout_seconds.map(seconds).transpose()?,
            retry_policy: row::json(table, "retry_policy", id, self.retry_policy.as_deref())?,
            header_family: row::code(table, "header_family", id, self.header_family)?,
            headers: open_headers(cipher, id, self.headers.as_deref())?,
            revision: self.revision,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

fn open_headers(
    cipher: &Cipher,
    id: EndpointId,
    sealed: Option<&[u8]>,
) -> StoreResult<BTreeMap<String, String>> {
    let Some(sealed) = sealed else {
        return Ok(BTreeMap::new());
    };
    let text = cipher.open(HEADERS_PLACE, id.uuid(), sealed)?;
    serde_json::from_slice(&text).map_err(|_| bad("endpoint", "headers", id))
}

/// The columns that need work before they can be bound.
struct Columns {
    event_types: Option<String>,
    channels: Option<String>,
    retry_policy: Option<String>,
    headers: Option<Vec<u8>>,
    /// The names of the custom headers, as JSON.
    header_names: String,
}

impl Columns {
    fn of(cipher: &Cipher, id: EndpointId, settings: &EndpointSettings) -> StoreResult<Self> {
        let names = |column, names: &Option<Vec<String>>| {
            names
                .as_ref()
                .map(|names| row::to_json("endpoint", column, id, names))
                .transpose()
        };
        let policy = settings.retry_policy.as_ref();
        let headers = row::to_json("endpoint", "headers", id, &settings.headers)?;
        let header_names: Vec<_> = settings.headers.keys().collect();
        Ok(Self {
            event_types: names("event_types", &settings.event_types)?,
            channels: names("channels", &settings.channels)?,
            retry_policy: policy
                .map(|policy| row::to_json("endpoint", "retry_policy", id, policy))
                .transpose()?,
            headers: if settings.headers.is_empty() {
                None
            } else {
                Some(cipher.seal(HEADERS_PLACE, id.uuid(), headers.as_bytes())?)
            },
            header_names: row::to_json("endpoint_revision", "header_names", id, &header_names)?,
        })
    }
}

/// Bind id, app, the settings in their order, disabled_reason,
/// disabled_at, revision and now.
const INSERT: &str = "insert into endpoint (id, app_id, uid, url, description, metadata, version, disabled, event_types, \
    channels, throttle_rate, timeout_seconds, retry_policy, header_family, headers, disabled_reason, disabled_at, \
    revision, created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)";

/// Bound as [`INSERT`].
const UPDATE: &str = "update endpoint set uid = $3, url = $4, description = $5, metadata = $6, version = $7, disabled = $8, \
    event_types = $9, channels = $10, throttle_rate = $11, timeout_seconds = $12, retry_policy = $13, \
    header_family = $14, headers = $15, disabled_reason = $16, disabled_at = $17, revision = $18, updated_at = $19 \
    where id = $1 and app_id = $2";

const INSERT_REVISION: &str = "insert into endpoint_revision (endpoint_id, revision, url, header_names, header_family, created_at) \
    values ($1, $2, $3, $4, $5, $6)";

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
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?;
    }};
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
            headers: settings.headers,
            revision: 0,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Store {
    /// The application's endpoint of this id or uid.
    pub async fn endpoint(&self, app: AppId, id_or_uid: &str) -> StoreResult<Endpoint> {
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
        let rows: Vec<Row> = sql.fetch(self, "reading an endpoint").await?;
        let row = rows.into_iter().next();
        row.ok_or(StoreError::NotFound("endpoint"))?
            .open(&self.cipher)
    }

    /// A page of the application's endpoints, by id.
    pub async fn endpoints(
        &self,
        app: AppId,
        page: PageRequest<EndpointId>,
    ) -> StoreResult<Page<Endpoint>> {
        let mut sql = Sql::new("select ");
        sql.push(COLUMNS)
            .push(" from endpoint e where e.app_id = ")
            .bind(app.uuid())
            .push(" and e.deleted_at is null")
            .page("e.id", &page, |id: EndpointId| id.uuid().into());
        let rows: Vec<Row> = sql.fetch(self, "listing endpoints").await?;
        let rows = rows.into_iter().map(|row| row.open(&self.cipher));
        page.finish(rows.collect::<StoreResult<_>>()?)
    }

    /// Makes an endpoint. A taken uid is a conflict on `endpoint_uid`.
    pub async fn create_endpoint(&self, app: AppId, new: NewEndpoint) -> StoreResult<Endpoint> {
        let now = self.clock.now();
        let id = EndpointId::mint(now);
        let columns = Columns::of(&self.cipher, id, &new.settings)?;
        let endpoint = Endpoint::blank(id, app, now).changed(new.settings, now);
        let secret_id = SecretId::mint(now);
        let sealed = secret::seal(&self.cipher, secret_id, new.secret.expose())?;
        transaction!(self, "creating an endpoint", conn => {
            let wrong = wrong("creating an endpoint");
            config_changed!(conn, wrong, app, now);
            write_endpoint!(conn, wrong, INSERT, endpoint, columns);
            sqlx::query(secret::INSERT).bind(secret_id.uuid()).bind(id.uuid()).bind(&sealed).bind(now.micros())
                .execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })?;
        self.announce(ChangeKind::App, app.uuid());
        Ok(endpoint)
    }

    /// Replaces what a caller may set of an endpoint. If it has changed since the
    /// revision that `update` was made from, that is a conflict on
    /// `endpoint_revision`: read it and try again.
    ///
    /// Disabling it cancels its waiting deliveries; enabling it forgets its failures.
    pub async fn update_endpoint(
        &self,
        app: AppId,
        id: EndpointId,
        update: EndpointUpdate,
    ) -> StoreResult<Endpoint> {
        let EndpointUpdate { settings, revision } = update;
        self.change_endpoint(app, id, Some(revision), move |_| settings)
            .await
    }

    /// Replaces the endpoint's custom headers.
    pub async fn set_endpoint_headers(
        &self,
        app: AppId,
        id: EndpointId,
        headers: BTreeMap<String, String>,
    ) -> StoreResult<()> {
        let change = |endpoint: &Endpoint| EndpointSettings {
            headers,
            ..endpoint.settings()
        };
        self.change_endpoint(app, id, None, change)
            .await
            .map(|_| ())
    }

    async fn change_endpoint(
        &self,
        app: AppId,
        id: EndpointId,
        revision: Option<i64>,
        change: impl FnOnce(&Endpoint) -> EndpointSettings,
    ) -> StoreResult<Endpoint> {
        let now = self.clock.now();
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
            if was_disabled && !endpoint.disabled {
                sqlx::query("delete from endpoint_health where endpoint_id = $1").bind(id.uuid())
                    .execute(&mut *conn).await.map_err(wrong)?;
                // A publish that overlapped the disabling may have left work behind.
                sqlx::query(crate::lane::WAKE).bind(id.uuid()).bind(now.micros())
                    .execute(&mut *conn).await.map_err(wrong)?;
            }
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
            let deleted = sqlx::query(
                "update endpoint set deleted_at = $3, updated_at = $3 where app_id = $1 and id = $2 and deleted_at is null",
            ).bind(app.uuid()).bind(id.uuid()).bind(now.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            if deleted.rows_affected() == 0 {
                return Err(StoreError::NotFound("endpoint"));
            }
            for text in [
                "delete from endpoint_secret where endpoint_id = $1",
                "delete from endpoint_health where endpoint_id = $1",
            ] {
                sqlx::query(text).bind(id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            }
            Ok(())
        })?;
        self.announce(ChangeKind::App, app.uuid());
        self.cancel_waiting(id).await
    }
}
