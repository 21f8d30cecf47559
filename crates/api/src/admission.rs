//! What stands between a checked message and the queue: the organisation's rate limit,
//! its catalogue, and the schemas of its event types. Nothing here asks the database for
//! what it has asked before.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use postrider_domain::{Bucket, OrgId, Timestamp};
use postrider_store::{AppCache, OrgConfig};

use crate::error::{ApiError, ApiResult, Code};
use crate::schema::{Compiled, Schemas};

/// Payloads beyond this size are compared with their schema on a thread that may block.
const INLINE: usize = 32 * 1024;
/// Beyond so many buckets, those that are full are forgotten.
const BUCKETS: usize = 10_000;

/// The gate of one node.
pub(crate) struct Admission {
    schemas: Schemas,
    buckets: Mutex<Buckets>,
}

/// Of each organisation that has published in the last moments, what it may publish now.
struct Buckets {
    of: HashMap<OrgId, Bucket>,
    /// How many there are when they are looked through next.
    look_at: usize,
}

impl Buckets {
    fn new() -> Self {
        Self {
            of: HashMap::new(),
            look_at: BUCKETS,
        }
    }

    fn of(&mut self, org: OrgId, rate: u16, now: Timestamp) -> &mut Bucket {
        if self.of.len() >= self.look_at && !self.of.contains_key(&org) {
            self.of.retain(|_, bucket| !bucket.is_full(now));
            // Twice what is left, so that the looks stay few.
            self.look_at = BUCKETS.max(self.of.len() * 2);
        }
        let bucket = self.of.entry(org).or_insert_with(|| Bucket::new(rate, now));
        if bucket.rate() != rate {
            bucket.set_rate(rate, now);
        }
        bucket
    }
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self {
            schemas: Schemas::new(),
            buckets: Mutex::new(Buckets::new()),
        }
    }

    /// Takes one message from what the organisation may publish in this second.
    pub(crate) fn take(&self, org: &OrgConfig, now: Timestamp) -> ApiResult<()> {
        let Some(rate) = org.settings.rate_limit else {
            return Ok(());
        };
        let mut buckets = self.buckets.lock();
        buckets.of(org.id, rate, now).try_take(now).map_err(|when| {
            ApiError::new(
                Code::RateLimited,
                format!("The organisation publishes more than {rate} messages a second: wait, then try again"),
            )
            .retry_after(when.since(now).max(Duration::from_millis(1)))
        })
    }

    /// Whether the organisation's catalogue allows the message.
    pub(crate) async fn check(
        &self,
        cache: &AppCache,
        org: &OrgConfig,
        event_type: &str,
        payload: &Bytes,
    ) -> ApiResult<()> {
        let settings = &org.settings;
        if !settings.strict_catalogue && !settings.validate_payloads {
            return Ok(());
        }
        let known = cache.event_type(org, event_type).await?;
        let Some(known) = known.filter(|known| !known.archived) else {
            if settings.strict_catalogue {
                return Err(ApiError::invalid_field(
                    "eventType",
                    format!(
                        "{event_type:?} is no event type of the organisation, or an archived one: create it first, or turn strictCatalogue off"
                    ),
                ));
            }
            return Ok(());
        };
        if !settings.validate_payloads {
            return Ok(());
        }
        match self.schemas.of(&known) {
            None => Ok(()),
            Some(schema) => compare(schema, payload).await,
        }
    }
}

async fn compare(schema: Arc<Result<Compiled, String>>, payload: &Bytes) -> ApiResult<()> {
    if let Err(words) = &*schema {
        return Err(ApiError::invalid_field(
            "eventType",
            format!("the schema of this event type cannot be used: {words}"),
        ));
    }
    let check = |payload: &Bytes| match &*schema {
        Ok(schema) => schema.check(payload),
        Err(_) => Ok(()),
    };
    if payload.len() <= INLINE {
        return check(payload);
    }
    let (schema, payload) = (Arc::clone(&schema), payload.clone());
    let work = move || match &*schema {
        Ok(schema) => schema.check(&payload),
        Err(_) => Ok(()),
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn however_many_organisations_there_are_none_is_given_anew_what_it_has_used() {
        let mut buckets = Buckets::new();
        let used = OrgId::mint(NOW);
        while buckets.of(used, 100, NOW).try_take(NOW).is_ok() {}
        for _ in 0..3 * BUCKETS {
            buckets.of(OrgId::mint(NOW), 100, NOW);
        }
        assert!(buckets.of(used, 100, NOW).try_take(NOW).is_err());
        assert!(buckets.of.len() <= 2 * BUCKETS, "{}", buckets.of.len());
    }
}
