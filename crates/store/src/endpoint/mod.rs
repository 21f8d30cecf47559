//! Endpoints: where an application's events go.

mod change;
mod stored;

use std::collections::BTreeMap;
use std::fmt;

use postrider_domain::{
    AppId, DisabledReason, EndpointId, HeaderFamily, RetryPolicy, Schemes, Timestamp,
};

pub(crate) use self::stored::{COLUMNS, Row};
use crate::page::{Page, PageRequest};
use crate::sql::Sql;
use crate::{NewSecret, Store, StoreError, StoreResult};

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
    /// How deliveries are signed.
    pub signature_scheme: Schemes,
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
            signature_scheme: self.signature_scheme.clone(),
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
    /// How deliveries are signed.
    pub signature_scheme: Schemes,
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
            signature_scheme: Schemes::default(),
            headers: BTreeMap::new(),
        }
    }
}

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
}
