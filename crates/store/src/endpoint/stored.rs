//! Endpoints as rows.

use std::collections::BTreeMap;

use postrider_domain::{AppId, EndpointId, Timestamp};
use uuid::Uuid;

use super::{Endpoint, EndpointSettings};
use crate::row::{self, bad};
use crate::{Cipher, StoreResult};

/// What custom headers are sealed for.
const HEADERS_PLACE: &str = "endpoint.headers";

macro_rules! columns {
    () => {
        "e.id, e.app_id, e.uid, e.url, e.description, e.metadata, e.version, e.disabled, e.disabled_reason, \
        e.disabled_at, e.event_types, e.channels, e.throttle_rate, e.timeout_seconds, e.retry_policy, \
        e.header_family, e.headers, e.revision, e.created_at, e.updated_at, e.signature_scheme"
    };
}

/// The columns of [`Row`].
pub(crate) const COLUMNS: &str = columns!();

pub(super) const SELECT_ONE: &str = concat!(
    "select ",
    columns!(),
    " from endpoint e where e.app_id = $1 and e.id = $2 and e.deleted_at is null"
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
    serde_json::from_slice(&text).map_err(|_| bad("endpoint", "headers", id))
}

/// The columns that need work before they can be bound.
pub(super) struct Columns {
    pub(super) event_types: Option<String>,
    pub(super) channels: Option<String>,
    pub(super) retry_policy: Option<String>,
    pub(super) headers: Option<Vec<u8>>,
    /// The names of the custom headers, as JSON.
    pub(super) header_names: String,
    /// Nothing where deliveries are signed as they are by default.
    pub(super) signature_scheme: Option<String>,
}

impl Columns {
    pub(super) fn of(
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
