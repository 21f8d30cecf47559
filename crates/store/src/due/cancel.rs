//! Cancelling what waits for an endpoint that is disabled or deleted.

use postrider_domain::{DeliveryState, EndpointId, MessageId};

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// How many deliveries one transaction cancels: the writer must stay free for others.
const CHUNK: i64 = 1000;

/// Holds the endpoint's row, so that nobody enables it meanwhile.
const HOLD: &str = "update endpoint set disabled_at = disabled_at \
    where id = $1 and (disabled or deleted_at is not null)";

/// Waiting for a due time, claimed or not. Bind state, endpoint, pending and limit.
const WAITING: &str = "update delivery set state = $1, due_at = null, owner = null, token = token + 1 \
    where endpoint_id = $2 and state = $3 and due_at is not null and message_id in \
    (select message_id from delivery where endpoint_id = $2 and due_at is not null limit $4)";

/// In hand of a node fresh from a publish: in no index, so each is named. Bind state,
/// endpoint, pending and message.
const FRESH: &str = "update delivery set state = $1, due_at = null, owner = null, token = token + 1 \
    where endpoint_id = $2 and state = $3 and message_id = $4";

const REMOVE_RESENDS: &str = "delete from resend where endpoint_id = $1 and owner is null";
/// Locked first: what a publish under way has just made due is not forgotten, but claimed, and
/// cancelled when it is to be sent.
const LOCK_LANE: &str = "update lane set next_due = next_due where endpoint_id = $1";
const REMOVE_EMPTY_LANE: &str = "delete from lane where endpoint_id = $1 and \
    (select d.due_at from delivery d where d.endpoint_id = $1 and d.due_at is not null and d.owner is null \
    order by d.due_at limit 1) is null";

impl Store {
    /// Cancels every delivery that has not ended and every manual send that has not
    /// begun, in chunks; attempts under way no longer count, since their token has
    /// passed. Stops if the endpoint is enabled meanwhile.
    pub(crate) async fn cancel_waiting(&self, endpoint: EndpointId) -> StoreResult<()> {
        while self.cancel_chunk(endpoint).await? == CHUNK as u64 {}
        let fresh = self.fresh_at(endpoint).await?;
        for chunk in fresh.chunks(CHUNK as usize) {
            self.cancel_fresh(endpoint, chunk).await?;
        }
        self.remove_lane(endpoint).await
    }

    async fn cancel_chunk(&self, endpoint: EndpointId) -> StoreResult<u64> {
        let mut tx = self.begin("cancelling deliveries").await?;
        if tx.run(Sql::new(HOLD).with(endpoint.uuid())).await? == 0 {
            return Ok(0);
        }
        let waiting = Sql::new(WAITING)
            .with(DeliveryState::Cancelled.code())
            .with(endpoint.uuid())
            .with(DeliveryState::Pending.code())
            .with(CHUNK);
        let cancelled = tx.run(waiting).await?;
        tx.commit().await?;
        Ok(cancelled)
    }

    async fn cancel_fresh(&self, endpoint: EndpointId, messages: &[MessageId]) -> StoreResult<()> {
        let mut tx = self.begin("cancelling deliveries").await?;
        if tx.run(Sql::new(HOLD).with(endpoint.uuid())).await? == 0 {
            return Ok(());
        }
        for message in messages {
            let fresh = Sql::new(FRESH)
                .with(DeliveryState::Cancelled.code())
                .with(endpoint.uuid())
                .with(DeliveryState::Pending.code())
                .with(message.uuid());
            tx.run(fresh).await?;
        }
        tx.commit().await
    }

    async fn remove_lane(&self, endpoint: EndpointId) -> StoreResult<()> {
        let mut tx = self.begin("removing a lane").await?;
        if tx.run(Sql::new(HOLD).with(endpoint.uuid())).await? == 0 {
            return Ok(());
        }
        for text in [REMOVE_RESENDS, LOCK_LANE, REMOVE_EMPTY_LANE] {
            tx.run(Sql::new(text).with(endpoint.uuid())).await?;
        }
        tx.commit().await
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        HOLD,
        WAITING,
        FRESH,
        REMOVE_RESENDS,
        LOCK_LANE,
        REMOVE_EMPTY_LANE,
    ],
    ..Statements::NONE
};

#[cfg(test)]
mod tests {
    use crate::commit::messages::Start;
    use crate::support;

    both_engines! {
        async fn nothing_is_cancelled_for_an_endpoint_that_is_enabled_again(db) {
            let app = db.app().await;
            let endpoint = db.endpoint(app).await;
            let message = db.publish(app, "a", &[(endpoint, Start::Due)]).await;
            db.store.resend(app, message, endpoint).await.unwrap();
            db.store.cancel_waiting(endpoint).await.unwrap();
            assert_eq!(db.number("select count(*) from delivery where state = 0 and due_at is not null").await, 1);
            assert_eq!(db.number("select count(*) from lane").await, 1);
            assert_eq!(db.number("select count(*) from resend").await, 1);
        }
    }
}
