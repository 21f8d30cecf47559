//! No list may read a whole table of messages, deliveries, attempts or payloads,
//! nor sort one.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::prepared::texts;
use super::variants::{applications, chunks, lists, of_open_commits, of_the_dashboard};
use crate::engine::Db;
use crate::support;

/// What sorts ids, but no more of them than one organisation has endpoints.
const SORTED: [&str; 2] = ["endpoints of an organisation", "endpoints that fail"];

/// What may be read from one end to the other: what is given with the statement, small tables,
/// queues of what waits, and the index of what is due.
const WHOLE: &[&str] = &[
    "json_each",
    "jsonb_each",
    "i",
    "CONSTANT",
    "few",
    "kept",
    "(subquery-3)",
    "a",
    "e",
    "h",
    "api_key",
    "change",
    "expansion",
    "lane",
    "node",
    "operational_event",
    "task",
    "delivery USING COVERING INDEX delivery_due",
    "d USING COVERING INDEX delivery_due",
];
/// All deliveries of an endpoint, all messages of an application.
const RANGES: [&str; 2] = [
    "USING PRIMARY KEY (endpoint_id=?)",
    "USING PRIMARY KEY (app_id=?)",
];

/// What grows with all that has happened.
const HISTORY: [&str; 8] = [
    "message",
    "delivery",
    "attempt",
    "payload",
    "event_key",
    "publish_key",
    "journal",
    "stat",
];

/// A step of a plan of SQLite: its number, that of what it is part of, and what it does.
type Step = (i64, i64, i64, String);

/// How PostgreSQL would run a statement whatever is bound.
async fn generic_plan(text: &str, connection: &mut PgConnection) -> Vec<String> {
    let is_bound = |number: &i32| text.contains(&format!("${number}"));
    let bound = (1..=99).filter(is_bound).count();
    let nulls = vec!["null"; bound].join(", ");
    let arguments = if bound == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let run = async |text: String, connection: &mut PgConnection| {
        sqlx::raw_sql(AssertSqlSafe(text))
            .fetch_all(connection)
            .await
            .unwrap()
    };
    run(format!("prepare asked as {text}"), connection).await;
    let steps = run(format!("explain execute asked{arguments}"), connection).await;
    run("deallocate asked".to_owned(), connection).await;
    steps.iter().map(|row| row.get(0)).collect()
}

/// Why a plan of SQLite would cost what has ended and not what is asked, if it would.
fn costs_history(plan: &[Step]) -> Option<&str> {
    let step_of = |step: &Step| {
        let scanned = step.3.strip_prefix("SCAN ");
        let whole = scanned.is_some_and(|of| {
            !WHOLE
                .iter()
                .any(|may| of == *may || of.starts_with(&format!("{may} ")))
        });
        // What is given is gone through for each row that is found: it has to come first.
        let given = step.3.starts_with("SCAN json");
        let inner = given
            && plan.iter().any(|outer| {
                outer.1 == step.1
                    && outer.0 < step.0
                    && (outer.3.starts_with("SEARCH") || outer.3.starts_with("SCAN"))
            });
        whole || inner || RANGES.iter().any(|range| step.3.ends_with(range))
    };
    plan.iter()
        .find(|step| step_of(step))
        .map(|step| step.3.as_str())
}

#[test]
fn a_plan_that_reads_all_of_an_endpoint_costs_history() {
    let plan = |steps: &[&str]| -> Vec<Step> {
        let steps = steps.iter().zip(1..);
        steps
            .map(|(step, id)| (id, 0, 0, (*step).to_owned()))
            .collect()
    };
    let given = "SCAN jsonb_each VIRTUAL TABLE INDEX 1:";
    let by_key = "SEARCH delivery USING PRIMARY KEY (endpoint_id=? AND message_id=?)";
    for good in [&[given, by_key][..], &["SCAN lane"]] {
        assert_eq!(costs_history(&plan(good)), None);
    }
    for bad in [
        &[by_key, given][..],
        &["SEARCH d USING PRIMARY KEY (endpoint_id=?)"],
        &["SCAN delivery"],
        &["SCAN attempt USING COVERING INDEX x"],
    ] {
        assert!(costs_history(&plan(bad)).is_some(), "{bad:?}");
    }
}

both_engines! {
    async fn no_named_statement_reads_what_has_ended(db) {
        let mut faults = Vec::new();
        for text in texts(&db.store) {
            for part in text.split(';').map(str::trim) {
                let asks = ["select", "insert", "update", "delete", "with"];
                if !asks.iter().any(|ask| part.starts_with(ask)) {
                    continue;
                }
                let fault = match &*db.store.db {
                    Db::Sqlite(sqlite) => {
                        let explained = sqlx::query_as(AssertSqlSafe(format!("explain query plan {part}")));
                        let plan: Vec<Step> = explained.fetch_all(&sqlite.read).await.unwrap();
                        costs_history(&plan).map(str::to_owned)
                    }
                    Db::Postgres(postgres) => {
                        let plan = generic_plan(part, &mut postgres.read.acquire().await.unwrap()).await;
                        plan.into_iter().find(|step| HISTORY.iter().any(|table| step.contains(&format!("Seq Scan on {table}"))))
                    }
                };
                faults.extend(fault.map(|step| format!("{step}: {part}")));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    async fn looks_at_the_journal_see_open_commits_alone(db) {
        for (name, statement) in of_open_commits() {
            let plan = statement.plan(&db.store).await.join("\n");
            assert!(plan.contains("journal_owes") || plan.contains("journal_open"), "{name}: {plan}");
        }
    }

    async fn every_list_is_served_by_an_index(db) {
        for (name, statement) in lists().into_iter().chain(applications()).chain(chunks()).chain(of_the_dashboard()) {
            let plan = statement.plan(&db.store).await;
            for step in &plan {
                // SQLite scans tables in words of its own, PostgreSQL in others.
                // What a bounded look found, to be counted, is `w`.
                let whole = (step.starts_with("SCAN") && step != "SCAN w") || step.contains("Seq Scan");
                assert!(!whole, "{name}: {step}\n{}", plan.join("\n"));
                let sorted = step.contains("TEMP B-TREE FOR ORDER BY");
                assert!(!sorted || SORTED.contains(&name), "{name}: {step}\n{}", plan.join("\n"));
                // A range of ids is everybody's: that is the whole table again.
                let others = step.starts_with("SEARCH e ") && (step.contains("(id>?") || step.contains("(id<?"));
                assert!(!others, "{name}: {step}\n{}", plan.join("\n"));
            }
            if std::env::var_os("SHOW_PLANS").is_some() {
                println!("== {name}\n{}", plan.join("\n"));
            }
        }
    }
}
