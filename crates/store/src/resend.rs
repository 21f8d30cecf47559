//! Manual resends: a person or a client asks for one more attempt.

use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, TaskId};

use crate::error::wrong;
use crate::{Store, StoreError, StoreResult, payload_key};

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
        transaction!(self, "asking for a resend", conn => {
            let wrong = wrong("asking for a resend");
            let row: Option<Row> = sqlx::query_as(CHECK).bind(app.uuid()).bind(message.uuid()).bind(endpoint.uuid())
                .fetch_optional(&mut *conn).await.map_err(wrong)?;
            let row = row.ok_or(StoreError::NotFound("message or endpoint"))?;
            if !row.kept || payload_key::expires_at(row.payload_key) <= now {
                return Err(StoreError::Conflict("payload_gone"));
            }
            if row.disabled {
                return Err(StoreError::Conflict("endpoint_disabled"));
            }
            sqlx::query(
                "insert into delivery (endpoint_id, message_id, state, first_at) values ($1, $2, $3, $4) \
                 on conflict (endpoint_id, message_id) do nothing",
            ).bind(endpoint.uuid()).bind(message.uuid()).bind(DeliveryState::Skipped.code()).bind(now.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query("insert into resend (id, endpoint_id, message_id, created_at) values ($1, $2, $3, $4)")
                .bind(TaskId::mint(now).uuid()).bind(endpoint.uuid()).bind(message.uuid()).bind(now.micros())
                .execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query(crate::lane::WAKE).bind(endpoint.uuid()).bind(now.micros())
                .execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })?;
        self.lane_hint().notify_one();
        Ok(())
    }
}
