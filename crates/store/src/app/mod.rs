//! Applications: the customers of an organisation.

pub(crate) mod list;

use std::collections::HashMap;

use postrider_domain::{AppId, EndpointId, OrgId, Timestamp};
use uuid::Uuid;

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::operational::tell::{self, EndpointEvent, listener, write_event};
use crate::sql::Sql;
use crate::{Store, StoreError, StoreResult};

pub use list::AppFilter;

/// An application as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The id that the organisation gave it.
    pub uid: Option<String>,
    /// Its name.
    pub name: String,
    /// Messages a second to all its endpoints together.
    pub throttle_rate: Option<u16>,
    /// A JSON object of strings, as text.
    pub metadata: String,
    /// Rises with every change of the application or one of its endpoints.
    pub config_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewApp {
    /// The id that the organisation gives it.
    pub uid: Option<String>,
    /// Its name.
    pub name: String,
    /// Messages a second to all its endpoints together.
    pub throttle_rate: Option<u16>,
    /// A JSON object of strings, as text.
    pub metadata: String,
}

/// A change of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppUpdate {
    /// Everything that a caller may set, as it should be.
    pub settings: NewApp,
    /// The [`App::config_version`] that the settings were made from.
    pub config_version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    uid: Option<String>,
    name: String,
    throttle_rate: Option<i32>,
    metadata: String,
    config_version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for App {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let id = AppId::from_uuid(row.id);
        Ok(Self {
            id,
            org_id: OrgId::from_uuid(row.org_id),
            uid: row.uid,
            name: row.name,
            throttle_rate: crate::row::rate("app", id, row.throttle_rate)?,
            metadata: row.metadata,
            config_version: row.config_version,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

/// The organisation's applications of which `only` holds.
pub(crate) fn named(org: OrgId, only: impl FnOnce(&mut Sql) -> &mut Sql) -> Sql {
    let mut sql = Sql::new("select id, uid from app where org_id = ");
    sql.bind(org.uuid()).push(" and deleted_at is null");
    only(&mut sql);
    sql
}

impl Store {
    /// The application of this id or uid in this organisation.
    pub async fn app(&self, org: OrgId, id_or_uid: &str) -> StoreResult<App> {
        let id = id_or_uid.parse::<AppId>().map(AppId::uuid).ok();
        let row: Option<Row> = read!(self, "reading an application", pool => sqlx::query_as(
            "select id, org_id, uid, name, throttle_rate, metadata, config_version, created_at, updated_at \
             from app where org_id = $1 and (id = $2 or uid = $3) and deleted_at is null \
             order by (case when id = $2 then 0 else 1 end) limit 1",
        ).bind(org.uuid()).bind(id).bind(id_or_uid).fetch_optional(pool).await)?;
        row.ok_or(StoreError::NotFound("application"))?.try_into()
    }

    /// The applications of these ids and uids in this organisation, in their order; none
    /// where there is none.
    pub async fn apps_named(
        &self,
        org: OrgId,
        names: &[String],
    ) -> StoreResult<Vec<Option<AppId>>> {
        let ids: Vec<Uuid> = names
            .iter()
            .filter_map(|name| name.parse::<AppId>().ok())
            .map(AppId::uuid)
            .collect();
        // No uid holds a NUL, and PostgreSQL refuses to look for one.
        let uids: Vec<String> = names
            .iter()
            .filter(|name| !name.contains('\0'))
            .cloned()
            .collect();
        let mut found: HashMap<String, AppId> = HashMap::new();
        for sql in [
            (!ids.is_empty()).then(|| named(org, |sql| sql.and_ids("id", &ids))),
            (!uids.is_empty()).then(|| named(org, |sql| sql.and_in("uid", &uids))),
        ]
        .into_iter()
        .flatten()
        {
            let rows: Vec<(Uuid, Option<String>)> =
                sql.fetch(self, "looking applications up").await?;
            for (id, uid) in rows {
                let id = AppId::from_uuid(id);
                found.insert(id.to_string(), id);
                found.extend(uid.map(|uid| (uid, id)));
            }
        }
        Ok(names.iter().map(|name| found.get(name).copied()).collect())
    }

    /// Makes an application. A taken uid is a conflict on `app_uid`.
    pub async fn create_app(&self, org: OrgId, new: NewApp) -> StoreResult<App> {
        let now = self.clock.now();
        let app = App {
            id: AppId::mint(now),
            org_id: org,
            uid: new.uid,
            name: new.name,
            throttle_rate: new.throttle_rate,
            metadata: new.metadata,
            config_version: 1,
            created_at: now,
            updated_at: now,
        };
        write!(self, "creating an application", pool => sqlx::query(
            "insert into app (id, org_id, uid, name, folded, throttle_rate, metadata, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        ).bind(app.id.uuid()).bind(org.uuid()).bind(&app.uid).bind(&app.name)
        .bind(list::folded(&app.name, app.uid.as_deref()))
        .bind(app.throttle_rate.map(i32::from)).bind(&app.metadata).bind(now.micros())
        .execute(pool).await.map(|_| ()))?;
        Ok(app)
    }

    /// Replaces what a caller may set of an application. If it or one of its endpoints
    /// has changed since the version that `update` was made from, that is a conflict on
    /// `app_version`: read it and try again.
    pub async fn update_app(&self, org: OrgId, id: AppId, update: AppUpdate) -> StoreResult<App> {
        let now = self.clock.now();
        let AppUpdate {
            settings: new,
            config_version,
        } = update;
        let app = transaction!(self, "updating an application", conn => {
            let wrong = wrong("updating an application");
            let row: Option<Row> = sqlx::query_as(
                "update app set uid = $3, name = $4, throttle_rate = $5, metadata = $6, updated_at = $7, folded = $9, \
                 config_version = config_version + 1 \
                 where id = $1 and org_id = $2 and deleted_at is null and config_version = $8 \
                 returning id, org_id, uid, name, throttle_rate, metadata, config_version, created_at, updated_at",
            ).bind(id.uuid()).bind(org.uuid()).bind(&new.uid).bind(&new.name)
            .bind(new.throttle_rate.map(i32::from)).bind(&new.metadata).bind(now.micros())
            .bind(config_version).bind(list::folded(&new.name, new.uid.as_deref())).fetch_optional(&mut *conn).await.map_err(wrong)?;
            let Some(row) = row else {
                return Ok(None);
            };
            let app = App::try_from(row)?;
            tell!(conn, wrong, ChangeKind::App, id.uuid(), now);
            Ok(Some(app))
        })?;
        let Some(app) = app else {
            // Gone, or of another version.
            self.app(org, &id.to_string()).await?;
            return Err(StoreError::Conflict("app_version"));
        };
        self.announce(ChangeKind::App, id.uuid());
        Ok(app)
    }

    /// The organisation's application of `new`'s uid, left as it is, or a new one.
    /// Says whether it made one; without a uid it always does.
    pub async fn app_or_create(&self, org: OrgId, new: NewApp) -> StoreResult<(App, bool)> {
        let Some(uid) = new.uid.clone() else {
            return Ok((self.create_app(org, new).await?, true));
        };
        // Twice at most: between a look and an insert somebody else may make it, and
        // it may be deleted again, which is for the caller to sort out.
        match self.app_by_uid(org, &uid).await {
            Err(StoreError::NotFound(_)) => {}
            found => return Ok((found?, false)),
        }
        match self.create_app(org, new).await {
            Err(StoreError::Conflict("app_uid")) => Ok((self.app_by_uid(org, &uid).await?, false)),
            created => Ok((created?, true)),
        }
    }

    async fn app_by_uid(&self, org: OrgId, uid: &str) -> StoreResult<App> {
        let row: Option<Row> = read!(self, "reading an application", pool => sqlx::query_as(
            "select id, org_id, uid, name, throttle_rate, metadata, config_version, created_at, updated_at \
             from app where org_id = $1 and uid = $2 and deleted_at is null",
        ).bind(org.uuid()).bind(uid).fetch_optional(pool).await)?;
        row.ok_or(StoreError::NotFound("application"))?.try_into()
    }

    /// Deletes an application with its endpoints: their uids are free, their history
    /// stays, and what waits for them is cancelled.
    pub async fn delete_app(&self, org: OrgId, id: AppId) -> StoreResult<()> {
        let now = self.clock.now();
        let endpoints: Vec<Uuid> = transaction!(self, "deleting an application", conn => {
            let wrong = wrong("deleting an application");
            let deleted = sqlx::query(
                "update app set deleted_at = $3, updated_at = $3, config_version = config_version + 1 \
                 where id = $1 and org_id = $2 and deleted_at is null",
            ).bind(id.uuid()).bind(org.uuid()).bind(now.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            if deleted.rows_affected() == 0 {
                return Err(StoreError::NotFound("application"));
            }
            for text in [
                "delete from endpoint_secret where endpoint_id in (select id from endpoint where app_id = $1)",
                "delete from endpoint_health where endpoint_id in (select id from endpoint where app_id = $1)",
            ] {
                sqlx::query(text).bind(id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            }
            let listener = listener!(conn, wrong, id);
            let endpoints: Vec<(Uuid, Option<String>)> = sqlx::query_as(
                "update endpoint set deleted_at = $2, updated_at = $2 where app_id = $1 and deleted_at is null \
                 returning id, uid",
            ).bind(id.uuid()).bind(now.micros()).fetch_all(&mut *conn).await.map_err(wrong)?;
            if let Some(listener) = listener {
                for (endpoint, uid) in &endpoints {
                    let (event, app_uid) = (EndpointEvent::Deleted, listener.app_uid.as_deref());
                    let endpoint = EndpointId::from_uuid(*endpoint);
                    let body = tell::of_endpoint_id(event, (id, app_uid), (endpoint, uid.as_deref()), now);
                    write_event!(conn, wrong, listener, event.name(), body, now);
                }
            }
            tell!(conn, wrong, ChangeKind::App, id.uuid(), now);
            // What opened this application only opens nothing any more.
            tell!(conn, wrong, ChangeKind::Key, id.uuid(), now);
            Ok(endpoints.into_iter().map(|(endpoint, _)| endpoint).collect())
        })?;
        self.announce(ChangeKind::App, id.uuid());
        self.announce(ChangeKind::Key, id.uuid());
        for endpoint in endpoints {
            self.cancel_waiting(EndpointId::from_uuid(endpoint)).await?;
        }
        Ok(())
    }
}
