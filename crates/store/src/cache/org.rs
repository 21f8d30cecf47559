//! Organisations' settings and event types as publishing and retrying need them, in
//! memory beside the applications.
//!
//! Event types lie apart from the organisation, so that one with thousands of large
//! schemas costs what is used of it. Each is kept under the number of its
//! organisation's copy: a change drops the copy, the next has another number, and what
//! was read for the old one is never found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;
use postrider_domain::{EventTypeId, OrgId, OrgSettings, RetryPolicy, Timestamp};

use crate::engine::Store;
use crate::engine::error::{StoreError, StoreResult};
use crate::engine::row::corrupt;
use crate::stored::event_type::EventType;

/// Organisations in memory.
const ORGS: u64 = 20_000;
/// Bytes of event types in memory.
const EVENT_TYPES: u64 = 64 << 20;

/// An organisation as publishing needs it.
#[derive(Debug)]
pub struct OrgConfig {
    pub id: OrgId,
    /// What it decides.
    pub settings: OrgSettings,
    /// No other copy of any organisation has this number.
    copy: u64,
}

/// An event type as publishing and retrying need it.
#[derive(Debug)]
pub struct EventTypeConfig {
    pub id: EventTypeId,
    /// When it last changed: with the id, the name of one revision.
    pub updated_at: Timestamp,
    /// Whether it is hidden.
    pub archived: bool,
    /// When failed attempts are repeated, unless the endpoint says.
    pub retry_policy: Option<RetryPolicy>,
    /// The schema that payloads are checked against: that of the highest version.
    pub schema: Option<String>,
}

type Key = (u64, String);

/// Organisations and event types in memory. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct OrgCache {
    orgs: Cache<OrgId, Arc<OrgConfig>>,
    /// Names that no event type has are kept too.
    event_types: Cache<Key, Option<Arc<EventTypeConfig>>>,
    copies: Arc<AtomicU64>,
    /// Counts what was forgotten, so that a read that began before is not kept.
    forgotten: Arc<AtomicU64>,
}

impl OrgCache {
    pub(crate) fn new() -> Self {
        Self {
            orgs: Cache::new(ORGS),
            event_types: Cache::builder()
                .max_capacity(EVENT_TYPES)
                .weigher(|key: &Key, found: &Option<Arc<EventTypeConfig>>| {
                    let schema = found.as_ref().and_then(|found| found.schema.as_ref());
                    let bytes = 256 + key.1.len() + schema.map_or(0, String::len);
                    u32::try_from(bytes).unwrap_or(u32::MAX)
                })
                .build(),
            copies: Arc::default(),
            forgotten: Arc::default(),
        }
    }

    pub(crate) async fn org(&self, store: &Store, id: OrgId) -> StoreResult<Arc<OrgConfig>> {
        if let Some(org) = self.orgs.get(&id) {
            return Ok(org);
        }
        Box::pin(self.read_org(store, id)).await
    }

    async fn read_org(&self, store: &Store, id: OrgId) -> StoreResult<Arc<OrgConfig>> {
        let before = self.forgotten.load(Ordering::Acquire);
        let org = Arc::new(OrgConfig {
            id,
            settings: store.org_settings(id).await?,
            copy: self.copies.fetch_add(1, Ordering::Relaxed),
        });
        if self.forgotten.load(Ordering::Acquire) == before {
            self.orgs.insert(id, Arc::clone(&org));
        }
        Ok(org)
    }

    pub(crate) async fn event_type(
        &self,
        store: &Store,
        org: &OrgConfig,
        name: &str,
    ) -> StoreResult<Option<Arc<EventTypeConfig>>> {
        let key = (org.copy, name.to_owned());
        if let Some(found) = self.event_types.get(&key) {
            return Ok(found);
        }
        let found = match Box::pin(store.event_type(org.id, name)).await {
            Ok(event_type) => Some(Arc::new(config(event_type)?)),
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        self.event_types.insert(key, found.clone());
        Ok(found)
    }

    pub(crate) fn forget(&self, id: OrgId) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.orgs.invalidate(&id);
    }

    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.orgs.invalidate_all();
    }
}

fn config(event_type: EventType) -> StoreResult<EventTypeConfig> {
    let id = event_type.id;
    let schema = event_type.schemas.as_deref().map(current_schema);
    Ok(EventTypeConfig {
        id,
        updated_at: event_type.updated_at,
        archived: event_type.archived,
        retry_policy: event_type.retry_policy,
        schema: schema
            .transpose()
            .map_err(|_| corrupt("event_type", "schemas", id))?
            .flatten(),
    })
}

/// The schema of the highest version: numbers by their value and before all others,
/// which go by their bytes.
fn current_schema(schemas: &str) -> serde_json::Result<Option<String>> {
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;
    let schemas: BTreeMap<String, Box<RawValue>> = serde_json::from_str(schemas)?;
    let newest = schemas.into_iter().max_by(|(a, _), (b, _)| {
        let number = |version: &str| version.parse::<u64>().ok();
        number(a).cmp(&number(b)).then_with(|| a.cmp(b))
    });
    Ok(newest.map(|(_, schema)| schema.get().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_the_highest_version_counts() {
        for (schemas, current) in [
            ("{}", None),
            (r#"{"1":{"a":1}}"#, Some(r#"{"a":1}"#)),
            (r#"{"9":{"a":9},"10":{"a":10},"2":{}}"#, Some(r#"{"a":10}"#)),
            (r#"{"1":{"a":1},"beta":{}}"#, Some(r#"{"a":1}"#)),
            (r#"{"v1":{},"v2":{"a":2}}"#, Some(r#"{"a":2}"#)),
        ] {
            assert_eq!(current_schema(schemas).unwrap().as_deref(), current);
        }
        assert!(current_schema("[]").is_err());
    }
}
