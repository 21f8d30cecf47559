//! Leases of nodes: who may send, and who inherits from the dead.
//!
//! A delivery in hand names its owner, a node's incarnation, new at every start. One
//! row per node holds its lease, judged by the database's clock. A node that has been
//! silent for a whole lease is dead: others free what it owned and remove its row, and
//! a node that finds its row gone holds nothing any more.

use std::time::Duration;

use postrider_domain::{EndpointId, MessageId, NodeId, Timestamp};
use uuid::Uuid;

use crate::db::Db;
use crate::error::wrong;
use crate::lane::wake_lanes;
use crate::{Store, StoreResult};

/// How many rows one transaction of a takeover touches at most.
const CHUNK: i64 = 1000;
/// How many endpoints one transaction looks through for fresh deliveries.
const ENDPOINTS: i64 = 500;

/// A dead node whose deliveries wait for an heir.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadNode {
    /// Its number.
    pub number: i64,
    /// No delivery that it held fresh is older than this message.
    floor: Uuid,
}

impl Store {
    /// Enters a node and returns its number, under which it owns deliveries.
    pub async fn register_node(&self, id: NodeId, role: &str, lease: Duration) -> StoreResult<i64> {
        let now = self.lease_clock().await?;
        write!(self, "entering a node", pool => sqlx::query_scalar(
            "insert into node (id, role, started_at, heartbeat_at, lease_until, floor) \
             values ($1, $2, $3, $3, $4, $5) returning number",
        ).bind(id.uuid()).bind(role).bind(now.micros()).bind(now.plus(lease).micros())
        .bind(MessageId::floor(self.clock.now().minus(Duration::from_mins(1))).uuid())
        .fetch_one(pool).await)
    }

    /// Renews a node's lease. `false`: the node was given up and owns nothing any more.
    pub async fn heartbeat(
        &self,
        number: i64,
        lease: Duration,
        floor: MessageId,
    ) -> StoreResult<bool> {
        let now = self.lease_clock().await?;
        let rows = write!(self, "renewing the lease", pool => sqlx::query(
            "update node set heartbeat_at = $2, lease_until = $3, floor = $4 where number = $1 and lease_until > 0",
        ).bind(number).bind(now.micros()).bind(now.plus(lease).micros()).bind(floor.uuid())
        .execute(pool).await.map(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }

    /// Nodes other than `number` whose lease has ended. With `all`, every other node:
    /// on SQLite a new process has the file to itself, so its predecessors are dead.
    pub async fn dead_nodes(&self, number: i64, all: bool) -> StoreResult<Vec<DeadNode>> {
        let now = self.lease_clock().await?;
        let rows: Vec<(i64, Option<Uuid>)> = read!(self, "looking for dead nodes", pool => sqlx::query_as(
            "select number, floor from node where number <> $1 and ($2 or lease_until < $3)",
        ).bind(number).bind(all).bind(now.micros()).fetch_all(pool).await)?;
        Ok(rows
            .into_iter()
            .map(|(number, floor)| DeadNode {
                number,
                floor: floor.unwrap_or_default(),
            })
            .collect())
    }

    /// Frees everything that a node owned and removes its row. Every step stands alone
    /// and may be repeated, by several nodes at once; a node that stops does it to itself.
    pub async fn take_over(&self, dead: DeadNode) -> StoreResult<u64> {
        self.fence(dead.number).await?;
        let mut freed = 0;
        loop {
            let rows = self.free_claimed(dead.number).await?;
            freed += rows;
            if rows < CHUNK as u64 {
                break;
            }
        }
        freed += self.free_fresh(dead.number, dead.floor, |_| true).await?;
        let resends = self.resends_by(dead.number).await?;
        let resends: Vec<_> = resends
            .into_iter()
            .map(|(id, endpoint, _)| (id, endpoint))
            .collect();
        freed += self.free_resends(dead.number, &resends).await?;
        self.free_tasks(dead.number).await?;
        write!(self, "removing a node", pool => sqlx::query("delete from node where number = $1")
            .bind(dead.number).execute(pool).await.map(|_| ()))?;
        self.lane_hint().notify_one();
        self.task_hint().notify_one();
        Ok(freed)
    }

    /// This node, to be taken over by itself when it stops.
    pub fn stopping_node(&self, number: i64, floor: MessageId) -> DeadNode {
        DeadNode {
            number,
            floor: floor.uuid(),
        }
    }

    /// Nothing is written under this number from now on, and what had passed the mark
    /// before is committed when this returns: see `ingest/postgres.rs`.
    async fn fence(&self, number: i64) -> StoreResult<()> {
        write!(self, "marking a dead node", pool => sqlx::query("update node set lease_until = 0 where number = $1")
            .bind(number).execute(pool).await.map(|_| ()))?;
        let Db::Postgres(db) = &*self.db else {
            return Ok(());
        };
        let wrong = wrong("waiting for a dead node's writes");
        let mut tx = db.write.begin().await.map_err(wrong)?;
        sqlx::query("select 1 from node where number = $1 for update")
            .bind(number)
            .execute(&mut *tx)
            .await
            .map_err(wrong)?;
        tx.commit().await.map_err(wrong)
    }

    /// Frees these manual sends, each with its endpoint, where `number` still owns them.
    pub async fn free_resends(
        &self,
        number: i64,
        resends: &[(Uuid, EndpointId)],
    ) -> StoreResult<u64> {
        let now = self.clock.now().micros();
        let mut freed = 0;
        for (resend, endpoint) in resends {
            freed += transaction!(self, "freeing a manual send", conn => {
                let wrong = wrong("freeing a manual send");
                let done = sqlx::query("update resend set owner = null where id = $1 and owner = $2")
                    .bind(resend).bind(number).execute(&mut *conn).await.map_err(wrong)?;
                wake_lanes!(conn, vec![endpoint.uuid()], now);
                Ok(done.rows_affected())
            })?;
        }
        Ok(freed)
    }

    /// What this node has claimed and not finished, as the database sees it: deliveries
    /// with their tokens.
    pub async fn claimed_by(&self, number: i64) -> StoreResult<Vec<(EndpointId, MessageId, i32)>> {
        let rows: Vec<(Uuid, Uuid, i32)> = read!(self, "reading claims", pool => sqlx::query_as(
            "select endpoint_id, message_id, token from delivery \
             where owner = $1 and due_at is not null and state = 0 limit 100000",
        ).bind(number).fetch_all(pool).await)?;
        Ok(rows
            .into_iter()
            .map(|(endpoint, message, token)| {
                (
                    EndpointId::from_uuid(endpoint),
                    MessageId::from_uuid(message),
                    token,
                )
            })
            .collect())
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

    /// Deliveries that were claimed from their lane keep their due time: nothing but
    /// the owner stands in the way of the next claim.
    async fn free_claimed(&self, number: i64) -> StoreResult<u64> {
        let now = self.clock.now().micros();
        transaction!(self, "freeing claimed deliveries", conn => {
            let wrong = wrong("freeing claimed deliveries");
            let rows: Vec<(Uuid,)> = sqlx::query_as(
                "update delivery set owner = null, token = token + 1 where (endpoint_id, message_id) in \
                 (select endpoint_id, message_id from delivery where owner = $1 and due_at is not null limit $2) \
                 and owner = $1 returning endpoint_id",
            ).bind(number).bind(CHUNK).fetch_all(&mut *conn).await.map_err(wrong)?;
            wake_lanes!(conn, rows.iter().map(|row| row.0).collect(), now);
            Ok(rows.len() as u64)
        })
    }

    /// Frees what `number` holds fresh from publishes since `floor`, where `orphaned`
    /// says so. Such rows are in no index, so it walks the endpoints.
    pub(crate) async fn free_fresh(
        &self,
        number: i64,
        floor: Uuid,
        orphaned: impl Fn((Uuid, Uuid)) -> bool,
    ) -> StoreResult<u64> {
        let mut after = Uuid::nil();
        let mut freed = 0;
        loop {
            let endpoints: Vec<Uuid> = read!(self, "walking endpoints", pool => sqlx::query_scalar(
                "select id from endpoint where id > $1 order by id limit $2",
            ).bind(after).bind(ENDPOINTS).fetch_all(pool).await)?;
            let Some(&last) = endpoints.last() else {
                return Ok(freed);
            };
            let held: Vec<(Uuid, Uuid)> = read!(self, "looking for fresh deliveries", pool => sqlx::query_as(
                "select d.endpoint_id, d.message_id from endpoint e cross join delivery d \
                 where d.endpoint_id = e.id and e.id > $1 and e.id <= $2 and d.message_id >= $3 and d.owner = $4 \
                   and d.state = 0 and d.due_at is null",
            ).bind(after).bind(last).bind(floor).bind(number).fetch_all(pool).await)?;
            let orphans: Vec<_> = held.into_iter().filter(|&key| orphaned(key)).collect();
            for chunk in orphans.chunks(CHUNK as usize) {
                freed += self.release_fresh(number, chunk).await?;
            }
            after = last;
        }
    }

    async fn release_fresh(&self, number: i64, rows: &[(Uuid, Uuid)]) -> StoreResult<u64> {
        let now = self.clock.now().micros();
        transaction!(self, "freeing fresh deliveries", conn => {
            let wrong = wrong("freeing fresh deliveries");
            let mut freed = Vec::new();
            for (endpoint, message) in rows {
                let done = sqlx::query(
                    "update delivery set owner = null, token = token + 1, due_at = $4 \
                     where endpoint_id = $1 and message_id = $2 and owner = $3 and state = 0 and due_at is null",
                ).bind(endpoint).bind(message).bind(number).bind(now).execute(&mut *conn).await.map_err(wrong)?;
                if done.rows_affected() > 0 {
                    freed.push(*endpoint);
                }
            }
            let count = freed.len() as u64;
            wake_lanes!(conn, freed, now);
            Ok(count)
        })
    }

    /// Frees rows that this node owns and does not hold: a commit whose answer was
    /// lost leaves such rows. `held` says what is in memory; nothing younger than
    /// `before` is looked at, since it may be on its way there.
    pub async fn release_unheld(
        &self,
        number: i64,
        floor: MessageId,
        before: MessageId,
        held: impl Fn(EndpointId, MessageId) -> bool,
    ) -> StoreResult<u64> {
        self.free_fresh(number, floor.uuid(), |(endpoint, message)| {
            message < before.uuid()
                && !held(
                    EndpointId::from_uuid(endpoint),
                    MessageId::from_uuid(message),
                )
        })
        .await
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
