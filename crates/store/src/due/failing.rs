//! Endpoints that have failed for too long.

use postrider_domain::EndpointId;
use postrider_domain::health::{FAILED_WITHIN, FAILING_FOR};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

const FAILING: &str = "select h.endpoint_id from endpoint_health h join endpoint e on e.id = h.endpoint_id \
    where h.first_failure_at <= $1 and h.last_failure_at >= $2 and not e.disabled and e.deleted_at is null";

impl Store {
    /// Endpoints that have failed without a break for so long, and so lately, that they
    /// are to be disabled: see [`postrider_domain::Health`].
    pub async fn failing_endpoints(&self) -> StoreResult<Vec<EndpointId>> {
        let now = self.clock.now();
        let ids: Vec<Uuid> = self
            .read("looking for failing endpoints")
            .scalars(
                Sql::new(FAILING)
                    .with(now.minus(FAILING_FOR).micros())
                    .with(now.minus(FAILED_WITHIN).micros()),
            )
            .await?;
        Ok(ids.into_iter().map(EndpointId::from_uuid).collect())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[FAILING],
    ..Statements::NONE
};
