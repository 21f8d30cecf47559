//! Looks at the deliveries of commits that owe, where the commit log alone does not close them.

use postrider_domain::{EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use super::{Commit, Ledger, Mark, OLD, OLD_ELSEWHERE, STEP, Unreadable, rows};
use crate::commit::log::owned::DeliveryKey;
use crate::commit::log::{Row, RowId};
use crate::due::lane::wake_lanes;
use crate::due::node::is_given_up;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::run::Tx;
use crate::engine::sql::Sql;

/// In a transaction: takes a step of an account's marks; false if something came in between.
pub(crate) async fn takes_step(tx: &mut Tx<'_>, mark: Mark) -> StoreResult<bool> {
    let step = Sql::new(STEP)
        .with(mark.node)
        .with(mark.new)
        .with(mark.old.unwrap_or_default())
        .with(mark.old.is_none());
    Ok(tx.run(step).await? > 0)
}

/// Rows of the commit log that one transaction looks at.
const ROWS: i64 = 32;
/// Deliveries that one transaction looks at, but for those of one row.
const KEYS: usize = 4_000;

/// What a look at old commits came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Deliveries of nodes that are gone, due again for anybody.
    pub freed: u64,
    /// Deliveries that were given a due time, for their node or whoever sweeps after it.
    pub claimed: u64,
    /// Whether there may be more.
    pub more: bool,
}

#[derive(sqlx::FromRow)]
struct Old {
    #[sqlx(flatten)]
    row: Row,
    /// Whether its node's row is there.
    lives: bool,
}

/// The statement of [`Store::settle_owed`].
pub(crate) fn old(node: i64, now: Timestamp) -> Sql {
    let mut sql = Sql::new(
        "select seq, at, body, node, owned, whole, owes, \
         (case when node is null or exists (select 1 from node n where n.number = journal.node) \
             then true else false end) as lives \
         from journal where owes and (at < (case when node = ",
    );
    sql.bind(node)
        .push(" then cast(")
        .bind(now.minus(OLD).micros())
        .push(" as bigint) else ")
        .bind(now.minus(OLD_ELSEWHERE).micros())
        .push(" end) or (node is not null and not exists (select 1 from node n where n.number = journal.node)))");
    sql
}

/// The statement that reads what a node's commits owe, from a row on.
pub(crate) fn of_node(node: i64, after: i64) -> Sql {
    let mut sql = Sql::new(
        "select seq, at, body, node, owned, whole, owes from journal where owes and node = ",
    );
    sql.bind(node).push(" and seq > ").bind(after);
    sql
}

/// The statement that reads what any node's commits owe, from a row on.
pub(crate) fn owing(after: i64) -> Sql {
    let mut sql = Sql::new(
        "select seq, at, body, node, owned, whole, owes from journal where owes and seq > ",
    );
    sql.bind(after).push(" order by seq limit ").bind(ROWS);
    sql
}

/// What is to be done for a row.
struct Work {
    row: RowId,
    /// Whose commit it was; `None`: the version before did not note it.
    node: Option<i64>,
    /// Whether its node's row is there.
    lives: bool,
    keys: Vec<DeliveryKey>,
}

impl Work {
    /// Those that nobody can hold, as far as the node that looks knows what is held in its
    /// own hand, and the others.
    fn divided(
        &self,
        by: i64,
        held: &impl Fn(EndpointId, MessageId) -> bool,
    ) -> (Vec<DeliveryKey>, Vec<DeliveryKey>) {
        let own = self.node == Some(by);
        let keys = self.keys.iter().copied();
        keys.partition(|key| !self.lives || (own && !held(key.0, key.1)))
    }
}

impl Store {
    /// Frees those of these deliveries that are still fresh in this node's hand and owed by
    /// its account: it does not hold them, so no answer of its own will ever move them. They
    /// and what they leave of their rows are settled. Returns how many were freed.
    pub async fn free_unheld(
        &self,
        ledger: &mut Ledger,
        unheld: &[(EndpointId, MessageId)],
    ) -> StoreResult<u64> {
        let mut freed = 0;
        let keys: Vec<DeliveryKey> = unheld
            .iter()
            .filter(|key| ledger.still_owed(key))
            .copied()
            .collect();
        for chunk in keys.chunks(KEYS) {
            let (mark, now) = (ledger.step(), self.clock.now().micros());
            // Struck out first: should the transaction fail, the account is begun anew.
            let closed: Vec<RowId> = chunk.iter().filter_map(|key| ledger.strike(key)).collect();
            let result = self.free_chunk(mark, chunk, &closed, now).await;
            let Ok(Some(count)) = result else {
                ledger.begin_anew();
                return result.map(|_| freed);
            };
            ledger.stepped(mark);
            freed += count;
        }
        if freed > 0 {
            self.lane_hint().notify_one();
        }
        Ok(freed)
    }

    /// `None`: something came in between.
    async fn free_chunk(
        &self,
        mark: Mark,
        chunk: &[DeliveryKey],
        closed: &[RowId],
        now: i64,
    ) -> StoreResult<Option<u64>> {
        let mut tx = self.begin("freeing what is not held").await?;
        if !takes_step(&mut tx, mark).await? {
            return Ok(None);
        }
        let endpoints = rows::free(&mut tx, chunk, mark.node, now).await?;
        rows::close(&mut tx, closed).await?;
        let count = endpoints.len() as u64;
        wake_lanes(&mut tx, endpoints, now).await?;
        tx.commit().await?;
        Ok(Some(count))
    }

    /// Goes on with an account that was begun anew: enters what the node's commits of before
    /// still owe, by a look at their deliveries. Says whether there may be more.
    pub async fn adopt_owed(&self, ledger: &mut Ledger) -> StoreResult<bool> {
        let Some(after) = ledger.adopt_after else {
            return Ok(false);
        };
        let mut sql = of_node(ledger.node(), after);
        ledger.unreadable.leave_out(self, &mut sql);
        sql.push(" order by seq limit ").bind(ROWS);
        let rows: Vec<Row> = self.read("reading the commit log").all(sql).await?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            ledger.adopt_after = None;
            return Ok(false);
        };
        let rows = rows.into_iter().map(|row| Old { row, lives: true });
        for work in self.works(rows, &mut ledger.unreadable).await? {
            let mark = ledger.step();
            let fresh = self.adopt(mark, &work).await;
            let Ok(Some(fresh)) = fresh else {
                ledger.begin_anew();
                return fresh.map(|_| true);
            };
            ledger.stepped(mark);
            let keys = keys_of(fresh);
            if !keys.is_empty() {
                ledger.owe(work.row, self.clock.now(), keys);
            }
        }
        ledger.adopt_after = Some(last);
        Ok(true)
    }

    /// What of a commit is fresh in its node's hand; if nothing is, it owes nothing. `None`:
    /// something came in between.
    async fn adopt(&self, mark: Mark, work: &Work) -> StoreResult<Option<Vec<(Uuid, Uuid)>>> {
        let mut tx = self.begin("adopting a commit").await?;
        if !takes_step(&mut tx, mark).await? {
            return Ok(None);
        }
        let mut fresh = Vec::new();
        for chunk in work.keys.chunks(KEYS) {
            fresh.extend(rows::fresh(&mut tx, chunk, mark.node).await?);
        }
        if fresh.is_empty() {
            rows::close(&mut tx, &[work.row]).await?;
        }
        tx.commit().await?;
        Ok(Some(fresh))
    }

    /// Looks at commits of any node that are older than what can be under way: what is still
    /// fresh is given a due time, or freed where its node is gone or is this one and does not
    /// hold it, and stands in an index from then on.
    pub async fn settle_owed(
        &self,
        ledger: &mut Ledger,
        held: impl Fn(EndpointId, MessageId) -> bool,
    ) -> StoreResult<Settled> {
        let mut sql = old(ledger.node(), self.clock.now());
        ledger.unreadable.leave_out(self, &mut sql);
        sql.push(" order by seq limit ").bind(ROWS);
        let rows: Vec<Old> = self.read("looking for what is owed").all(sql).await?;
        let full = rows.len() as i64 == ROWS;
        let works = self.works(rows.into_iter(), &mut ledger.unreadable).await?;
        let mut settled = self.settle(&works, ledger.node(), held).await?;
        for work in &works {
            ledger.drop_row(work.row);
        }
        settled.more = full;
        Ok(settled)
    }

    /// Frees what a node that is gone had in its hand fresh from publishes; `None`: it is not.
    pub(crate) async fn free_fresh(&self, number: i64) -> StoreResult<Option<u64>> {
        let (mut after, mut freed) = (0, 0);
        let mut unreadable = Unreadable::default();
        loop {
            let mut sql = of_node(number, after);
            sql.push(" order by seq limit ").bind(ROWS);
            let rows: Vec<Row> = self.read("reading the commit log").all(sql).await?;
            let Some(last) = rows.last().map(|row| row.seq) else {
                return Ok(Some(freed));
            };
            let dead = rows.into_iter().map(|row| Old { row, lives: false });
            for work in self.works(dead, &mut unreadable).await? {
                let all = (work.keys.clone(), Vec::new());
                let Some((rows, _)) = self.settle_row(&work, all, number).await? else {
                    return Ok(None);
                };
                freed += rows;
            }
            after = last;
        }
    }

    /// The messages whose deliveries to an endpoint a commit wrote in a node's hand, as far as
    /// it still owes: those that are fresh are among them.
    pub(crate) async fn fresh_at(&self, endpoint: EndpointId) -> StoreResult<Vec<MessageId>> {
        let (mut after, mut messages) = (0, Vec::new());
        loop {
            let rows: Vec<Row> = self
                .read("reading the commit log")
                .all(owing(after))
                .await?;
            let Some(last) = rows.last().map(|row| row.seq) else {
                return Ok(messages);
            };
            for owned in rows.iter().filter_map(|row| Commit::read(row)?.owned) {
                let here = owned.into_iter().filter(|key| key.0 == endpoint);
                messages.extend(here.map(|key| key.1));
            }
            after = last;
        }
    }

    /// What rows owe. Those that cannot be read stay as they are.
    async fn works(
        &self,
        rows: impl Iterator<Item = Old>,
        unreadable: &mut Unreadable,
    ) -> StoreResult<Vec<Work>> {
        let mut works = Vec::new();
        for Old { row, lives } in rows {
            let Some(commit) = Commit::read(&row) else {
                unreadable.note(row.seq);
                continue;
            };
            let keys = match commit.owned {
                Some(keys) => keys,
                None if row.owned.is_some() => {
                    unreadable.note(row.seq);
                    continue;
                }
                // Of the version before, which did not note it.
                None => {
                    let messages = commit.logged.messages.iter();
                    let messages: Vec<_> =
                        messages.map(|m| (m.app_id.uuid(), m.id.uuid())).collect();
                    self.fresh_of(&messages).await?
                }
            };
            works.push(Work {
                row: row.id(),
                node: row.node,
                lives,
                keys,
            });
        }
        Ok(works)
    }

    async fn fresh_of(&self, messages: &[(Uuid, Uuid)]) -> StoreResult<Vec<DeliveryKey>> {
        let mut keys = Vec::new();
        for chunk in messages.chunks(256) {
            let mut tx = self.begin("looking at deliveries").await?;
            keys.extend(keys_of(rows::fresh_of(&mut tx, chunk).await?));
        }
        Ok(keys)
    }

    /// Each row with its deliveries in one transaction. A row whose node is there after all
    /// stays as it is.
    async fn settle(
        &self,
        works: &[Work],
        by: i64,
        held: impl Fn(EndpointId, MessageId) -> bool,
    ) -> StoreResult<Settled> {
        let mut settled = Settled::default();
        for work in works {
            let divided = work.divided(by, &held);
            let done = self.settle_row(work, divided, by).await?;
            let (freed, claimed) = done.unwrap_or_default();
            settled.freed += freed;
            settled.claimed += claimed;
        }
        if settled.freed > 0 {
            self.lane_hint().notify_one();
        }
        Ok(settled)
    }

    /// What nobody can hold is freed, the rest is given a due time: how many of each. `None`:
    /// the row's node was taken for dead and is not given up, as after a fail-over.
    async fn settle_row(
        &self,
        work: &Work,
        (nobodys, somebodys): (Vec<DeliveryKey>, Vec<DeliveryKey>),
        by: i64,
    ) -> StoreResult<Option<(u64, u64)>> {
        let owner = work.node.unwrap_or(by);
        let now = self.clock.now().micros();
        let mut tx = self.begin("settling a commit").await?;
        if !work.lives && !is_given_up(&mut tx, owner).await? {
            return Ok(None);
        }
        if !rows::hold(&mut tx, work.row).await? {
            // Another node is at it, or the database went back.
            return Ok(Some((0, 0)));
        }
        let (mut freed, mut claimed) = (Vec::new(), 0);
        for chunk in nobodys.chunks(KEYS) {
            freed.extend(rows::free(&mut tx, chunk, owner, now).await?);
        }
        for chunk in somebodys.chunks(KEYS) {
            let given = rows::claim(&mut tx, chunk, now).await?;
            claimed += given.len() as u64;
            freed.extend(given.into_iter().filter(|one| one.1).map(|one| one.0));
        }
        rows::close(&mut tx, &[work.row]).await?;
        let count = freed.len() as u64;
        wake_lanes(&mut tx, freed, now).await?;
        tx.commit().await?;
        Ok(Some((count, claimed)))
    }
}

fn keys_of(ids: Vec<(Uuid, Uuid)>) -> Vec<DeliveryKey> {
    let ids = ids.into_iter();
    ids.map(|(endpoint, message)| {
        (
            EndpointId::from_uuid(endpoint),
            MessageId::from_uuid(message),
        )
    })
    .collect()
}
