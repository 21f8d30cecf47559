//! Manual resends: a person or a client asks for one more attempt.

use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, TaskId};

use crate::engine::Store;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::expiry::payload_key;

/// What a resend depends on.
#[derive(sqlx::FromRow)]
struct Row {
    payload_key: i64,
    kept: bool,
    disabled: bool,
}

const CHECK: &str = "select m.payload_key, e.disabled, \
    (case when exists (select 1 from payload p where p.key = m.payload_key) then true else false end) as kept \
    from endpoint e cross join message m \
    where e.id = $3 and e.app_id = $1 and e.deleted_at is null and m.app_id = $1 and m.id = $2";

const INSERT_DELIVERY: &str = "insert into delivery (endpoint_id, message_id, state, first_at) values ($1, $2, $3, $4) \
    on conflict (endpoint_id, message_id) do nothing";
const INSERT: &str =
    "insert into resend (id, endpoint_id, message_id, created_at) values ($1, $2, $3, $4)";

impl Store {
    /// Asks for one attempt beside the delivery's own schedule. A body that is gone
    /// is a conflict on `payload_gone`, a disabled endpoint one on `endpoint_disabled`.
    pub async fn resend(
        &self,
        app: AppId,
        message: MessageId,
        endpoint: EndpointId,
    ) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("asking for a resend").await?;
        let row: Option<Row> = tx
            .optional(
                Sql::new(CHECK)
                    .with(app.uuid())
                    .with(message.uuid())
                    .with(endpoint.uuid()),
            )
            .await?;
        let row = row.ok_or(StoreError::NotFound(Entity::MessageOrEndpoint))?;
        if !row.kept || payload_key::expires_at(row.payload_key) <= now {
            return Err(StoreError::Conflict(Refusal::PayloadGone));
        }
        if row.disabled {
            return Err(StoreError::Conflict(Refusal::EndpointDisabled));
        }
        tx.run(
            Sql::new(INSERT_DELIVERY)
                .with(endpoint.uuid())
                .with(message.uuid())
                .with(DeliveryState::Skipped.code())
                .with(now.micros()),
        )
        .await?;
        tx.run(
            Sql::new(INSERT)
                .with(TaskId::mint(now).uuid())
                .with(endpoint.uuid())
                .with(message.uuid())
                .with(now.micros()),
        )
        .await?;
        tx.run(
            Sql::new(crate::due::lane::WAKE)
                .with(endpoint.uuid())
                .with(now.micros()),
        )
        .await?;
        tx.commit().await?;
        self.lane_hint().notify_one();
        Ok(())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[CHECK, INSERT_DELIVERY, INSERT],
    ..Statements::NONE
};
