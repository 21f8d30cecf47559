//! Messages for more endpoints than one transaction should write: the publish commits
//! one row, and workers unfold it in chunks. One that fails is put aside for a while.

use postrider_domain::{AppId, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use crate::commit::messages::{NewDelivery, Start};
use crate::due::lane::wake_lanes;
use crate::engine::Store;
use crate::engine::error::{StoreError, StoreResult};
use crate::engine::put_aside::{COUNTED, rest};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// A message that is being unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    pub message_id: MessageId,
    pub app_id: AppId,
    /// The last endpoint that has been looked at.
    pub cursor: Option<EndpointId>,
    pub event_type: String,
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
}

const NEXT: &str = "select message_id, app_id, cursor, created_at from expansion \
    where retry_at <= $1 order by message_id limit 1";
const CONTENT: &str = "select m.event_type, m.channels, a.config_version from message m join app a on a.id = m.app_id \
    where m.app_id = $1 and m.id = $2";
const FAILURES: &str = "select failures from expansion where message_id = $1";
const PUT_ASIDE: &str =
    "update expansion set failures = failures + 1, retry_at = $2, error = $3 where message_id = $1";
const END: &str = "delete from expansion where message_id = $1";
const COUNT_ASIDE: &str =
    "select count(*) from (select 1 from expansion where failures > 0 limit $1) as few";
const MOVE: &str = "update expansion set cursor = $2 where message_id = $1 \
    and (cursor = $3 or (cursor is null and $3 is null))";
const FINISH: &str = "delete from expansion where message_id = $1 and (cursor = $2 or (cursor is null and $2 is null))";
const INSERT_DELIVERY: &str = "insert into delivery (endpoint_id, message_id, state, due_at, first_at) values ($1, $2, $3, $4, $5) \
    on conflict (endpoint_id, message_id) do nothing";

impl Store {
    /// The oldest message that is still to be unfolded and not put aside. What is in the way
    /// is dealt with: a row that cannot be read is put aside, one whose message or
    /// application is gone is ended.
    pub async fn next_expansion(&self) -> StoreResult<Option<Expansion>> {
        loop {
            let now = self.clock.now().micros();
            let row: Option<Row> = self
                .read("looking for expansions")
                .optional(Sql::new(NEXT).with(now))
                .await?;
            let Some(row) = row else {
                return Ok(None);
            };
            let id = MessageId::from_uuid(row.message_id);
            match self.read_expansion(row).await {
                Ok(Some(expansion)) => return Ok(Some(expansion)),
                Ok(None) => self.end_expansion(id).await?,
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => self.put_expansion_aside(id, &error).await?,
            }
        }
    }

    /// None if its message or application is gone.
    async fn read_expansion(&self, row: Row) -> StoreResult<Option<Expansion>> {
        let message_id = MessageId::from_uuid(row.message_id);
        let found: Option<(String, Option<String>, i64)> = self
            .read("reading an expansion")
            .optional(Sql::new(CONTENT).with(row.app_id).with(row.message_id))
            .await?;
        let Some((event_type, channels, app_version)) = found else {
            return Ok(None);
        };
        let channels = channels
            .map(|text| {
                serde_json::from_str(&text)
                    .map_err(|_| crate::engine::row::corrupt("message", "channels", message_id))
            })
            .transpose()?;
        Ok(Some(Expansion {
            message_id,
            app_id: AppId::from_uuid(row.app_id),
            cursor: row.cursor.map(EndpointId::from_uuid),
            event_type,
            channels: channels.unwrap_or_default(),
            created_at: Timestamp::from_micros(row.created_at),
            app_version,
        }))
    }

    /// Lets an expansion that has failed rest, longer each time.
    pub async fn put_expansion_aside(&self, id: MessageId, error: &StoreError) -> StoreResult<()> {
        tracing::error!(
            expansion = %id,
            error = error as &dyn std::error::Error,
            "cannot unfold a message: it is put aside"
        );
        let known: Option<i32> = self
            .read("reading an expansion")
            .optional_scalar(Sql::new(FAILURES).with(id.uuid()))
            .await?;
        let retry_at = self.clock.now().plus(rest(known.unwrap_or(0))).micros();
        self.write("putting an expansion aside")
            .run(
                Sql::new(PUT_ASIDE)
                    .with(id.uuid())
                    .with(retry_at)
                    .with(crate::engine::put_aside::words(error)),
            )
            .await
            .map(|_| ())
    }

    async fn end_expansion(&self, id: MessageId) -> StoreResult<()> {
        tracing::error!(expansion = %id, "ended: a message that was to be unfolded is gone, or its application is");
        self.write("ending an expansion")
            .run(Sql::new(END).with(id.uuid()))
            .await
            .map(|_| ())
    }

    /// How many messages are put aside that are still to be unfolded; counted up to 10,000.
    pub async fn expansions_aside(&self) -> StoreResult<i64> {
        self.read("counting expansions")
            .scalar(Sql::new(COUNT_ASIDE).with(COUNTED))
            .await
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
        let mut tx = self.begin("unfolding a message").await?;
        let step = if let Some(upto) = upto {
            tx.run(
                Sql::new(MOVE)
                    .with(message)
                    .with(upto.uuid())
                    .with(expansion.cursor.map(EndpointId::uuid)),
            )
            .await?
        } else {
            tx.run(
                Sql::new(FINISH)
                    .with(message)
                    .with(expansion.cursor.map(EndpointId::uuid)),
            )
            .await?
        };
        if step == 0 {
            return Ok(());
        }
        let mut due_lanes = Vec::new();
        for delivery in chunk {
            let due = (delivery.start != Start::Skipped).then_some(now);
            tx.run(
                Sql::new(INSERT_DELIVERY)
                    .with(delivery.endpoint_id.uuid())
                    .with(message)
                    .with(delivery.start.state().code())
                    .with(due)
                    .with(expansion.created_at.micros()),
            )
            .await?;
            due_lanes.extend(due.map(|_| delivery.endpoint_id.uuid()));
        }
        wake_lanes(&mut tx, due_lanes, now).await?;
        tx.commit().await?;
        self.lane_hint().notify_one();
        Ok(())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        NEXT,
        CONTENT,
        FAILURES,
        PUT_ASIDE,
        END,
        COUNT_ASIDE,
        MOVE,
        FINISH,
        INSERT_DELIVERY,
    ],
    ..Statements::NONE
};
