//! Removing payloads: all of an application in a task, or some at once.

use std::collections::{HashMap, HashSet};

use postrider_domain::{AppId, MessageId};
use uuid::Uuid;

use super::run::{Step, app_of, move_task};
use super::{Progress, Task, Window};
use crate::sql::{Sql, change};
use crate::{Store, StoreResult};

/// The payloads of these messages.
pub(crate) fn delete(app: AppId, ids: &[Uuid]) -> Sql {
    let mut sql = Sql::new(
        "delete from payload where key in (select m.payload_key from message m where m.app_id = ",
    );
    sql.bind(app.uuid()).and_ids("m.id", ids).push(")");
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
        let step = Step::behind(&picked, 0);
        let now = self.clock.now().micros();
        transaction!(self, "removing payloads", conn => {
            let wrong = crate::error::wrong("removing payloads");
            move_task!(conn, wrong, task, node, step, now);
            if !picked.messages.is_empty() {
                let changed = change!(conn, wrong, delete(app, &picked.messages));
                sqlx::query("update task set changed = changed + $2 where id = $1")
                    .bind(task.id.uuid()).bind(changed as i64).execute(&mut *conn).await.map_err(wrong)?;
            }
            Ok(if step.phase == super::Phase::Over { Progress::Over } else { Progress::Moved })
        })
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
            let mut sql =
                Sql::new("select k.event_id, k.message_id from event_key k where k.app_id = ");
            sql.bind(app.uuid()).and_in("k.event_id", &events);
            let rows: Vec<(String, Uuid)> = sql.fetch(self, "looking for event ids").await?;
            by_event.extend(rows);
            ids.extend(by_event.values());
        }
        if !ids.is_empty() {
            let mut sql = Sql::new("select m.id from message m where m.app_id = ");
            sql.bind(app.uuid()).and_ids("m.id", &ids);
            let rows: Vec<(Uuid,)> = sql.fetch(self, "looking for messages").await?;
            known.extend(rows.into_iter().map(|row| row.0));
            delete(app, &ids).execute(self, "removing payloads").await?;
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
