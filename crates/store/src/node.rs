//! Leases of nodes: who may send, and who inherits from the dead.
//!
//! A delivery in hand names its owner, a node's incarnation, new at every start. One
//! row per node holds its lease, judged by the database's clock. A node that has been
//! silent for a whole lease is dead: others free what it owned and remove its row, and
//! a node that finds its row gone holds nothing any more.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use postrider_domain::{EndpointId, MessageId, NodeId, Timestamp};
use uuid::Uuid;

use crate::db::Db;
use crate::error::wrong;
use crate::lane::wake_lanes;
use crate::{Store, StoreResult};

/// How many rows one transaction of a takeover touches at most.
const CHUNK: i64 = 1000;

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

    /// Frees what names an owner that has no row: a database that went back can hold such
    /// claims, manual sends and tasks. What such a node held fresh, [`Store::settle_owed`]
    /// frees.
    pub async fn free_orphans(&self) -> StoreResult<u64> {
        let mut freed = 0;
        for owner in self.orphaned().await? {
            freed += self.free_indexed(owner).await?;
        }
        Ok(freed)
    }

    /// Owners without a row, found by leaps through the indexes of what they own.
    async fn orphaned(&self) -> StoreResult<Vec<i64>> {
        const NEXT: &str = "select min(owner) from (\
            select min(owner) as owner from delivery where due_at is not null and owner is not null and owner > $1 \
            union all select min(owner) from resend where owner is not null and owner > $1 \
            union all select min(owner) from task where phase < 3 and owner is not null and owner > $1) as next";
        let (mut after, mut orphaned) = (i64::MIN, Vec::new());
        loop {
            let next: Option<i64> = read!(self, "looking for owners", pool => sqlx::query_scalar(NEXT)
                .bind(after).fetch_one(pool).await)?;
            let Some(owner) = next else {
                return Ok(orphaned);
            };
            let there: Option<i64> = read!(self, "looking for owners", pool => sqlx::query_scalar(
                "select number from node where number = $1",
            ).bind(owner).fetch_optional(pool).await)?;
            if there.is_none() {
                orphaned.push(owner);
            }
            after = owner;
        }
    }

    /// Frees everything that a node owned and removes its row. Every step stands alone
    /// and may be repeated, by several nodes at once; a node that stops does it to itself.
    pub async fn take_over(&self, dead: i64) -> StoreResult<u64> {
        self.fence(dead).await?;
        let freed = self.free_indexed(dead).await? + self.free_fresh(dead).await?;
        write!(self, "removing a node", pool => sqlx::query("delete from node where number = $1")
            .bind(dead).execute(pool).await.map(|_| ()))?;
        self.lane_hint().notify_one();
        self.task_hint().notify_one();
        Ok(freed)
    }

    /// Frees the claims, manual sends and tasks of an owner.
    async fn free_indexed(&self, owner: i64) -> StoreResult<u64> {
        let mut freed = 0;
        loop {
            let rows = self.free_claimed(owner).await?;
            freed += rows;
            if rows < CHUNK as u64 {
                break;
            }
        }
        let resends = self.resends_by(owner).await?;
        let resends: Vec<_> = resends
            .into_iter()
            .map(|(id, endpoint, _)| (id, endpoint))
            .collect();
        freed += self.free_resends(owner, &resends).await?;
        self.free_tasks(owner).await?;
        Ok(freed)
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
