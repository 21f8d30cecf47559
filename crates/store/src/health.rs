//! Endpoints that have failed for too long.

use postrider_domain::EndpointId;
use postrider_domain::health::{FAILED_WITHIN, FAILING_FOR};
use uuid::Uuid;

use crate::{Store, StoreResult};

impl Store {
    /// Endpoints that have failed without a break for so long, and so lately, that they
    /// are to be disabled: see [`postrider_domain::Health`].
    pub async fn failing_endpoints(&self) -> StoreResult<Vec<EndpointId>> {
        let now = self.clock.now();
        let ids: Vec<Uuid> = read!(self, "looking for failing endpoints", pool => sqlx::query_scalar(
            "select h.endpoint_id from endpoint_health h join endpoint e on e.id = h.endpoint_id \
             where h.first_failure_at <= $1 and h.last_failure_at >= $2 and not e.disabled and e.deleted_at is null",
        ).bind(now.minus(FAILING_FOR).micros()).bind(now.minus(FAILED_WITHIN).micros())
        .fetch_all(pool).await)?;
        Ok(ids.into_iter().map(EndpointId::from_uuid).collect())
    }
}
