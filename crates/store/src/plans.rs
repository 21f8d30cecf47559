//! No list may read a whole table of messages, deliveries, attempts or payloads,
//! nor sort one.

use std::time::Duration;

use postrider_domain::{AppId, AttemptId, AttemptStatus, EndpointId, MessageId, Timestamp};

use crate::sql::Sql;
use crate::support::{self, after, first};
use crate::{AttemptFilter, DeliveryFilter, MessageFilter, Order, attempt, message};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn messages() -> MessageFilter {
    MessageFilter {
        channel: Some("eu".to_owned()),
        event_types: vec!["a".to_owned(), "b".to_owned()],
        before: Some(NOW),
        after: Some(NOW.minus(Duration::from_hours(24 * 90))),
        with_payload: true,
    }
}

fn attempts() -> AttemptFilter {
    AttemptFilter {
        status: Some(AttemptStatus::Fail),
        status_class: Some(500),
        channel: Some("eu".to_owned()),
        event_types: vec!["a".to_owned()],
        before: Some(NOW),
        after: None,
        endpoint: None,
    }
}

/// Every list, bare and with all its filters.
fn statements() -> Vec<(&'static str, Sql)> {
    let (app, message, endpoint) = (
        AppId::mint(NOW),
        MessageId::mint(NOW),
        EndpointId::mint(NOW),
    );
    let attempt = AttemptId::mint(NOW);
    let down = Order::Descending;
    let delivered = DeliveryFilter {
        status: Some(AttemptStatus::Sending),
        message: messages(),
    };
    let (of_message, of_endpoint) = (
        ("a.message_id", message.uuid()),
        ("a.endpoint_id", endpoint.uuid()),
    );
    let one = AttemptFilter {
        endpoint: Some(endpoint),
        ..attempts()
    };
    vec![
        (
            "messages",
            message::list(app, &MessageFilter::default(), &first(50, down)),
        ),
        (
            "messages, filtered",
            message::list(app, &messages(), &after(message, 50, down)),
        ),
        (
            "attempts of a message",
            attempt::list(app, of_message, &AttemptFilter::default(), &first(50, down)),
        ),
        (
            "attempts of a message, filtered",
            attempt::list(app, of_message, &one, &after(attempt, 50, down)),
        ),
        (
            "attempts of an endpoint",
            attempt::list(
                app,
                of_endpoint,
                &AttemptFilter::default(),
                &first(50, down),
            ),
        ),
        (
            "attempts of an endpoint, filtered",
            attempt::list(app, of_endpoint, &attempts(), &after(attempt, 50, down)),
        ),
        (
            "messages of an endpoint",
            attempt::list_messages(app, endpoint, &DeliveryFilter::default(), &first(50, down)),
        ),
        (
            "messages of an endpoint, filtered",
            attempt::list_messages(app, endpoint, &delivered, &after(message, 50, down)),
        ),
        (
            "endpoints of a message",
            attempt::list_endpoints(app, message, &first(50, Order::Ascending)),
        ),
        (
            "statistics",
            attempt::count(endpoint, NOW.minus(Duration::from_hours(24)), NOW),
        ),
    ]
}

both_engines! {
    async fn every_list_is_served_by_an_index(db) {
        for (name, statement) in statements() {
            let plan = statement.plan(&db.store).await;
            for step in &plan {
                // SQLite scans tables in words of its own, PostgreSQL in others.
                let whole = step.starts_with("SCAN") || step.contains("Seq Scan");
                assert!(!whole, "{name}: {step}\n{}", plan.join("\n"));
                let sorted = step.contains("TEMP B-TREE FOR ORDER BY");
                assert!(!sorted, "{name}: {step}\n{}", plan.join("\n"));
            }
            if std::env::var_os("SHOW_PLANS").is_some() {
                println!("== {name}\n{}", plan.join("\n"));
            }
        }
    }
}
