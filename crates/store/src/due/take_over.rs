//! Taking over from the dead: what a node owned is freed, in several transactions.
//!
//! Whoever takes over marks the dead node's row first (`lease_until` is 0), and nothing is
//! written under its number from then on. A fail-over to an earlier state of the database can
//! take the mark back, and with it the reason to free anything: the node may be alive there. So
//! each transaction asks for itself whether the node is still given up.

use const_format::formatcp;
use postrider_domain::EndpointId;
use uuid::Uuid;

use crate::due::lane::wake_lanes;
use crate::due::node::is_given_up;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::{GIVEN_UP, OVER};

/// How many rows one transaction touches at most.
const CHUNK: i64 = 1000;

const NODE_IS_THERE: &str = "select number from node where number = $1";
const MARK: &str = formatcp!("update node set lease_until = {GIVEN_UP} where number = $1");
const REMOVE: &str = "delete from node where number = $1";
const FREE_RESEND: &str = "update resend set owner = null where id = $1 and owner = $2";
const FREE_CLAIMED: &str = "update delivery set owner = null, token = token + 1 where (endpoint_id, message_id) in \
    (select endpoint_id, message_id from delivery where owner = $1 and due_at is not null limit $2) \
    and owner = $1 returning endpoint_id";
const FREE_TASKS: &str =
    formatcp!("update task set owner = null where owner = $1 and phase < {OVER}");

const NEXT_OWNER: &str = formatcp!(
    "select min(owner) from (\
    select min(owner) as owner from delivery where due_at is not null and owner is not null and owner > $1 \
    union all select min(owner) from resend where owner is not null and owner > $1 \
    union all select min(owner) from task where phase < {OVER} and owner is not null and owner > $1) as next"
);

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
        let (mut after, mut orphaned) = (i64::MIN, Vec::new());
        loop {
            let next: Option<i64> = self
                .read("looking for owners")
                .scalar(Sql::new(NEXT_OWNER).with(after))
                .await?;
            let Some(owner) = next else {
                return Ok(orphaned);
            };
            let there: Option<i64> = self
                .read("looking for owners")
                .optional_scalar(Sql::new(NODE_IS_THERE).with(owner))
                .await?;
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
        self.write("marking a dead node")
            .run(Sql::new(MARK).with(dead))
            .await
            .map(|_| ())?;
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
        let mut tx = self.begin("removing a node").await?;
        if !is_given_up(&mut tx, dead).await? {
            return Ok(None);
        }
        tx.run(Sql::new(REMOVE).with(dead)).await?;
        tx.commit().await?;
        Ok(Some(indexed + fresh))
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

    /// With `takes_over`, `None` if the owner is not given up.
    async fn free_resend(
        &self,
        owner: i64,
        resend: Uuid,
        endpoint: EndpointId,
        takes_over: bool,
    ) -> StoreResult<Option<u64>> {
        let now = self.clock.now().micros();
        let mut tx = self.begin("freeing a manual send").await?;
        if takes_over && !is_given_up(&mut tx, owner).await? {
            return Ok(None);
        }
        let freed = tx
            .run(Sql::new(FREE_RESEND).with(resend).with(owner))
            .await?;
        wake_lanes(&mut tx, vec![endpoint.uuid()], now).await?;
        tx.commit().await?;
        Ok(Some(freed))
    }

    /// Deliveries that were claimed from their lane keep their due time: nothing but
    /// the owner stands in the way of the next claim. `None`: the owner is not given up.
    async fn free_claimed(&self, owner: i64) -> StoreResult<Option<u64>> {
        let now = self.clock.now().micros();
        let mut tx = self.begin("freeing claimed deliveries").await?;
        if !is_given_up(&mut tx, owner).await? {
            return Ok(None);
        }
        let lanes: Vec<Uuid> = tx
            .scalars(Sql::new(FREE_CLAIMED).with(owner).with(CHUNK))
            .await?;
        let freed = lanes.len() as u64;
        wake_lanes(&mut tx, lanes, now).await?;
        tx.commit().await?;
        Ok(Some(freed))
    }

    /// Frees the tasks of a node that is gone; `false`: it is not.
    async fn free_tasks(&self, node: i64) -> StoreResult<bool> {
        let mut tx = self.begin("freeing tasks").await?;
        if !is_given_up(&mut tx, node).await? {
            return Ok(false);
        }
        tx.run(Sql::new(FREE_TASKS).with(node)).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        NODE_IS_THERE,
        MARK,
        REMOVE,
        FREE_RESEND,
        FREE_CLAIMED,
        FREE_TASKS,
        NEXT_OWNER,
    ],
    ..Statements::NONE
};
