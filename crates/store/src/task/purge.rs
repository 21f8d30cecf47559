//! Removing payloads: all of an application in a task, or some at once.

use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, MessageId};
use uuid::Uuid;

use super::run::{TaskStep, app_of, count_changed, move_task};
use super::{Progress, Task, Window};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;

/// The payloads of these messages.
pub(crate) fn delete(app: AppId, ids: &[Uuid]) -> Sql {
    let mut sql = Sql::new(
        "delete from payload where key in (select m.payload_key from message m where m.app_id = ",
    );
    sql.bind(app.uuid()).and_ids("m.id", ids).push(")");
    sql
}

/// Messages by their event ids.
pub(crate) fn by_event_ids(app: AppId, names: &[String]) -> Sql {
    let mut sql = Sql::new("select k.event_id, k.message_id from event_key k where k.app_id = ");
    sql.bind(app.uuid()).and_in("k.event_id", names);
    sql
}

/// Which of these are messages of the application.
pub(crate) fn of_app(app: AppId, ids: &[Uuid]) -> Sql {
    let mut sql = Sql::new("select m.id from message m where m.app_id = ");
    sql.bind(app.uuid()).and_ids("m.id", ids);
    sql
}

impl Store {
    /// Removes the next payloads.
    pub(super) async fn purge_chunk(
        &self,
        task: &Task,
        node: i64,
        window: Window,
    ) -> StoreResult<Progress> {
        let app = app_of(task)?;
        let picked = self.pick_payloads(app, window, task.cursor, false).await?;
        let step = TaskStep::behind(&picked, 0);
        let now = self.clock.now().micros();
        let mut tx = self.begin("removing payloads").await?;
        if !move_task(&mut tx, task, node, step, now).await? {
            return Ok(Progress::Over);
        }
        if !picked.messages.is_empty() {
            let changed = tx.run(delete(app, &picked.messages)).await?;
            count_changed(&mut tx, task, changed).await?;
        }
        tx.commit().await?;
        Ok(step.progress())
    }

    /// Removes the payloads of these messages, by id or event id, at once. Returns which of
    /// the names are messages of the application; removing again changes nothing.
    pub async fn delete_payloads(&self, app: AppId, names: &[String]) -> StoreResult<Vec<bool>> {
        let (mut ids, mut events) = (Vec::new(), Vec::new());
        for name in names {
            match name.parse::<MessageId>() {
                Ok(id) => ids.push(id.uuid()),
                // No event id holds a NUL, and PostgreSQL refuses to look for one.
                Err(_) if name.contains('\0') => {}
                Err(_) => events.push(name.clone()),
            }
        }
        let mut known: HashSet<Uuid> = HashSet::new();
        let mut by_event: HashMap<String, Uuid> = HashMap::new();
        if !events.is_empty() {
            let by_event_id = by_event_ids(app, &events);
            let rows: Vec<(String, Uuid)> =
                self.read("looking for event ids").all(by_event_id).await?;
            by_event.extend(rows);
            ids.extend(by_event.values());
        }
        if !ids.is_empty() {
            let there = self.read("looking for messages");
            known.extend(there.scalars::<Uuid>(of_app(app, &ids)).await?);
            self.write("removing payloads")
                .run(delete(app, &ids))
                .await?;
        }
        Ok(names
            .iter()
            .map(|name| {
                let id = name
                    .parse::<MessageId>()
                    .ok()
                    .map(MessageId::uuid)
                    .or_else(|| by_event.get(name).copied());
                id.is_some_and(|id| known.contains(&id))
            })
            .collect())
    }
}
