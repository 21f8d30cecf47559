//! Applications with their endpoints and secrets, as publishing and sending need
//! them: read from memory, forgotten as soon as anybody changes them.
//!
//! A cached application may be stale for the moment that news of a change takes.
//! Two checks close that gap: the ingest transaction compares versions, and a claim
//! says which version it has seen, below which the sender reads again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use postrider_domain::{AppId, EndpointId, Filter, OrgId, SchemeKind, SecretId, Timestamp};
use uuid::Uuid;

use super::org::{EventTypeConfig, OrgCache, OrgConfig};
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::{Change, ChangeKind};
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::endpoint::{Endpoint, EndpointSettings, Row, SELECT_ALL};
use crate::stored::secret::{self, Secret};

/// How much the cache holds, in applications and endpoints together.
const CAPACITY: u64 = 200_000;

/// An application and everything that delivering for it needs.
#[derive(Debug)]
pub struct AppConfig {
    pub id: AppId,
    pub org_id: OrgId,
    /// The id that the organisation gave it.
    pub uid: Option<String>,
    /// Rises with every change of the application or one of its endpoints.
    pub version: i64,
    /// Messages a second to all its endpoints together.
    pub throttle_rate: Option<u16>,
    /// Whether its organisation may want to hear of its deliveries.
    pub is_watched: bool,
    /// Its endpoints that are not deleted, by id.
    pub endpoints: Vec<Arc<EndpointConfig>>,
    by_id: HashMap<EndpointId, usize>,
}

/// An endpoint as a send needs it.
pub struct EndpointConfig {
    pub id: EndpointId,
    /// Rises with every change of the endpoint.
    pub revision: i64,
    /// What was set of it, but for what memory need not hold: `description` and `metadata`,
    /// and `event_types` and `channels`, which are in `filter`.
    pub settings: EndpointSettings,
    /// Which messages it wants.
    pub filter: Filter,
    /// Signing secrets, of each kind of scheme the current one first; an old one until it
    /// expires.
    pub secrets: Vec<EndpointSecret>,
}

/// A signing secret as a send needs it.
pub struct EndpointSecret {
    /// Which schemes sign with it.
    pub scheme: SchemeKind,
    /// The secret as it was given.
    pub text: Secret,
    /// When it stops signing.
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("disabled", &self.settings.disabled)
            .finish_non_exhaustive()
    }
}

impl EndpointConfig {
    fn new(endpoint: Endpoint, secrets: Vec<EndpointSecret>) -> Self {
        let mut settings = endpoint.settings;
        let filter = Filter::new(settings.event_types.take(), settings.channels.take());
        settings.description = String::new();
        "{}".clone_into(&mut settings.metadata);
        Self {
            id: endpoint.id,
            revision: endpoint.revision,
            settings,
            filter,
            secrets,
        }
    }

    /// Its own deadline of one attempt.
    pub fn timeout(&self) -> Option<Duration> {
        let seconds = self.settings.timeout_seconds?;
        Some(Duration::from_secs(seconds.into()))
    }
}

impl AppConfig {
    /// The endpoint of this id, if it is the application's and not deleted.
    pub fn endpoint(&self, id: EndpointId) -> Option<&Arc<EndpointConfig>> {
        self.by_id.get(&id).and_then(|&at| self.endpoints.get(at))
    }

    fn is_called(&self, id_or_uid: &str) -> bool {
        self.uid.as_deref() == Some(id_or_uid) || id_or_uid.parse() == Ok(self.id)
    }
}

/// Applications, organisations and event types in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct AppCache {
    store: Store,
    apps: Cache<AppId, Arc<AppConfig>>,
    names: Cache<(OrgId, String), AppId>,
    orgs: OrgCache,
    /// Counts what was forgotten, so that a read that began before is not kept.
    forgotten: Arc<AtomicU64>,
}

impl AppCache {
    /// An empty cache over the store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            apps: Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|_, app: &Arc<AppConfig>| {
                    u32::try_from(1 + app.endpoints.len()).unwrap_or(u32::MAX)
                })
                .build(),
            names: Cache::new(CAPACITY),
            orgs: OrgCache::new(),
            forgotten: Arc::default(),
        }
    }

    /// The application of this id or uid in this organisation.
    pub async fn app(&self, org: OrgId, id_or_uid: &str) -> StoreResult<Arc<AppConfig>> {
        let name = (org, id_or_uid.to_owned());
        if let Some(id) = self.names.get(&name)
            && let Some(app) = self.apps.get(&id)
            && app.is_called(id_or_uid)
        {
            return Ok(app);
        }
        // Boxed, like every read of the database on a hot path: its future is large, and
        // would be moved with its caller's at each step although it is hardly ever run.
        Box::pin(self.find(name)).await
    }

    async fn find(&self, name: (OrgId, String)) -> StoreResult<Arc<AppConfig>> {
        let id = self.store.app(name.0, &name.1).await?.id;
        let app = self.app_at_least(id, 0).await?;
        if app.org_id != name.0 {
            return Err(StoreError::NotFound(Entity::Application));
        }
        self.names.insert(name, id);
        Ok(app)
    }

    /// The application of this id, no older than `version`.
    pub async fn app_at_least(&self, id: AppId, version: i64) -> StoreResult<Arc<AppConfig>> {
        if let Some(app) = self.apps.get(&id).filter(|app| app.version >= version) {
            return Ok(app);
        }
        Box::pin(self.read(id)).await
    }

    async fn read(&self, id: AppId) -> StoreResult<Arc<AppConfig>> {
        let before = self.forgotten.load(Ordering::Acquire);
        let app = Arc::new(self.store.load_app(id).await?);
        if self.forgotten.load(Ordering::Acquire) == before {
            self.apps.insert(id, Arc::clone(&app));
        }
        Ok(app)
    }

    /// The organisation with its settings.
    pub async fn org(&self, id: OrgId) -> StoreResult<Arc<OrgConfig>> {
        self.orgs.org(&self.store, id).await
    }

    /// The organisation's event type of this name, archived or not, if there is one.
    pub async fn event_type(
        &self,
        org: &OrgConfig,
        name: &str,
    ) -> StoreResult<Option<Arc<EventTypeConfig>>> {
        self.orgs.event_type(&self.store, org, name).await
    }

    /// Forgets an organisation with its settings and event types.
    pub fn forget_org(&self, id: OrgId) {
        self.orgs.forget(id);
    }

    /// Forgets an application, so that it is read again.
    pub fn forget_app(&self, id: AppId) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.apps.invalidate(&id);
    }

    fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.apps.invalidate_all();
        self.orgs.forget_all();
    }

    /// Forgets what changes, until it is dropped.
    pub async fn follow_changes(&self) {
        use tokio::sync::broadcast::error::RecvError;
        let mut changes = self.store.subscribe();
        loop {
            match changes.recv().await {
                Ok(Change {
                    kind: ChangeKind::App,
                    id,
                    ..
                }) => self.forget_app(AppId::from_uuid(id)),
                Ok(Change {
                    kind: ChangeKind::Org,
                    id,
                    ..
                }) => self.forget_org(OrgId::from_uuid(id)),
                // Once for each organisation; or what was missed may be anything.
                Ok(Change {
                    kind: ChangeKind::Operational | ChangeKind::Lost,
                    ..
                })
                | Err(RecvError::Lagged(_)) => self.forget_all(),
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

#[derive(sqlx::FromRow)]
struct AppRow {
    org_id: Uuid,
    uid: Option<String>,
    throttle_rate: Option<i32>,
    config_version: i64,
    is_watched: bool,
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    id: Uuid,
    endpoint_id: Uuid,
    scheme: i16,
    secret: Vec<u8>,
    expires_at: Option<i64>,
}

const APP: &str = "select a.org_id, a.uid, a.throttle_rate, a.config_version, \
    (case when o.app_id is null then false else true end) as is_watched \
    from app a left join operational_app o on o.org_id = a.org_id where a.id = $1 and a.deleted_at is null";
const SECRETS: &str = "select s.id, s.endpoint_id, s.scheme, s.secret, s.expires_at from endpoint_secret s \
    join endpoint e on e.id = s.endpoint_id \
    where e.app_id = $1 and e.deleted_at is null and (s.expires_at is null or s.expires_at > $2) \
    order by s.endpoint_id, (case when s.expires_at is null then 0 else 1 end), s.expires_at desc";

impl Store {
    /// Reads an application with its endpoints and secrets, all of one moment or
    /// with the older version, so that a change in between is noticed later.
    pub(crate) async fn load_app(&self, id: AppId) -> StoreResult<AppConfig> {
        // The version first: what is read after it can only be newer.
        let app: Option<AppRow> = self
            .read("reading an application")
            .optional(Sql::new(APP).with(id.uuid()))
            .await?;
        let app = app.ok_or(StoreError::NotFound(Entity::Application))?;
        let rows: Vec<Row> = self
            .read("reading endpoints")
            .all(Sql::new(SELECT_ALL).with(id.uuid()))
            .await?;
        let mut secrets = self.load_secrets(id).await?;
        let endpoints = rows
            .into_iter()
            .map(|row| {
                let endpoint = row.open(&self.cipher)?;
                let secrets = secrets.remove(&endpoint.id.uuid()).unwrap_or_default();
                Ok(Arc::new(EndpointConfig::new(endpoint, secrets)))
            })
            .collect::<StoreResult<Vec<_>>>()?;
        Ok(AppConfig {
            id,
            org_id: OrgId::from_uuid(app.org_id),
            uid: app.uid,
            version: app.config_version,
            throttle_rate: row::rate("app", id, app.throttle_rate)?,
            is_watched: app.is_watched,
            by_id: endpoints
                .iter()
                .enumerate()
                .map(|(at, endpoint)| (endpoint.id, at))
                .collect(),
            endpoints,
        })
    }

    /// The secrets that sign now, by endpoint: of each the current ones first.
    async fn load_secrets(&self, app: AppId) -> StoreResult<HashMap<Uuid, Vec<EndpointSecret>>> {
        let now = self.clock.now().micros();
        let rows: Vec<SecretRow> = self
            .read("reading secrets")
            .all(Sql::new(SECRETS).with(app.uuid()).with(now))
            .await?;
        let mut secrets: HashMap<Uuid, Vec<EndpointSecret>> = HashMap::new();
        for row in rows {
            let endpoint = row.endpoint_id;
            let opened = self.open_secret(&row)?;
            secrets.entry(endpoint).or_default().push(opened);
        }
        Ok(secrets)
    }

    fn open_secret(&self, row: &SecretRow) -> StoreResult<EndpointSecret> {
        let id = SecretId::from_uuid(row.id);
        Ok(EndpointSecret {
            scheme: row::code("endpoint_secret", "scheme", id, row.scheme)?,
            text: secret::open(&self.cipher, id, &row.secret)?,
            expires_at: row.expires_at.map(Timestamp::from_micros),
        })
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[APP, SECRETS],
    ..Statements::NONE
};
