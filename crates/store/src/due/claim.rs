//! Claims: a node takes due deliveries of one lane into its hand.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use const_format::formatcp;
use postrider_domain::{
    AppId, AttemptStatus, DeliveryState, EndpointId, MessageId, TaskId, Timestamp,
};
use uuid::Uuid;

use super::job::{Job, Purpose, Restart};
use crate::engine::error::during;
use crate::engine::error::{StoreError, StoreResult};
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::{Db, Engine, Store};
use crate::stored::codes::GIVEN_UP;

/// What one look at a lane gave.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The application's version at the time of the claim.
    pub app_version: i64,
    /// What is now in this node's hand, the longest due first.
    pub jobs: Vec<Job>,
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    message_id: Uuid,
    token: i32,
    attempts: i32,
    sends: i32,
    first_at: i64,
    due_at: i64,
    task_id: Option<Uuid>,
    last_status: Option<i16>,
}

impl DeliveryRow {
    fn purpose(&self) -> Purpose {
        Purpose::Scheduled {
            token: self.token,
            attempts: self.attempts,
            first_at: Timestamp::from_micros(self.first_at),
            due_at: Timestamp::from_micros(self.due_at),
            restart: self.restart(),
        }
    }

    fn restart(&self) -> Option<Restart> {
        let before = if self.last_status == Some(AttemptStatus::Success.code()) {
            DeliveryState::Succeeded
        } else if self.sends == 0 {
            DeliveryState::Skipped
        } else {
            DeliveryState::Cancelled
        };
        self.task_id.map(|task| Restart {
            task: TaskId::from_uuid(task),
            before,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ContentRow {
    id: Uuid,
    event_type: String,
    content_type: Option<String>,
    body: Option<Vec<u8>>,
}

impl ContentRow {
    /// As jobs share it. A message may have a scheduled and a manual attempt in one claim.
    fn shared(self) -> (Arc<str>, Option<Arc<str>>, Option<Bytes>) {
        let content_type = self.content_type.map(Arc::from);
        (
            Arc::from(self.event_type),
            content_type,
            self.body.map(Bytes::from),
        )
    }
}

/// On PostgreSQL another node's claim in progress is stepped over, not waited for.
const TAKE_POSTGRES: &str = "update delivery d set owner = $2, token = d.token + 1 \
    from (select endpoint_id, message_id from delivery where endpoint_id = $1 and due_at <= $3 and owner is null \
    order by due_at limit $4 for update skip locked) t \
    where d.endpoint_id = t.endpoint_id and d.message_id = t.message_id \
    returning d.message_id, d.token, d.attempts, d.sends, d.first_at, d.due_at, d.task_id, d.last_status";
const TAKE_SQLITE: &str = "update delivery set owner = $2, token = token + 1 \
    where (endpoint_id, message_id) in (select endpoint_id, message_id from delivery \
    where endpoint_id = $1 and due_at <= $3 and owner is null order by due_at limit $4) \
    returning message_id, token, attempts, sends, first_at, due_at, task_id, last_status";

const LOCK: &str = "update lane set next_due = next_due where endpoint_id = $1";
const TAKE_RESENDS: &str = "update resend set owner = $2 where owner is null and id in \
    (select id from resend where endpoint_id = $1 and owner is null order by id limit $3) \
    returning id, message_id";
const MORE_RESENDS: &str =
    "select exists (select 1 from resend where endpoint_id = $1 and owner is null)";
const NEXT: &str = "select due_at from delivery where endpoint_id = $1 and due_at is not null and owner is null \
    order by due_at limit 1";
const SET_WAKE_UP: &str = "update lane set next_due = $2, \
    wake_at = case when parked_until > $2 then parked_until else $2 end where endpoint_id = $1";
const REMOVE_LANE: &str = "delete from lane where endpoint_id = $1";
const VERSION: &str = "select config_version from app where id = $1";
const SENDS: &str = "select sends from delivery where endpoint_id = $1 and message_id = $2";

/// A node that was given up claims nothing: see `commit/messages/postgres.rs`.
const FENCE_POSTGRES: &str = formatcp!(
    "select number from node where number = $1 and lease_until > {GIVEN_UP} for key share"
);
const FENCE_SQLITE: &str =
    formatcp!("select number from node where number = $1 and lease_until > {GIVEN_UP}");

const CONTENTS_POSTGRES: &str = "select m.id, m.event_type, m.content_type, p.body from message m \
    left join payload p on p.key = m.payload_key where m.app_id = $1 and m.id = any($2)";

const CONTENTS_SQLITE: &str = "select m.id, m.event_type, m.content_type, p.body from message m \
    left join payload p on p.key = m.payload_key where m.app_id = $1 and m.id in \
    (select substr($2, key * 16 + 1, 16) from json_each($3))";

impl Store {
    /// Takes up to `limit` due deliveries of a lane, and its manual sends, into the
    /// hand of `node`, and sets the lane's next wake-up by what remains.
    pub async fn claim(
        &self,
        node: i64,
        app: AppId,
        endpoint: EndpointId,
        now: Timestamp,
        limit: i64,
    ) -> StoreResult<Claim> {
        let (version, mut taken, resends) = self.take(node, (app, endpoint), now, limit).await?;
        taken.sort_by_key(|row| (row.due_at, row.message_id));
        let mut found = Vec::with_capacity(taken.len() + resends.len());
        for (resend, message) in resends {
            let sends = Sql::new(SENDS).with(endpoint.uuid()).with(message);
            let sends: Option<i32> = self
                .read("reading a delivery")
                .optional_scalar(sends)
                .await?;
            found.push((message, sends.unwrap_or(0), Purpose::Manual { resend }));
        }
        found.extend(
            taken
                .iter()
                .map(|row| (row.message_id, row.sends, row.purpose())),
        );
        let ids: Vec<Uuid> = found.iter().map(|(message, ..)| *message).collect();
        let mut contents = HashMap::new();
        for content in self.contents(app, &ids).await? {
            contents.insert(content.id, content.shared());
        }
        let app_version = version.unwrap_or(0);
        let jobs = found.into_iter().map(|(message, sends, purpose)| {
            let (event_type, content_type, payload) =
                contents.get(&message).cloned().unwrap_or_default();
            Job {
                app_id: app,
                app_version,
                endpoint_id: endpoint,
                message_id: MessageId::from_uuid(message),
                event_type,
                content_type,
                payload,
                sends,
                owner: node,
                purpose,
            }
        });
        Ok(Claim {
            app_version,
            jobs: jobs.collect(),
        })
    }

    async fn take(
        &self,
        node: i64,
        (app, endpoint): (AppId, EndpointId),
        now: Timestamp,
        limit: i64,
    ) -> StoreResult<(Option<i64>, Vec<DeliveryRow>, Vec<(Uuid, Uuid)>)> {
        let (take, fence) = match self.engine() {
            Engine::Sqlite => (TAKE_SQLITE, FENCE_SQLITE),
            Engine::Postgres => (TAKE_POSTGRES, FENCE_POSTGRES),
        };
        let mut tx = self.begin("claiming deliveries").await?;
        let ours: Option<i64> = tx.optional_scalar(Sql::new(fence).with(node)).await?;
        if ours.is_none() {
            return Err(StoreError::Fenced);
        }
        // Locks the lane's row, so that whoever adds work meanwhile waits and then corrects
        // the wake-up that is set below.
        if tx.run(Sql::new(LOCK).with(endpoint.uuid())).await? == 0 {
            // Emptied meanwhile. To go on would be to delete, unlocked, a lane that somebody
            // makes at this moment.
            return Ok((None, Vec::new(), Vec::new()));
        }
        let resends = Sql::new(TAKE_RESENDS)
            .with(endpoint.uuid())
            .with(node)
            .with(limit);
        let resends: Vec<(Uuid, Uuid)> = tx.all(resends).await?;
        let left = limit - i64::try_from(resends.len()).unwrap_or(limit);
        let taken = Sql::new(take)
            .with(endpoint.uuid())
            .with(node)
            .with(now.micros())
            .with(left);
        let taken: Vec<DeliveryRow> = tx.all(taken).await?;
        set_wake_up(&mut tx, endpoint, now).await?;
        let version = tx
            .optional_scalar(Sql::new(VERSION).with(app.uuid()))
            .await?;
        tx.commit().await?;
        Ok((version, taken, resends))
    }

    async fn contents(&self, app: AppId, ids: &[Uuid]) -> StoreResult<Vec<ContentRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match &*self.db {
            Db::Sqlite(db) => {
                let packed: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
                sqlx::query_as(CONTENTS_SQLITE)
                    .bind(app.uuid())
                    .bind(packed)
                    .bind(serde_json::json!(vec![0; ids.len()]).to_string())
                    .fetch_all(&db.read)
                    .await
            }
            Db::Postgres(db) => {
                sqlx::query_as(CONTENTS_POSTGRES)
                    .bind(app.uuid())
                    .bind(ids)
                    .fetch_all(&db.read)
                    .await
            }
        }
        .map_err(during("reading payloads"))
    }
}

/// Sets a lane's next wake-up by what is left in it, or removes it.
async fn set_wake_up(tx: &mut Tx<'_>, endpoint: EndpointId, now: Timestamp) -> StoreResult<()> {
    let endpoint = endpoint.uuid();
    let more: bool = tx.scalar(Sql::new(MORE_RESENDS).with(endpoint)).await?;
    let next: Option<i64> = tx.optional_scalar(Sql::new(NEXT).with(endpoint)).await?;
    let next = if more { Some(now.micros()) } else { next };
    let set = match next {
        Some(next) => Sql::new(SET_WAKE_UP).with(endpoint).with(next),
        None => Sql::new(REMOVE_LANE).with(endpoint),
    };
    tx.run(set).await.map(|_| ())
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        LOCK,
        TAKE_RESENDS,
        MORE_RESENDS,
        NEXT,
        SET_WAKE_UP,
        REMOVE_LANE,
        VERSION,
        SENDS,
    ],
    sqlite: &[TAKE_SQLITE, FENCE_SQLITE, CONTENTS_SQLITE],
    postgres: &[TAKE_POSTGRES, FENCE_POSTGRES, CONTENTS_POSTGRES],
};
