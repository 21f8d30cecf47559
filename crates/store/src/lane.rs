//! Lanes in the database: which endpoints have work, and when it is worth looking.
//!
//! A lane's row holds when its next delivery is due and until when it is parked, so
//! that a parked endpoint with a million due rows costs one row that is not looked at.

use postrider_domain::{AppId, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use crate::error::wrong;
use crate::{Store, StoreResult};

/// Makes an endpoint's lane due at a time: bind endpoint and time.
pub(crate) const WAKE: &str = "insert into lane (endpoint_id, app_id, next_due, wake_at) \
    select id, app_id, $2, $2 from endpoint where id = $1 \
    on conflict (endpoint_id) do update set \
        next_due = case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end, \
        wake_at = case when lane.parked_until > (case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end) \
            then lane.parked_until \
            else (case when excluded.next_due < lane.next_due then excluded.next_due else lane.next_due end) end";

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
        full: &[EndpointId],
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

    /// Gives deliveries back to their lane and parks it until `parked_until`. A delivery
    /// that has a due time keeps it, unless `postpone`; the others are due at `due`. Rows
    /// that have changed hands stay as they are.
    pub async fn release(
        &self,
        endpoint: EndpointId,
        deliveries: &[(MessageId, i64, i32)],
        due: Timestamp,
        postpone: bool,
        parked_until: Timestamp,
    ) -> StoreResult<()> {
        transaction!(self, "releasing deliveries", conn => {
            let wrong = wrong("releasing deliveries");
            for (message, owner, token) in deliveries {
                sqlx::query(
                    "update delivery set owner = null, token = token + 1, due_at = case when $6 then $5 else coalesce(due_at, $5) end \
                     where endpoint_id = $1 and message_id = $2 and owner = $3 and token = $4 and state = 0",
                ).bind(endpoint.uuid()).bind(message.uuid()).bind(owner).bind(token).bind(due.micros()).bind(postpone)
                .execute(&mut *conn).await.map_err(wrong)?;
            }
            sqlx::query(WAKE).bind(endpoint.uuid()).bind(due.micros()).execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query(
                "update lane set parked_until = $2, wake_at = case when next_due > $2 then next_due else $2 end \
                 where endpoint_id = $1 and parked_until < $2",
            ).bind(endpoint.uuid()).bind(parked_until.micros()).execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })
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
