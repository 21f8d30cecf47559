//! Endpoints as rows.

use std::collections::BTreeMap;
use std::fmt;

use const_format::concatcp;
use postrider_domain::{
    AppId, DisabledReason, EndpointId, HeaderFamily, RetryPolicy, Schemes, Timestamp,
};
use uuid::Uuid;

use crate::engine::cipher::Cipher;
use crate::engine::error::StoreResult;
use crate::engine::row::{self, corrupt};
#[cfg(test)]
use crate::engine::sql::Statements;

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
    /// [`crate::Store::update_endpoint`].
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

/// What custom headers are sealed for.
const HEADERS_PLACE: &str = "endpoint.headers";

/// The columns of [`Row`].
pub(crate) const COLUMNS: &str = "e.id, e.app_id, e.uid, e.url, e.description, e.metadata, e.version, e.disabled, e.disabled_reason, \
        e.disabled_at, e.event_types, e.channels, e.throttle_rate, e.timeout_seconds, e.retry_policy, \
        e.header_family, e.headers, e.revision, e.created_at, e.updated_at, e.signature_scheme";

pub(crate) const SELECT_ONE: &str = concatcp!(
    "select ",
    COLUMNS,
    " from endpoint e where e.app_id = $1 and e.id = $2 and e.deleted_at is null"
);

/// Bind the application: its endpoints that are not deleted.
pub(crate) const SELECT_ALL: &str = concatcp!(
    "select ",
    COLUMNS,
    " from endpoint e where e.app_id = $1 and e.deleted_at is null order by e.id"
);

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
    signature_scheme: Option<String>,
}

impl Row {
    pub(crate) fn open(self, cipher: &Cipher) -> StoreResult<Endpoint> {
        let id = EndpointId::from_uuid(self.id);
        let table = "endpoint";
        let seconds =
            |seconds| u8::try_from(seconds).map_err(|_| corrupt(table, "timeout_seconds", id));
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
            signature_scheme: row::json(
                table,
                "signature_scheme",
                id,
                self.signature_scheme.as_deref(),
            )?
            .unwrap_or_default(),
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
    serde_json::from_slice(&text).map_err(|_| corrupt("endpoint", "headers", id))
}

/// The columns that need work before they can be bound.
pub(crate) struct Columns {
    pub(crate) event_types: Option<String>,
    pub(crate) channels: Option<String>,
    pub(crate) retry_policy: Option<String>,
    pub(crate) headers: Option<Vec<u8>>,
    /// The names of the custom headers, as JSON.
    pub(crate) header_names: String,
    /// Nothing where deliveries are signed as they are by default.
    pub(crate) signature_scheme: Option<String>,
}

impl Columns {
    pub(crate) fn of(
        cipher: &Cipher,
        id: EndpointId,
        settings: &EndpointSettings,
    ) -> StoreResult<Self> {
        let names = |column, names: &Option<Vec<String>>| {
            names
                .as_ref()
                .map(|names| row::to_json("endpoint", column, id, names))
                .transpose()
        };
        let policy = settings.retry_policy.as_ref();
        let schemes = Some(&settings.signature_scheme).filter(|schemes| !schemes.is_standard());
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
            signature_scheme: schemes
                .map(|schemes| row::to_json("endpoint", "signature_scheme", id, schemes))
                .transpose()?,
        })
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[SELECT_ONE, SELECT_ALL],
    ..Statements::NONE
};
