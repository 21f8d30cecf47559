//! Applications: the customers of an organisation.

pub(crate) mod list;

use std::collections::HashMap;

use postrider_domain::{AppId, EndpointId, OrgId};
use uuid::Uuid;

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::outbox::emit;
use crate::outbox::emit::{EndpointEvent, Listener};
use crate::stored::app::{App, Row};

pub use list::AppFilter;

/// What a caller may set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewApp {
    /// The id that the organisation gives it.
    pub uid: Option<String>,
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

/// The organisation's applications of which `only` holds.
pub(crate) fn named(org: OrgId, only: impl FnOnce(&mut Sql) -> &mut Sql) -> Sql {
    let mut sql = Sql::new("select id, uid from app where org_id = ");
    sql.bind(org.uuid()).push(" and deleted_at is null");
    only(&mut sql);
    sql
}

const INSERT: &str = "insert into app (id, org_id, uid, name, folded, throttle_rate, metadata, created_at, updated_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
const UPDATE: &str = "update app set uid = $3, name = $4, throttle_rate = $5, metadata = $6, updated_at = $7, folded = $9, \
    config_version = config_version + 1 \
    where id = $1 and org_id = $2 and deleted_at is null and config_version = $8 \
    returning id, org_id, uid, name, throttle_rate, metadata, config_version, created_at, updated_at";
const DELETE: &str = "update app set deleted_at = $3, updated_at = $3, config_version = config_version + 1 \
    where id = $1 and org_id = $2 and deleted_at is null";
const DELETE_ENDPOINTS: &str = "update endpoint set deleted_at = $2, updated_at = $2 where app_id = $1 and deleted_at is null \
    returning id, uid";

const FORGET_SECRETS: &str =
    "delete from endpoint_secret where endpoint_id in (select id from endpoint where app_id = $1)";
const FORGET_HEALTH: &str =
    "delete from endpoint_health where endpoint_id in (select id from endpoint where app_id = $1)";

impl Store {
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
                self.read("looking applications up").all(sql).await?;
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
        self.write("creating an application")
            .run(
                Sql::new(INSERT)
                    .with(app.id.uuid())
                    .with(org.uuid())
                    .with(&app.uid)
                    .with(&app.name)
                    .with(list::folded(&app.name, app.uid.as_deref()))
                    .with(app.throttle_rate.map(i32::from))
                    .with(&app.metadata)
                    .with(now.micros()),
            )
            .await
            .map(|_| ())?;
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
        let mut tx = self.begin("updating an application").await?;
        let row: Option<Row> = tx
            .optional(
                Sql::new(UPDATE)
                    .with(id.uuid())
                    .with(org.uuid())
                    .with(&new.uid)
                    .with(&new.name)
                    .with(new.throttle_rate.map(i32::from))
                    .with(&new.metadata)
                    .with(now.micros())
                    .with(config_version)
                    .with(list::folded(&new.name, new.uid.as_deref())),
            )
            .await?;
        let Some(row) = row else {
            drop(tx);
            // Gone, or of another version.
            self.app(org, &id.to_string()).await?;
            return Err(StoreError::Conflict(Refusal::AppVersion));
        };
        let app = App::try_from(row)?;
        record_change(&mut tx, ChangeKind::App, id.uuid(), now).await?;
        tx.commit().await?;
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
            Err(StoreError::Conflict(Refusal::AppUid)) => {
                Ok((self.app_by_uid(org, &uid).await?, false))
            }
            created => Ok((created?, true)),
        }
    }

    /// Deletes an application with its endpoints: their uids are free, their history
    /// stays, and what waits for them is cancelled.
    pub async fn delete_app(&self, org: OrgId, id: AppId) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("deleting an application").await?;
        let deleted = tx
            .run(
                Sql::new(DELETE)
                    .with(id.uuid())
                    .with(org.uuid())
                    .with(now.micros()),
            )
            .await?;
        if deleted == 0 {
            return Err(StoreError::NotFound(Entity::Application));
        }
        for text in [FORGET_SECRETS, FORGET_HEALTH] {
            tx.run(Sql::new(text).with(id.uuid())).await?;
        }
        let listener = Listener::of(&mut tx, id).await?;
        let endpoints: Vec<(Uuid, Option<String>)> = tx
            .all(
                Sql::new(DELETE_ENDPOINTS)
                    .with(id.uuid())
                    .with(now.micros()),
            )
            .await?;
        if let Some(listener) = listener {
            for (endpoint, uid) in &endpoints {
                let (event, app_uid) = (EndpointEvent::Deleted, listener.app_uid.as_deref());
                let endpoint = EndpointId::from_uuid(*endpoint);
                let body =
                    emit::of_endpoint_id(event, (id, app_uid), (endpoint, uid.as_deref()), now);
                listener.hears(&mut tx, event.name(), body, now).await?;
            }
        }
        record_change(&mut tx, ChangeKind::App, id.uuid(), now).await?;
        // What opened this application only opens nothing any more.
        record_change(&mut tx, ChangeKind::Key, id.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::App, id.uuid());
        self.announce(ChangeKind::Key, id.uuid());
        for (endpoint, _) in endpoints {
            self.cancel_waiting(EndpointId::from_uuid(endpoint)).await?;
        }
        Ok(())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        INSERT,
        UPDATE,
        DELETE,
        DELETE_ENDPOINTS,
        FORGET_SECRETS,
        FORGET_HEALTH,
    ],
    ..Statements::NONE
};
