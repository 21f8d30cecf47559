//! Lanes in the database: which endpoints have work, and when it is worth looking.
//!
//! A lane's row holds when its next delivery is due and until when it is parked, so
//! that a parked endpoint with a million due rows costs one row that is not looked at.

use std::collections::HashSet;

use postrider_domain::{AppId, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use crate::db::Db;
use crate::error::wrong;
use crate::transaction::SqliteTransaction;
use crate::{Store, StoreResult};

/// Makes an endpoint's lane due at a time: bind endpoint and time.
pub(crate) const WAKE: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select id, app_id, $2, $2 from endpoint where id = $1 \
    on conflict (endpoint_id) do update set \
        next_due = case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end, \
        wake_at = case when lane.parked_until > (case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end) \
            then lane.parked_until \
            else (case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end) end";

const RELEASE_POSTGRES: &str = "update delivery d set owner = null, token = d.token + 1, \
        due_at = case when $3 then $2 else coalesce(d.due_at, $2) end \
    from unnest($4::uuid[], $5::bigint[], $6::integer[]) as i(message_id, owner, token) \
    where d.endpoint_id = $1 and d.message_id = i.message_id and d.owner = i.owner and d.token = i.token and d.state = 0";
const RELEASE_SQLITE: &str = "update delivery set owner = null, token = delivery.token + 1, \
        due_at = case when $3 then $2 else coalesce(due_at, $2) end \
    from (select substr($4, key * 16 + 1, 16) as message_id, value ->> 0 as owner, value ->> 1 as token \
          from jsonb_each($5)) as i \
    where delivery.endpoint_id = $1 and delivery.message_id = i.message_id \
      and delivery.owner = i.owner and delivery.token = i.token and delivery.state = 0";
const PARK: &str = "update lane set parked_until = $2, wake_at = case when next_due > $2 then next_due else $2 end \
    where endpoint_id = $1 and parked_until < $2";

/// Makes the lanes of these endpoints due, each once and in id order: everyone who locks
/// several lanes locks them in that order.
macro_rules! wake_lanes {
    ($conn:expr, $endpoints:expr, $due:expr) => {{
        let mut lanes: Vec<Uuid> = $endpoints;
        lanes.sort_unstable();
        lanes.dedup();
        for lane in lanes {
            sqlx::query($crate::lane::WAKE)
                .bind(lane)
                .bind($due)
                .execute(&mut *$conn)
                .await
                .map_err($crate::error::wrong("waking lanes"))?;
        }
    }};
}
pub(crate) use wake_lanes;

/// Makes a lane due, and lets it rest, in the transaction of a release.
macro_rules! park {
    ($conn:expr, $endpoint:expr, $due:expr, $until:expr) => {{
        let wrong = wrong("parking a lane");
        sqlx::query(WAKE)
            .bind($endpoint.uuid())
            .bind($due.micros())
            .execute($conn)
            .await
            .map_err(wrong)?;
        sqlx::query(PARK)
            .bind($endpoint.uuid())
            .bind($until.micros())
            .execute($conn)
            .await
            .map_err(wrong)?;
    }};
}

/// A lane with work that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueLane {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// Its application.
    pub app_id: AppId,
    /// Since when.
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
        let rows: Vec<(Uuid, Uuid, i64)> = read!(self, "looking for due lanes", pool => sqlx::query_as(
            "select endpoint_id, app_id, wake_at from lane where wake_at <= $1 order by wake_at limit $2",
        ).bind(now.micros()).bind(fetch).fetch_all(pool).await)?;
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
        let next_wake: Option<i64> = read!(self, "reading the next wake-up", pool => sqlx::query_scalar(
            "select min(wake_at) from lane",
        ).fetch_one(pool).await)?;
        let lanes: i64 = read!(self, "counting lanes", pool => sqlx::query_scalar(
            "select count(*) from (select 1 from lane limit 10000) as few",
        ).fetch_one(pool).await)?;
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
        const OPERATION: &str = "releasing deliveries";
        let wrong = wrong(OPERATION);
        match &*self.db {
            Db::Sqlite(db) => {
                let mut packed = Vec::with_capacity(deliveries.len() * 16);
                let mut rows = Vec::with_capacity(deliveries.len());
                for (message, owner, token) in deliveries {
                    packed.extend_from_slice(message.uuid().as_bytes());
                    rows.push(serde_json::json!([owner, token]));
                }
                let mut tx = SqliteTransaction::begin(&db.write, OPERATION).await?;
                sqlx::query(RELEASE_SQLITE)
                    .bind(endpoint.uuid())
                    .bind(due.micros())
                    .bind(postpone)
                    .bind(packed)
                    .bind(serde_json::Value::Array(rows).to_string())
                    .execute(&mut *tx)
                    .await
                    .map_err(wrong)?;
                park!(&mut *tx, endpoint, due, parked_until);
                tx.commit(OPERATION).await
            }
            Db::Postgres(db) => {
                let mut tx = db.write.begin().await.map_err(wrong)?;
                sqlx::query(RELEASE_POSTGRES)
                    .bind(endpoint.uuid())
                    .bind(due.micros())
                    .bind(postpone)
                    .bind(deliveries.iter().map(|d| d.0.uuid()).collect::<Vec<_>>())
                    .bind(deliveries.iter().map(|d| d.1).collect::<Vec<_>>())
                    .bind(deliveries.iter().map(|d| d.2).collect::<Vec<_>>())
                    .execute(&mut *tx)
                    .await
                    .map_err(wrong)?;
                park!(&mut *tx, endpoint, due, parked_until);
                tx.commit().await.map_err(wrong)
            }
        }
    }

    /// Gives back manual sends that have not started; their lane is woken by
    /// [`Store::release`].
    pub async fn release_resends(&self, resends: &[(Uuid, i64)]) -> StoreResult<()> {
        for (resend, owner) in resends {
            write!(self, "releasing a manual send", pool => sqlx::query(
                "update resend set owner = null where id = $1 and owner = $2",
            ).bind(resend).bind(owner).execute(pool).await.map(|_| ()))?;
        }
        Ok(())
    }
}

impl Store {
    /// Ends a lane's rest.
    pub async fn unpark(&self, endpoint: EndpointId) -> StoreResult<()> {
        write!(self, "unparking a lane", pool => sqlx::query(
            "update lane set parked_until = 0, wake_at = next_due where endpoint_id = $1",
        ).bind(endpoint.uuid()).execute(pool).await.map(|_| ()))
    }

    /// Makes lanes for due deliveries that have none. There should be none: this is the
    /// net under everything that makes and removes lanes. Returns how many were missing.
    pub async fn mend_lanes(&self) -> StoreResult<u64> {
        write!(self, "mending lanes", pool => sqlx::query(
            "insert into lane (endpoint_id, app_id, next_due, wake_at) \
             select id, app_id, due, due from \
                (select e.id, e.app_id, (select d.due_at from delivery d where d.endpoint_id = e.id \
                    and d.due_at is not null and d.owner is null order by d.due_at limit 1) as due \
                 from endpoint e where not exists (select 1 from lane l where l.endpoint_id = e.id)) as found \
             where due is not null on conflict (endpoint_id) do nothing",
        ).execute(pool).await.map(|done| done.rows_affected()))
    }
}
