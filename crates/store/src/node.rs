//! Leases of nodes: who may send, and who inherits from the dead.
//!
//! A delivery in hand names its owner, a node's incarnation, new at every start. One
//! row per node holds its lease, judged by the database's clock. A node that has been
//! silent for a whole lease is dead: others free what it owned and remove its row, and
//! a node that finds its row gone holds nothing any more (see `take_over.rs`).

use std::time::Duration;

use futures_util::TryStreamExt as _;
use postrider_domain::{EndpointId, MessageId, NodeId, Timestamp};
use uuid::Uuid;

use crate::db::Db;
use crate::error::wrong;
use crate::{Store, StoreResult};

/// The number of a node, by its random bits and not in a row: a database that went back to an
/// earlier state gives none out for the second time.
fn number_of(id: NodeId) -> i64 {
    let random = id.uuid().as_u128() as i64 & 0x7fff_ffff;
    random.max(1)
}

impl Store {
    /// Enters a node and returns its number, under which it owns deliveries.
    pub async fn register_node(&self, id: NodeId, role: &str, lease: Duration) -> StoreResult<i64> {
        let (number, now) = (number_of(id), self.lease_clock().await?);
        write!(self, "entering a node", pool => sqlx::query(
            "insert into node (number, id, role, started_at, heartbeat_at, lease_until) values ($1, $2, $3, $4, $4, $5)",
        ).bind(number).bind(id.uuid()).bind(role).bind(now.micros()).bind(now.plus(lease).micros())
        .execute(pool).await.map(|_| ()))?;
        Ok(number)
    }

    /// Renews a node's lease. `false`: the node was given up and owns nothing any more, or the
    /// database went back to before it was entered.
    ///
    /// A lease binds only those who see it, so its commit waits for no standby: a node whose
    /// writes all wait for one still has its lease, and leaves no connection behind with each
    /// beat that nobody waits for any more.
    pub async fn heartbeat(&self, id: NodeId, number: i64, lease: Duration) -> StoreResult<bool> {
        const SQLITE: &str = "update node set heartbeat_at = $3, lease_until = $4 \
            where number = $1 and id = $2 and lease_until > 0";
        const POSTGRES: &str = "with here as (select set_config('synchronous_commit', 'local', true) as set) \
            update node set heartbeat_at = $3, lease_until = $4 from here \
            where number = $1 and id = $2 and lease_until > 0 and here.set is not null";
        let now = self.lease_clock().await?;
        let text = match &*self.db {
            Db::Sqlite(_) => SQLITE,
            Db::Postgres(_) => POSTGRES,
        };
        let rows = write!(self, "renewing the lease", pool => sqlx::query(text)
            .bind(number).bind(id.uuid()).bind(now.micros()).bind(now.plus(lease).micros())
            .execute(pool).await.map(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }

    /// Nodes other than `number` whose lease has ended. With `all`, every other node:
    /// on SQLite a new process has the file to itself, so its predecessors are dead.
    pub async fn dead_nodes(&self, number: i64, all: bool) -> StoreResult<Vec<i64>> {
        let now = self.lease_clock().await?;
        read!(self, "looking for dead nodes", pool => sqlx::query_scalar(
            "select number from node where number <> $1 and ($2 or lease_until < $3)",
        ).bind(number).bind(all).bind(now.micros()).fetch_all(pool).await)
    }

    /// What this node has claimed and not finished, as the database sees it: deliveries with
    /// their tokens, of those that are `wanted` up to `most`. All are looked at, one after the
    /// other, so that what is not wanted hides nothing.
    pub async fn claimed_by(
        &self,
        number: i64,
        wanted: impl Fn(EndpointId, MessageId) -> bool,
        most: usize,
    ) -> StoreResult<Vec<(EndpointId, MessageId, i32)>> {
        read!(self, "reading claims", pool => async {
            let mut rows = sqlx::query_as::<_, (Uuid, Uuid, i32)>(
                "select endpoint_id, message_id, token from delivery \
                 where owner = $1 and due_at is not null and state = 0",
            ).bind(number).fetch(pool);
            let mut claims = Vec::new();
            while claims.len() < most && let Some((endpoint, message, token)) = rows.try_next().await? {
                let (endpoint, message) = (EndpointId::from_uuid(endpoint), MessageId::from_uuid(message));
                if wanted(endpoint, message) {
                    claims.push((endpoint, message, token));
                }
            }
            Ok::<_, sqlx::Error>(claims)
        }.await)
    }

    /// The manual sends in this node's hand, as the database sees it.
    pub async fn resends_by(&self, number: i64) -> StoreResult<Vec<(Uuid, EndpointId, MessageId)>> {
        let rows: Vec<(Uuid, Uuid, Uuid)> = read!(self, "reading manual sends", pool => sqlx::query_as(
            "select id, endpoint_id, message_id from resend where owner = $1",
        ).bind(number).fetch_all(pool).await)?;
        Ok(rows
            .into_iter()
            .map(|(id, endpoint, message)| {
                (
                    id,
                    EndpointId::from_uuid(endpoint),
                    MessageId::from_uuid(message),
                )
            })
            .collect())
    }

    /// The time by which leases are judged: the database's own, also under a test's clock.
    async fn lease_clock(&self) -> StoreResult<Timestamp> {
        match &*self.db {
            Db::Sqlite(_) => Ok(self.clock.now()),
            Db::Postgres(db) => sqlx::query_scalar(
                "select (extract(epoch from clock_timestamp()) * 1000000)::bigint",
            )
            .fetch_one(&db.read)
            .await
            .map(Timestamp::from_micros)
            .map_err(wrong("reading the clock")),
        }
    }
}
