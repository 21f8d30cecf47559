//! Inheriting from the dead: what a node owned is freed, in several transactions.
//!
//! Whoever takes over marks the dead node's row first (`lease_until` is 0), and nothing is
//! written under its number from then on. A fail-over to an earlier state of the database can
//! take the mark back, and with it the reason to free anything: the node may be alive there. So
//! each transaction asks for itself whether the node is still given up.

use postrider_domain::EndpointId;
use sqlx::{PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::error::wrong;
use crate::lane::wake_lanes;
use crate::{Store, StoreResult};

/// How many rows one transaction touches at most.
const CHUNK: i64 = 1000;

/// Asked at the begin of each transaction that frees what a node owned.
pub(crate) trait GivenUp {
    /// Whether the node's row is gone or marked. What had passed the mark before is committed
    /// when this returns, and the answer holds until the transaction ends.
    async fn given_up(&mut self, number: i64) -> StoreResult<bool>;
}

impl GivenUp for SqliteConnection {
    async fn given_up(&mut self, number: i64) -> StoreResult<bool> {
        let lease: Option<i64> =
            sqlx::query_scalar("select lease_until from node where number = $1")
                .bind(number)
                .fetch_optional(self)
                .await
                .map_err(wrong("looking for a node's mark"))?;
        Ok(lease.is_none_or(|until| until == 0))
    }
}

impl GivenUp for PgConnection {
    async fn given_up(&mut self, number: i64) -> StoreResult<bool> {
        // Publishes and claims hold the row for key share: see `ingest/postgres.rs`.
        let lease: Option<i64> =
            sqlx::query_scalar("select lease_until from node where number = $1 for update")
                .bind(number)
                .fetch_optional(self)
                .await
                .map_err(wrong("looking for a node's mark"))?;
        Ok(lease.is_none_or(|until| until == 0))
    }
}

impl Store {
    /// Frees what names an owner that has no row: a database that went back can hold such
    /// claims, manual sends and tasks. What such a node held fresh, [`Store::settle_owed`]
    /// frees.
    pub async fn free_orphans(&self) -> StoreResult<u64> {
        let mut freed = 0;
        for owner in self.orphaned().await? {
            freed += self.free_indexed(owner).await?.unwrap_or_default();
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

    /// Frees everything that a node owned and removes its row. Every step stands alone and may
    /// be repeated, by several nodes at once; a node that stops does it to itself. `None`: in
    /// the middle of it a fail-over took the mark back. From there on nothing was freed.
    pub async fn take_over(&self, dead: i64) -> StoreResult<Option<u64>> {
        write!(self, "marking a dead node", pool => sqlx::query("update node set lease_until = 0 where number = $1")
            .bind(dead).execute(pool).await.map(|_| ()))?;
        let freed = self.free_all(dead).await;
        self.lane_hint().notify_one();
        self.task_hint().notify_one();
        freed
    }

    async fn free_all(&self, dead: i64) -> StoreResult<Option<u64>> {
        let Some(indexed) = self.free_indexed(dead).await? else {
            return Ok(None);
        };
        let Some(fresh) = self.free_fresh(dead).await? else {
            return Ok(None);
        };
        let gone = transaction!(self, "removing a node", conn => {
            let gone = conn.given_up(dead).await?;
            if gone {
                sqlx::query("delete from node where number = $1")
                    .bind(dead).execute(&mut *conn).await.map_err(wrong("removing a node"))?;
            }
            Ok(gone)
        })?;
        Ok(gone.then_some(indexed + fresh))
    }

    /// Frees the claims, manual sends and tasks of an owner; `None`: it is not given up.
    async fn free_indexed(&self, owner: i64) -> StoreResult<Option<u64>> {
        let mut freed = 0;
        loop {
            let Some(rows) = self.free_claimed(owner).await? else {
                return Ok(None);
            };
            freed += rows;
            if rows < CHUNK as u64 {
                break;
            }
        }
        for (resend, endpoint, _) in self.resends_by(owner).await? {
            let Some(rows) = self.free_resend(owner, resend, endpoint, true).await? else {
                return Ok(None);
            };
            freed += rows;
        }
        Ok(self.free_tasks(owner).await?.then_some(freed))
    }

    /// Frees these manual sends of this very node, each with its endpoint, where it still owns
    /// them.
    pub async fn free_resends(
        &self,
        number: i64,
        resends: &[(Uuid, EndpointId)],
    ) -> StoreResult<u64> {
        let mut freed = 0;
        for (resend, endpoint) in resends {
            let rows = self.free_resend(number, *resend, *endpoint, false).await?;
            freed += rows.unwrap_or_default();
        }
        Ok(freed)
    }

    /// With `inherits`, `None` if the owner is not given up.
    async fn free_resend(
        &self,
        owner: i64,
        resend: Uuid,
        endpoint: EndpointId,
        inherits: bool,
    ) -> StoreResult<Option<u64>> {
        let now = self.clock.now().micros();
        transaction!(self, "freeing a manual send", conn => {
            if inherits && !conn.given_up(owner).await? {
                return Ok(None);
            }
            let wrong = wrong("freeing a manual send");
            let done = sqlx::query("update resend set owner = null where id = $1 and owner = $2")
                .bind(resend).bind(owner).execute(&mut *conn).await.map_err(wrong)?;
            wake_lanes!(conn, vec![endpoint.uuid()], now);
            Ok(Some(done.rows_affected()))
        })
    }

    /// Deliveries that were claimed from their lane keep their due time: nothing but
    /// the owner stands in the way of the next claim. `None`: the owner is not given up.
    async fn free_claimed(&self, owner: i64) -> StoreResult<Option<u64>> {
        let now = self.clock.now().micros();
        transaction!(self, "freeing claimed deliveries", conn => {
            if !conn.given_up(owner).await? {
                return Ok(None);
            }
            let wrong = wrong("freeing claimed deliveries");
            let rows: Vec<(Uuid,)> = sqlx::query_as(
                "update delivery set owner = null, token = token + 1 where (endpoint_id, message_id) in \
                 (select endpoint_id, message_id from delivery where owner = $1 and due_at is not null limit $2) \
                 and owner = $1 returning endpoint_id",
            ).bind(owner).bind(CHUNK).fetch_all(&mut *conn).await.map_err(wrong)?;
            wake_lanes!(conn, rows.iter().map(|row| row.0).collect(), now);
            Ok(Some(rows.len() as u64))
        })
    }
}
