//! Messages for more endpoints than one transaction should write: the publish commits
//! one row, and workers unfold it in chunks.

use postrider_domain::{AppId, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use crate::error::wrong;
use crate::lane::wake_lanes;
use crate::{NewDelivery, Start, Store, StoreResult};

/// A message that is being unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The message.
    pub message_id: MessageId,
    /// Its application.
    pub app_id: AppId,
    /// The last endpoint that has been looked at.
    pub cursor: Option<EndpointId>,
    /// Its event type.
    pub event_type: String,
    /// Its channels.
    pub channels: Vec<String>,
    /// When it was accepted: the beginning of every delivery's schedule.
    pub created_at: Timestamp,
    /// The application's version now.
    pub app_version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    message_id: Uuid,
    app_id: Uuid,
    cursor: Option<Uuid>,
    created_at: i64,
    event_type: String,
    channels: Option<String>,
    config_version: i64,
}

impl Store {
    /// The oldest message that is still to be unfolded.
    pub async fn next_expansion(&self) -> StoreResult<Option<Expansion>> {
        let row: Option<Row> = read!(self, "looking for expansions", pool => sqlx::query_as(
            "select x.message_id, x.app_id, x.cursor, x.created_at, m.event_type, m.channels, a.config_version \
             from expansion x join message m on m.app_id = x.app_id and m.id = x.message_id \
             join app a on a.id = x.app_id order by x.message_id limit 1",
        ).fetch_optional(pool).await)?;
        row.map(|row| {
            let message_id = MessageId::from_uuid(row.message_id);
            let channels = row
                .channels
                .map(|text| {
                    serde_json::from_str(&text)
                        .map_err(|_| crate::row::bad("message", "channels", message_id))
                })
                .transpose()?;
            Ok(Expansion {
                message_id,
                app_id: AppId::from_uuid(row.app_id),
                cursor: row.cursor.map(EndpointId::from_uuid),
                event_type: row.event_type,
                channels: channels.unwrap_or_default(),
                created_at: Timestamp::from_micros(row.created_at),
                app_version: row.config_version,
            })
        })
        .transpose()
    }

    /// Writes a chunk of an expansion's deliveries, and moves its cursor to `upto`, or
    /// removes it when that is `None`. Nothing is written if another node was faster.
    pub async fn unfold(
        &self,
        expansion: &Expansion,
        chunk: &[NewDelivery],
        upto: Option<EndpointId>,
    ) -> StoreResult<()> {
        let message = expansion.message_id.uuid();
        let now = self.clock.now().micros();
        transaction!(self, "unfolding a message", conn => {
            let wrong = wrong("unfolding a message");
            let step = if let Some(upto) = upto {
                sqlx::query(
                    "update expansion set cursor = $2 where message_id = $1 \
                     and (cursor = $3 or (cursor is null and $3 is null))",
                ).bind(message).bind(upto.uuid()).bind(expansion.cursor.map(EndpointId::uuid))
                .execute(&mut *conn).await.map_err(wrong)?.rows_affected()
            } else {
                sqlx::query(
                    "delete from expansion where message_id = $1 and (cursor = $2 or (cursor is null and $2 is null))",
                ).bind(message).bind(expansion.cursor.map(EndpointId::uuid))
                .execute(&mut *conn).await.map_err(wrong)?.rows_affected()
            };
            if step == 0 {
                return Ok(());
            }
            let mut due_lanes = Vec::new();
            for delivery in chunk {
                let due = (delivery.start != Start::Skipped).then_some(now);
                sqlx::query(
                    "insert into delivery (endpoint_id, message_id, state, due_at, first_at) values ($1, $2, $3, $4, $5) \
                     on conflict (endpoint_id, message_id) do nothing",
                ).bind(delivery.endpoint_id.uuid()).bind(message).bind(delivery.start.state().code()).bind(due)
                .bind(expansion.created_at.micros()).execute(&mut *conn).await.map_err(wrong)?;
                due_lanes.extend(due.map(|_| delivery.endpoint_id.uuid()));
            }
            wake_lanes!(conn, due_lanes, now);
            Ok(())
        })?;
        self.lane_hint().notify_one();
        Ok(())
    }
}
