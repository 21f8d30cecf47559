//! Counting what an organisation's applications use: some applications a step, each by
//! its own reading of an index, so that no step lasts long.

use std::collections::HashMap;

use postrider_domain::{AppId, AttemptId, MessageId, OrgId, TaskStatus};
use serde::Serialize;
use uuid::Uuid;

use super::run::{TaskStep, move_task};
use super::{Phase, Progress, Task, Window, Work};
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Applications that one step reads at most.
const APPS: usize = 200;
/// Attempts after which a step ends, whatever is left of its applications.
const ATTEMPTS: u64 = 200_000;

/// How many attempts were made for an application.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppUsage {
    app_id: AppId,
    app_uid: Option<String>,
    message_destinations: u64,
}

/// Of which event types an application's endpoints ask.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventTypeUsage {
    app_id: AppId,
    explicitly_subscribed_event_types: Vec<String>,
    has_catch_all_endpoint: bool,
}

/// What a step found: the items, as JSON without the brackets, and the last application.
struct Found {
    items: String,
    apps: usize,
    upto: Uuid,
    last: bool,
}

/// The organisation's applications behind `after`, or those of them that are named.
pub(crate) fn apps(org: OrgId, only: Option<&[AppId]>, after: Uuid) -> Sql {
    let mut sql = Sql::new("select id, uid from app where org_id = ");
    sql.bind(org.uuid());
    if let Some(only) = only {
        let ids: Vec<Uuid> = only.iter().map(|app| app.uuid()).collect();
        sql.and_ids("id", &ids);
    }
    sql.push(" and deleted_at is null and id > ")
        .bind(after)
        .push(" order by id limit ")
        .bind(APPS as i64);
    sql
}

/// How many attempts began in the window for an application; endpoints that were deleted
/// count as well. Reads the index of attempts by endpoint alone.
pub(crate) fn attempts(app: AppId, window: Window) -> Sql {
    let mut sql = Sql::new(
        "select count(*) from endpoint e join attempt a on a.endpoint_id = e.id and a.id >= ",
    );
    sql.bind(AttemptId::floor(window.since).uuid())
        .push(" and a.id < ")
        .bind(AttemptId::floor(window.until).uuid())
        .push(" where e.app_id = ")
        .bind(app.uuid());
    sql
}

/// Of which event types the endpoints of these applications ask.
pub(crate) fn event_types(apps: &[Uuid]) -> Sql {
    let mut sql = Sql::new("select app_id, id, event_types from endpoint where deleted_at is null");
    sql.and_ids("app_id", apps);
    sql
}

const COUNT_APPS: &str = "select count(*) from app where org_id = $1 and deleted_at is null";
const KEEP_RESULT: &str = "update task set result = case when result is null then $2 else result || ',' || $2 end \
    where id = $1";

impl Store {
    /// How many applications a task is about, and the first step's cursor.
    pub(super) async fn count_apps(
        &self,
        task: &Task,
        node: i64,
        only: Option<&[AppId]>,
    ) -> StoreResult<Progress> {
        let all: i64 = match only {
            Some(only) => only.len() as i64,
            None => {
                self.read("counting applications")
                    .scalar(Sql::new(COUNT_APPS).with(task.org_id.uuid()))
                    .await?
            }
        };
        let step = TaskStep {
            cursor: task.cursor,
            phase: Phase::Working,
            status: TaskStatus::Running,
            counted: all.unsigned_abs() as usize,
            done: 0,
            lost: 0,
        };
        self.move_on(task, node, step).await
    }

    /// Reads the next applications and keeps what they use.
    pub(super) async fn usage_chunk(&self, task: &Task, node: i64) -> StoreResult<Progress> {
        let found = match &task.work {
            Work::Attempts { window, apps } => {
                self.attempts_of(task, apps.as_deref(), *window).await?
            }
            _ => self.event_types_of(task).await?,
        };
        let upto = MessageId::from_uuid(found.upto);
        let step = TaskStep::working(upto, found.last, found.apps, 0);
        let now = self.clock.now().micros();
        let mut tx = self.begin("keeping what was counted").await?;
        if !move_task(&mut tx, task, node, step, now).await? {
            return Ok(Progress::Over);
        }
        if found.apps > 0 {
            let kept = Sql::new(KEEP_RESULT);
            tx.run(kept.with(task.id.uuid()).with(&found.items)).await?;
        }
        tx.commit().await?;
        Ok(step.progress())
    }

    async fn attempts_of(
        &self,
        task: &Task,
        only: Option<&[AppId]>,
        window: Window,
    ) -> StoreResult<Found> {
        let apps = self.next_apps(task, only).await?;
        let mut usage = Vec::with_capacity(apps.len());
        let mut read = 0;
        for (id, uid) in &apps {
            if read >= ATTEMPTS {
                break;
            }
            let app_id = AppId::from_uuid(*id);
            let rows: Vec<(i64,)> = self
                .read("counting attempts")
                .all(attempts(app_id, window))
                .await?;
            let count = rows.first().map_or(0, |row| row.0.unsigned_abs());
            read += count;
            usage.push(AppUsage {
                app_id,
                app_uid: uid.clone(),
                message_destinations: count,
            });
        }
        found(task, &apps, &usage)
    }

    async fn event_types_of(&self, task: &Task) -> StoreResult<Found> {
        let apps = self.next_apps(task, None).await?;
        let mut usage: Vec<EventTypeUsage> = apps
            .iter()
            .map(|(id, _)| EventTypeUsage {
                app_id: AppId::from_uuid(*id),
                explicitly_subscribed_event_types: Vec::new(),
                has_catch_all_endpoint: false,
            })
            .collect();
        let places: HashMap<Uuid, usize> = apps.iter().map(|app| app.0).zip(0..).collect();
        let ids: Vec<Uuid> = apps.iter().map(|app| app.0).collect();
        let rows: Vec<(Uuid, Uuid, Option<String>)> = if ids.is_empty() {
            Vec::new()
        } else {
            self.read("reading endpoints")
                .all(event_types(&ids))
                .await?
        };
        for (app, endpoint, named) in rows {
            let Some(one) = places.get(&app).and_then(|at| usage.get_mut(*at)) else {
                continue;
            };
            let named: Option<Vec<String>> =
                crate::engine::row::json("endpoint", "event_types", endpoint, named.as_deref())?;
            match named {
                None => one.has_catch_all_endpoint = true,
                Some(named) => one.explicitly_subscribed_event_types.extend(named),
            }
        }
        for one in &mut usage {
            one.explicitly_subscribed_event_types.sort_unstable();
            one.explicitly_subscribed_event_types.dedup();
        }
        found(task, &apps, &usage)
    }

    async fn next_apps(
        &self,
        task: &Task,
        only: Option<&[AppId]>,
    ) -> StoreResult<Vec<(Uuid, Option<String>)>> {
        self.read("listing applications")
            .all(apps(task.org_id, only, task.cursor.uuid()))
            .await
    }
}

/// What the first of `apps`, as many as there are of `usage`, come to.
fn found<T: Serialize>(
    task: &Task,
    apps: &[(Uuid, Option<String>)],
    usage: &[T],
) -> StoreResult<Found> {
    let items = usage
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| crate::engine::row::corrupt("task", "result", task.id))?;
    let upto = usage.len().checked_sub(1).and_then(|last| apps.get(last));
    Ok(Found {
        items: items.join(","),
        apps: usage.len(),
        upto: upto.map_or(task.cursor.uuid(), |app| app.0),
        last: apps.len() < APPS && usage.len() == apps.len(),
    })
}

impl Work {
    /// What came of it as a JSON object, of the items that its steps have kept.
    pub(super) fn result(&self, items: &str) -> Option<String> {
        let name = match self {
            Self::Attempts { .. } => "appStats",
            Self::EventTypes => "event_types",
            Self::Replay { .. } | Self::Purge { .. } => return None,
        };
        Some(format!("{{\"{name}\":[{items}]}}"))
    }
}

/// Turns away a list of applications that a statement cannot name.
pub(super) fn check_named(work: &Work) -> StoreResult<()> {
    match work {
        Work::Attempts {
            apps: Some(apps), ..
        } if apps.is_empty() => Err(StoreError::NotFound(Entity::Application)),
        _ => Ok(()),
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[COUNT_APPS, KEEP_RESULT],
    ..Statements::NONE
};
