//! No list may read a whole table of messages, deliveries, attempts or payloads,
//! nor sort one.

use super::variants::{applications, chunks, lists, of_open_commits, of_the_dashboard};
use crate::support;

/// What sorts ids, but no more of them than one organisation has endpoints.
const SORTED: [&str; 2] = ["endpoints of an organisation", "endpoints that fail"];

both_engines! {
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
