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
use crate::engine::sql::Column;
#[cfg(test)]
use crate::engine::sql::Statements;

/// An endpoint as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Of this instance of it: a uid may come again, an id never does.
    pub id: EndpointId,
    /// The application whose events it gets.
    pub app_id: AppId,
    /// What a caller may set of it.
    pub settings: EndpointSettings,
    /// Why nothing is sent.
    pub disabled_reason: Option<DisabledReason>,
    /// Since when nothing is sent.
    pub disabled_at: Option<Timestamp>,
    /// Rises with every change of the endpoint.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may set of an endpoint. Its `Debug` shows neither its URL nor its
/// headers, which may hold credentials.
#[derive(Clone, PartialEq)]
pub struct EndpointSettings {
    /// The id that its maker gives it.
    pub uid: Option<String>,
    /// Where to send.
    pub url: String,
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

const TABLE: &str = "endpoint";
/// What custom headers are sealed for.
const HEADERS_PLACE: &str = "endpoint.headers";

/// What [`Row`] is read from.
pub(crate) const COLUMNS: &str = "e.id, e.app_id, e.uid, e.url, e.description, e.metadata, e.version, e.disabled, \
    e.event_types, e.channels, e.throttle_rate, e.timeout_seconds, e.retry_policy, e.header_family, e.headers, \
    e.signature_scheme, e.disabled_reason, e.disabled_at, e.revision, e.created_at, e.updated_at";

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
    event_types: Option<String>,
    channels: Option<String>,
    throttle_rate: Option<i32>,
    timeout_seconds: Option<i32>,
    retry_policy: Option<String>,
    header_family: i16,
    headers: Option<Vec<u8>>,
    signature_scheme: Option<String>,
    disabled_reason: Option<i16>,
    disabled_at: Option<i64>,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    pub(crate) fn open(self, cipher: &Cipher) -> StoreResult<Endpoint> {
        let id = EndpointId::from_uuid(self.id);
        let reason = |code| row::code(TABLE, "disabled_reason", id, code);
        Ok(Endpoint {
            id,
            app_id: AppId::from_uuid(self.app_id),
            disabled_reason: self.disabled_reason.map(reason).transpose()?,
            disabled_at: self.disabled_at.map(Timestamp::from_micros),
            revision: self.revision,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
            settings: self.settings(id, cipher)?,
        })
    }

    fn settings(self, id: EndpointId, cipher: &Cipher) -> StoreResult<EndpointSettings> {
        let seconds =
            |seconds| u8::try_from(seconds).map_err(|_| corrupt(TABLE, "timeout_seconds", id));
        let scheme = self.signature_scheme.as_deref();
        Ok(EndpointSettings {
            uid: self.uid,
            url: self.url,
            description: self.description,
            metadata: self.metadata,
            version: self.version,
            disabled: self.disabled,
            event_types: row::json(TABLE, "event_types", id, self.event_types.as_deref())?,
            channels: row::json(TABLE, "channels", id, self.channels.as_deref())?,
            throttle_rate: row::rate(TABLE, id, self.throttle_rate)?,
            timeout_seconds: self.timeout_seconds.map(seconds).transpose()?,
            retry_policy: row::json(TABLE, "retry_policy", id, self.retry_policy.as_deref())?,
            header_family: row::code(TABLE, "header_family", id, self.header_family)?,
            headers: open_headers(cipher, id, self.headers.as_deref())?,
            signature_scheme: row::json(TABLE, "signature_scheme", id, scheme)?.unwrap_or_default(),
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
    serde_json::from_slice(&text).map_err(|_| corrupt(TABLE, "headers", id))
}

impl Endpoint {
    /// What its row holds that a change may write, by column.
    pub(crate) fn columns(&self, cipher: &Cipher) -> StoreResult<Vec<Column>> {
        let mut columns = self.settings.columns(self.id, cipher)?;
        let reason = self.disabled_reason.map(DisabledReason::code);
        columns.extend([
            ("disabled_reason", reason.into()),
            (
                "disabled_at",
                self.disabled_at.map(Timestamp::micros).into(),
            ),
            ("revision", self.revision.into()),
            ("updated_at", self.updated_at.micros().into()),
        ]);
        Ok(columns)
    }

    /// What `endpoint_revision` keeps of it as it is now, by column: what attempts show of
    /// the endpoint that they were made to.
    pub(crate) fn revision_columns(&self) -> StoreResult<Vec<Column>> {
        let (id, settings) = (self.id, &self.settings);
        let names: Vec<_> = settings.headers.keys().collect();
        let names = row::to_json("endpoint_revision", "header_names", id, &names)?;
        Ok(vec![
            ("endpoint_id", id.uuid().into()),
            ("revision", self.revision.into()),
            ("url", (&settings.url).into()),
            ("header_names", names.into()),
            ("header_family", settings.header_family.code().into()),
            ("signature_scheme", settings.scheme_column(id)?.into()),
            ("created_at", self.updated_at.micros().into()),
        ])
    }
}

impl EndpointSettings {
    fn columns(&self, id: EndpointId, cipher: &Cipher) -> StoreResult<Vec<Column>> {
        let names = |column, names: Option<&Vec<String>>| {
            names
                .map(|names| row::to_json(TABLE, column, id, names))
                .transpose()
        };
        let policy = self.retry_policy.as_ref();
        let policy = policy
            .map(|policy| row::to_json(TABLE, "retry_policy", id, policy))
            .transpose()?;
        Ok(vec![
            ("uid", (&self.uid).into()),
            ("url", (&self.url).into()),
            ("description", (&self.description).into()),
            ("metadata", (&self.metadata).into()),
            ("version", self.version.into()),
            ("disabled", self.disabled.into()),
            (
                "event_types",
                names("event_types", self.event_types.as_ref())?.into(),
            ),
            (
                "channels",
                names("channels", self.channels.as_ref())?.into(),
            ),
            ("throttle_rate", self.throttle_rate.map(i32::from).into()),
            (
                "timeout_seconds",
                self.timeout_seconds.map(i32::from).into(),
            ),
            ("retry_policy", policy.into()),
            ("header_family", self.header_family.code().into()),
            ("headers", self.sealed_headers(id, cipher)?.into()),
            ("signature_scheme", self.scheme_column(id)?.into()),
        ])
    }

    /// Nothing where there are none.
    fn sealed_headers(&self, id: EndpointId, cipher: &Cipher) -> StoreResult<Option<Vec<u8>>> {
        if self.headers.is_empty() {
            return Ok(None);
        }
        let text = row::to_json(TABLE, "headers", id, &self.headers)?;
        let sealed = cipher.seal(HEADERS_PLACE, id.uuid(), text.as_bytes())?;
        Ok(Some(sealed))
    }

    /// Nothing where deliveries are signed as they are by default.
    fn scheme_column(&self, id: EndpointId) -> StoreResult<Option<String>> {
        let schemes = Some(&self.signature_scheme).filter(|schemes| !schemes.is_standard());
        schemes
            .map(|schemes| row::to_json(TABLE, "signature_scheme", id, schemes))
            .transpose()
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[SELECT_ONE, SELECT_ALL],
    ..Statements::NONE
};
