//! Leases of nodes: who may send, and who takes over from the dead.
//!
//! A delivery in hand names its owner, a node's incarnation, new at every start. One
//! row per node holds its lease, judged by the database's clock. A node that has been
//! silent for a whole lease is dead: others free what it owned and remove its row, and
//! a node that finds its row gone holds nothing any more (see `take_over.rs`).

use const_format::formatcp;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt as _};
use postrider_domain::{EndpointId, MessageId, NodeId, Timestamp};
use uuid::Uuid;

use crate::engine::error::StoreResult;
use crate::engine::error::during;
use crate::engine::run::{Connection, Tx};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::engine::{Db, Engine, Store};
use crate::stored::codes::{GIVEN_UP, PENDING};

/// The number of a node, by its random bits and not in a row: a database that went back to an
/// earlier state gives none out for the second time.
fn number_of(id: NodeId) -> i64 {
    let random = id.uuid().as_u128() as i64 & 0x7fff_ffff;
    random.max(1)
}

/// Whether a node's row is gone or marked: asked at the begin of each transaction that frees
/// what it owned. What had passed the mark before is committed when this returns, and the
/// answer holds until the transaction ends.
pub(crate) async fn is_given_up(tx: &mut Tx<'_>, number: i64) -> StoreResult<bool> {
    let text = match tx.connection()? {
        Connection::Sqlite(_) => LEASE,
        Connection::Postgres(_) => LOCKED_LEASE_POSTGRES,
    };
    let lease: Option<i64> = tx.optional_scalar(Sql::new(text).with(number)).await?;
    Ok(lease.is_none_or(|until| until == GIVEN_UP))
}

const LEASE: &str = "select lease_until from node where number = $1";
/// Publishes and claims hold the row for key share: see `commit/messages/postgres.rs`.
const LOCKED_LEASE_POSTGRES: &str = "select lease_until from node where number = $1 for update";

const REGISTER: &str = "insert into node (number, id, role, started_at, heartbeat_at, lease_until) values ($1, $2, $3, $4, $4, $5)";
const DEAD: &str = "select number from node where number <> $1 and ($2 or lease_until < $3)";
const RESENDS: &str = "select id, endpoint_id, message_id from resend where owner = $1";

const RENEW_SQLITE: &str = formatcp!(
    "update node set heartbeat_at = $3, lease_until = $4 \
    where number = $1 and id = $2 and lease_until > {GIVEN_UP}"
);
const RENEW_POSTGRES: &str = formatcp!(
    "with here as (select set_config('synchronous_commit', 'local', true) as set) \
    update node set heartbeat_at = $3, lease_until = $4 from here \
    where number = $1 and id = $2 and lease_until > {GIVEN_UP} and here.set is not null"
);
const CLOCK_POSTGRES: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";

impl Store {
    /// Enters a node and returns its number, under which it owns deliveries.
    pub async fn register_node(&self, id: NodeId, role: &str, lease: Duration) -> StoreResult<i64> {
        let (number, now) = (number_of(id), self.lease_clock().await?);
        self.write("entering a node")
            .run(
                Sql::new(REGISTER)
                    .with(number)
                    .with(id.uuid())
                    .with(role)
                    .with(now.micros())
                    .with(now.plus(lease).micros()),
            )
            .await
            .map(|_| ())?;
        Ok(number)
    }

    /// Renews a node's lease. `false`: the node was given up and owns nothing any more, or the
    /// database went back to before it was entered.
    ///
    /// A lease binds only those who see it, so its commit waits for no standby: a node whose
    /// writes all wait for one still has its lease, and leaves no connection behind with each
    /// beat that nobody waits for any more.
    pub async fn heartbeat(&self, id: NodeId, number: i64, lease: Duration) -> StoreResult<bool> {
        let now = self.lease_clock().await?;
        let text = match self.engine() {
            Engine::Sqlite => RENEW_SQLITE,
            Engine::Postgres => RENEW_POSTGRES,
        };
        let rows = self
            .write("renewing the lease")
            .run(
                Sql::new(text)
                    .with(number)
                    .with(id.uuid())
                    .with(now.micros())
                    .with(now.plus(lease).micros()),
            )
            .await?;
        Ok(rows > 0)
    }

    /// Nodes other than `number` whose lease has ended. With `all`, every other node:
    /// on SQLite a new process has the file to itself, so its predecessors are dead.
    pub async fn dead_nodes(&self, number: i64, all: bool) -> StoreResult<Vec<i64>> {
        let now = self.lease_clock().await?;
        self.read("looking for dead nodes")
            .scalars(Sql::new(DEAD).with(number).with(all).with(now.micros()))
            .await
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
        let rows = match &*self.db {
            Db::Sqlite(db) => {
                let rows = sqlx::query_as(CLAIMED).bind(number).fetch(&db.read);
                first_wanted(rows, wanted, most).await
            }
            Db::Postgres(db) => {
                let rows = sqlx::query_as(CLAIMED).bind(number).fetch(&db.read);
                first_wanted(rows, wanted, most).await
            }
        };
        rows.map_err(during("reading claims"))
    }

    /// The manual sends in this node's hand, as the database sees it.
    pub async fn resends_by(&self, number: i64) -> StoreResult<Vec<(Uuid, EndpointId, MessageId)>> {
        let rows: Vec<(Uuid, Uuid, Uuid)> = self
            .read("reading manual sends")
            .all(Sql::new(RESENDS).with(number))
            .await?;
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
            Db::Postgres(_) => {
                let now = self
                    .read("reading the clock")
                    .scalar(Sql::new(CLOCK_POSTGRES));
                now.await.map(Timestamp::from_micros)
            }
        }
    }
}

const CLAIMED: &str = formatcp!(
    "select endpoint_id, message_id, token from delivery \
    where owner = $1 and due_at is not null and state = {PENDING}"
);

/// The first `most` of the rows that are wanted; no more of them are read.
async fn first_wanted(
    mut rows: impl Stream<Item = Result<(Uuid, Uuid, i32), sqlx::Error>> + Unpin,
    wanted: impl Fn(EndpointId, MessageId) -> bool,
    most: usize,
) -> Result<Vec<(EndpointId, MessageId, i32)>, sqlx::Error> {
    let mut claims = Vec::new();
    while claims.len() < most
        && let Some((endpoint, message, token)) = rows.try_next().await?
    {
        let (endpoint, message) = (
            EndpointId::from_uuid(endpoint),
            MessageId::from_uuid(message),
        );
        if wanted(endpoint, message) {
            claims.push((endpoint, message, token));
        }
    }
    Ok(claims)
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[LEASE, REGISTER, DEAD, RESENDS, CLAIMED],
    sqlite: &[RENEW_SQLITE],
    postgres: &[LOCKED_LEASE_POSTGRES, RENEW_POSTGRES, CLOCK_POSTGRES],
};
