//! Both engines can prepare every statement: each table and column that it names is there.

use super::variants;
use crate::engine::sql::{Sql, Statements};
use crate::engine::{Db, Store};
use crate::support;
use crate::{
    access, cache, commit, due, engine, expiry, history, outbox, retention, stored, task, tenant,
};

const WINGS: &[&[&[Statements]]] = &[
    engine::REGISTRY,
    stored::REGISTRY,
    cache::REGISTRY,
    expiry::REGISTRY,
    outbox::REGISTRY,
    commit::REGISTRY,
    due::REGISTRY,
    tenant::REGISTRY,
    access::REGISTRY,
    history::REGISTRY,
    task::REGISTRY,
    retention::REGISTRY,
];

/// Texts of the statements that the engine of `store` runs.
pub(super) fn texts(store: &Store) -> Vec<&'static str> {
    let rooms = WINGS.iter().copied().flatten().copied().flatten();
    rooms
        .flat_map(|room| {
            let own = match &*store.db {
                Db::Sqlite(_) => room.sqlite,
                Db::Postgres(_) => room.postgres,
            };
            room.both.iter().chain(own).copied()
        })
        .collect()
}

fn variants() -> Vec<(&'static str, Sql)> {
    let lists = [
        variants::applications(),
        variants::lists(),
        variants::chunks(),
        variants::of_the_dashboard(),
        variants::of_open_commits(),
        variants::looked_up(),
        variants::written(),
    ];
    lists.into_iter().flatten().collect()
}

both_engines! {
    async fn every_statement_can_be_prepared(db) {
        let mut faults = Vec::new();
        let texts = texts(&db.store);
        assert!(texts.len() > 150, "{} statements", texts.len());
        for text in texts {
            if let Err(error) = db.store.prepare(Sql::new(text)).await {
                faults.push(format!("{text}: {error}"));
            }
        }
        for (name, sql) in variants() {
            if let Err(error) = db.store.prepare(sql).await {
                faults.push(format!("{name}: {error}"));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
