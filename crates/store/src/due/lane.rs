//! Lanes in the database: which endpoints have work, and when it is worth looking.
//!
//! A lane's row holds when its next delivery is due and until when it is parked, so
//! that a parked endpoint with a million due rows costs one row that is not looked at.

use const_format::formatcp;
use std::collections::HashSet;

use postrider_domain::{AppId, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::error::during;
use crate::engine::run::{Connection, Tx};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::codes::PENDING;

/// Makes an endpoint's lane due at a time: bind endpoint and time.
pub(crate) const WAKE: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select id, app_id, $2, $2 from endpoint where id = $1 \
    on conflict (endpoint_id) do update set \
        next_due = case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end, \
        wake_at = case when lane.parked_until > (case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end) \
    then lane.parked_until \
    else (case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end) end";

const RELEASE_POSTGRES: &str = formatcp!(
    "update delivery d set owner = null, token = d.token + 1, \
        due_at = case when $3 then $2 else coalesce(d.due_at, $2) end \
    from unnest($4::uuid[], $5::bigint[], $6::integer[]) as i(message_id, owner, token) \
    where d.endpoint_id = $1 and d.message_id = i.message_id and d.owner = i.owner and d.token = i.token and d.state = {PENDING}"
);
/// What is given comes first and is looked up by its whole key: SQLite would rather read all
/// deliveries of the endpoint, and for each of them what is given.
const RELEASE_SQLITE: &str = formatcp!(
    "with i as materialized (select $1 as endpoint_id, substr($4, key * 16 + 1, 16) as message_id, \
        value ->> 0 as owner, value ->> 1 as token from jsonb_each($5)) \
    update delivery set owner = null, token = delivery.token + 1, \
        due_at = case when $3 then $2 else coalesce(due_at, $2) end \
    from i where delivery.endpoint_id = i.endpoint_id and delivery.message_id = i.message_id \
      and delivery.owner = i.owner and delivery.token = i.token and delivery.state = {PENDING}"
);
const PARK: &str = "update lane set parked_until = $2, wake_at = case when next_due > $2 then next_due else $2 end \
    where endpoint_id = $1 and parked_until < $2";

/// In a transaction: makes the lanes of these endpoints due, each once and in id order:
/// everyone who locks several lanes locks them in that order.
pub(crate) async fn wake_lanes(
    tx: &mut Tx<'_>,
    mut endpoints: Vec<Uuid>,
    due: i64,
) -> StoreResult<()> {
    endpoints.sort_unstable();
    endpoints.dedup();
    for lane in endpoints {
        tx.run(Sql::new(WAKE).with(lane).with(due)).await?;
    }
    Ok(())
}

/// A lane with work that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueLane {
    pub endpoint_id: EndpointId,
    pub app_id: AppId,
    /// Since when it is due.
    pub wake_at: Timestamp,
}

/// What the lanes look like from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LanesView {
    /// How many lanes have waiting work.
    pub lanes: i64,
    /// When the first of them is worth looking at.
    pub next_wake: Option<Timestamp>,
}

const DUE: &str =
    "select endpoint_id, app_id, wake_at from lane where wake_at <= $1 order by wake_at limit $2";
const NEXT_WAKE: &str = "select min(wake_at) from lane";
const COUNT: &str = "select count(*) from (select 1 from lane limit 10000) as few";
const RELEASE_RESEND: &str = "update resend set owner = null where id = $1 and owner = $2";
const UNPARK: &str = "update lane set parked_until = 0, wake_at = next_due where endpoint_id = $1";
const MEND: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select id, app_id, due, due from \
    (select e.id, e.app_id, (select d.due_at from delivery d where d.endpoint_id = e.id \
    and d.due_at is not null and d.owner is null order by d.due_at limit 1) as due \
    from endpoint e where not exists (select 1 from lane l where l.endpoint_id = e.id)) as found \
    where due is not null on conflict (endpoint_id) do nothing";

impl Store {
    /// Lanes that are due, the longest waiting first, but none of `full`, which have
    /// no room on this node.
    pub async fn due_lanes(
        &self,
        now: Timestamp,
        full: &HashSet<EndpointId>,
        limit: i64,
    ) -> StoreResult<Vec<DueLane>> {
        // One more than asked for each lane that is passed over.
        let fetch = limit + i64::try_from(full.len()).unwrap_or(i64::MAX - limit);
        let rows: Vec<(Uuid, Uuid, i64)> = self
            .read("looking for due lanes")
            .all(Sql::new(DUE).with(now.micros()).with(fetch))
            .await?;
        Ok(rows
            .into_iter()
            .map(|(endpoint, app, wake)| DueLane {
                endpoint_id: EndpointId::from_uuid(endpoint),
                app_id: AppId::from_uuid(app),
                wake_at: Timestamp::from_micros(wake),
            })
            .filter(|lane| !full.contains(&lane.endpoint_id))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    /// The lanes as a whole: for the claimer's next round and for the gauges.
    pub async fn lanes_view(&self) -> StoreResult<LanesView> {
        let next_wake: Option<i64> = self
            .read("reading the next wake-up")
            .scalar(Sql::new(NEXT_WAKE))
            .await?;
        let lanes: i64 = self.read("counting lanes").scalar(Sql::new(COUNT)).await?;
        Ok(LanesView {
            lanes,
            next_wake: next_wake.map(Timestamp::from_micros),
        })
    }

    /// Gives deliveries, each with owner and token, back to their lane and parks it until
    /// `parked_until`. A delivery that has a due time keeps it, unless `postpone`; the
    /// others are due at `due`. Rows that have changed hands stay as they are.
    pub async fn release(
        &self,
        endpoint: EndpointId,
        deliveries: &[(MessageId, i64, i32)],
        due: Timestamp,
        postpone: bool,
        parked_until: Timestamp,
    ) -> StoreResult<()> {
        let mut tx = self.begin("releasing deliveries").await?;
        let released = match tx.connection()? {
            Connection::Sqlite(connection) => {
                let (packed, rows) = packed(deliveries);
                let query = sqlx::query(RELEASE_SQLITE)
                    .bind(endpoint.uuid())
                    .bind(due.micros())
                    .bind(postpone)
                    .bind(packed)
                    .bind(rows);
                query.execute(connection).await.map(|_| ())
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query(RELEASE_POSTGRES)
                    .bind(endpoint.uuid())
                    .bind(due.micros())
                    .bind(postpone)
                    .bind(deliveries.iter().map(|d| d.0.uuid()).collect::<Vec<_>>())
                    .bind(deliveries.iter().map(|d| d.1).collect::<Vec<_>>())
                    .bind(deliveries.iter().map(|d| d.2).collect::<Vec<_>>());
                query.execute(connection).await.map(|_| ())
            }
        };
        released.map_err(during("releasing deliveries"))?;
        tx.run(Sql::new(WAKE).with(endpoint.uuid()).with(due.micros()))
            .await?;
        let parked = Sql::new(PARK)
            .with(endpoint.uuid())
            .with(parked_until.micros());
        tx.run(parked).await?;
        tx.commit().await
    }

    /// Gives back manual sends that have not started; their lane is woken by
    /// [`Store::release`].
    pub async fn release_resends(&self, resends: &[(Uuid, i64)]) -> StoreResult<()> {
        for (resend, owner) in resends {
            self.write("releasing a manual send")
                .run(Sql::new(RELEASE_RESEND).with(*resend).with(*owner))
                .await
                .map(|_| ())?;
        }
        Ok(())
    }
}

impl Store {
    /// Ends a lane's rest.
    pub async fn unpark(&self, endpoint: EndpointId) -> StoreResult<()> {
        self.write("unparking a lane")
            .run(Sql::new(UNPARK).with(endpoint.uuid()))
            .await
            .map(|_| ())
    }

    /// Makes lanes for due deliveries that have none. There should be none: this is the
    /// net under everything that makes and removes lanes. Returns how many were missing.
    pub async fn mend_lanes(&self) -> StoreResult<u64> {
        self.write("mending lanes").run(Sql::new(MEND)).await
    }
}

/// Ids in one blob, and a list of owners and tokens as long, as JSON.
fn packed(deliveries: &[(MessageId, i64, i32)]) -> (Vec<u8>, String) {
    let ids = deliveries.iter().flat_map(|d| *d.0.uuid().as_bytes());
    let rows: Vec<_> = deliveries.iter().map(|d| (d.1, d.2)).collect();
    (ids.collect(), serde_json::json!(rows).to_string())
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        WAKE,
        PARK,
        DUE,
        NEXT_WAKE,
        COUNT,
        RELEASE_RESEND,
        UNPARK,
        MEND,
    ],
    sqlite: &[RELEASE_SQLITE],
    postgres: &[RELEASE_POSTGRES],
};
