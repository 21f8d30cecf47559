//! How much an organisation's applications use, and of which event types they ask.

use postrider_domain::{AppId, AttemptId, OrgId, Timestamp};
use uuid::Uuid;

use crate::sql::Sql;
use crate::{Store, StoreResult};

/// How many attempts were made for an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppUsage {
    /// The application.
    pub app_id: AppId,
    /// Its uid.
    pub uid: Option<String>,
    /// Attempts that began in the window.
    pub attempts: u64,
}

/// Of which event types an application's endpoints ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTypeUsage {
    /// The application.
    pub app_id: AppId,
    /// Those that some endpoint names.
    pub named: Vec<String>,
    /// Whether some endpoint asks for all.
    pub has_catch_all: bool,
}

/// The statement of [`Store::app_usage`].
pub(crate) fn count(
    org: OrgId,
    apps: Option<&[AppId]>,
    (since, until): (Timestamp, Timestamp),
) -> Sql {
    let mut sql = Sql::new(
        "select p.id, p.uid, (select count(*) from endpoint e join attempt a on a.endpoint_id = e.id and a.id >= ",
    );
    sql.bind(AttemptId::floor(since).uuid())
        .push(" and a.id < ")
        .bind(AttemptId::floor(until).uuid())
        .push(" where e.app_id = p.id) from app p where p.org_id = ")
        .bind(org.uuid())
        .push(" and p.deleted_at is null");
    if let Some(apps) = apps {
        sql.push(" and p.id in ");
        for (at, app) in apps.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { ", " }).bind(app.uuid());
        }
        sql.push(")");
    }
    sql.push(" order by p.id");
    sql
}

impl Store {
    /// How many attempts were made from `since` until before `until` for each of these
    /// applications of the organisation, or for all of them. Reads the index of attempts
    /// by endpoint alone.
    pub async fn app_usage(
        &self,
        org: OrgId,
        apps: Option<&[AppId]>,
        window: (Timestamp, Timestamp),
    ) -> StoreResult<Vec<AppUsage>> {
        let rows: Vec<(Uuid, Option<String>, i64)> = count(org, apps, window)
            .fetch(self, "counting attempts")
            .await?;
        let rows = rows.into_iter().map(|(id, uid, attempts)| AppUsage {
            app_id: AppId::from_uuid(id),
            uid,
            attempts: attempts.unsigned_abs(),
        });
        Ok(rows.collect())
    }

    /// Of which event types the endpoints of each of the organisation's applications ask.
    pub async fn event_type_usage(&self, org: OrgId) -> StoreResult<Vec<EventTypeUsage>> {
        let rows: Vec<(Uuid, Option<Uuid>, Option<String>)> = read!(self, "reading endpoints", pool => sqlx::query_as(
            "select a.id, e.id, e.event_types from app a \
             left join endpoint e on e.app_id = a.id and e.deleted_at is null \
             where a.org_id = $1 and a.deleted_at is null order by a.id",
        ).bind(org.uuid()).fetch_all(pool).await)?;
        let mut all: Vec<EventTypeUsage> = Vec::new();
        for (app, endpoint, event_types) in rows {
            let app_id = AppId::from_uuid(app);
            if all.last().is_none_or(|last| last.app_id != app_id) {
                all.push(EventTypeUsage {
                    app_id,
                    named: Vec::new(),
                    has_catch_all: false,
                });
            }
            let (Some(usage), Some(endpoint)) = (all.last_mut(), endpoint) else {
                continue;
            };
            let named: Option<Vec<String>> =
                crate::row::json("endpoint", "event_types", endpoint, event_types.as_deref())?;
            match named {
                None => usage.has_catch_all = true,
                Some(named) => usage.named.extend(named),
            }
        }
        for usage in &mut all {
            usage.named.sort_unstable();
            usage.named.dedup();
        }
        Ok(all)
    }
}
