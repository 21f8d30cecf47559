//! No list may read a whole table of messages, deliveries, attempts or payloads,
//! nor sort one.

use std::time::Duration;

use postrider_domain::{
    AppId, AttemptId, AttemptStatus, EndpointId, InboxId, MessageId, OrgId, TaskId, TaskKind,
    TaskStatus, Timestamp,
};

use crate::app::list as app_list;
use crate::search::Reach;
use crate::sql::Sql;
use crate::support::{self, after, first};
use crate::task::{pick, purge, replay, rows, run, take_back};
use crate::{
    AppFilter, AttemptFilter, Bucket, DeliveryFilter, MessageFilter, MessageQuery, Order, Standing,
    StatScope, TaskFilter, attempt, journal, message, overview, owed, search, stat,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn messages() -> MessageFilter {
    MessageFilter {
        channel: Some("eu".to_owned()),
        tag: Some("t".to_owned()),
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
        tag: Some("t".to_owned()),
        event_types: vec!["a".to_owned()],
        before: Some(NOW),
        after: None,
        endpoint: None,
    }
}

/// Lists of applications.
fn applications() -> Vec<(&'static str, Sql)> {
    let (app, org, down) = (AppId::mint(NOW), OrgId::mint(NOW), Order::Descending);
    let everywhere = AppFilter {
        with_endpoints: true,
        not_all_disabled: true,
        not_all_at_play: true,
        text: None,
    };
    let called = AppFilter {
        text: Some("acme".to_owned()),
        ..AppFilter::default()
    };
    vec![
        (
            "applications, filtered",
            app_list::list(org, &everywhere, &after(app, 50, down), None),
        ),
        (
            "the last application of a look",
            app_list::bound(org, &after(app, 50, down), 100_000),
        ),
        (
            "applications, looked for",
            app_list::list(org, &called, &first(50, Order::Ascending), Some(app)),
        ),
    ]
}

/// Every list, bare and with all its filters.
fn statements() -> Vec<(&'static str, Sql)> {
    let (app, message, endpoint) = (
        AppId::mint(NOW),
        MessageId::mint(NOW),
        EndpointId::mint(NOW),
    );
    let (attempt, org) = (AttemptId::mint(NOW), OrgId::mint(NOW));
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
            "messages by id",
            message::by_ids(app, &[message, MessageId::mint(NOW)]),
        ),
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
            "attempts of an application",
            crate::task::usage::attempts(app, crate::Window::up_to(NOW)),
        ),
        (
            "applications, by their ids",
            crate::task::usage::apps(org, None, app.uuid()),
        ),
        (
            "some applications",
            crate::task::usage::apps(org, Some(&[app]), app.uuid()),
        ),
        (
            "event types of some applications",
            crate::task::usage::event_types(&[app.uuid()]),
        ),
        (
            "statistics",
            attempt::count(endpoint, NOW.minus(Duration::from_hours(24)), NOW),
        ),
    ]
}

/// What background tasks read and change, chunk by chunk.
fn chunks() -> Vec<(&'static str, Sql)> {
    let (app, endpoint) = (AppId::mint(NOW), EndpointId::mint(NOW));
    let (task, org) = (TaskId::mint(NOW), OrgId::mint(NOW));
    let (since, until) = (
        MessageId::floor(NOW.minus(Duration::from_hours(24))),
        MessageId::floor(NOW),
    );
    let ids: Vec<_> = (0..500).map(|_| MessageId::mint(NOW).uuid()).collect();
    let now = NOW.micros();
    let of = (app, endpoint);
    let filter = TaskFilter {
        app: Some(app),
        status: Some(TaskStatus::Failed),
        kind: Some(TaskKind::Recover),
    };
    vec![
        (
            "tasks",
            rows::list(org, TaskFilter::default(), &first(50, Order::Descending)),
        ),
        (
            "tasks, filtered",
            rows::list(org, filter, &after(task, 50, Order::Descending)),
        ),
        (
            "deliveries to be replayed",
            pick::deliveries(endpoint, since, until, 1_000),
        ),
        (
            "messages to be replayed",
            pick::offered(of, since, until, 1_000),
        ),
        (
            "payloads to be removed",
            pick::messages(app, since, until, 1_000),
        ),
        (
            "what can be sent",
            replay::contents(app, endpoint, &ids, true),
        ),
        (
            "restarting deliveries",
            replay::restart(endpoint, &ids, "1, 2, 3, 4", true, task, now),
        ),
        ("making deliveries", replay::fill(of, &ids, task, now)),
        ("removing payloads", purge::delete(app, &ids)),
        ("due deliveries", run::due(endpoint, now)),
        (
            "taking deliveries back",
            take_back::take_back(endpoint, task, now),
        ),
    ]
}

/// What sorts ids, but no more of them than one organisation has endpoints.
const SORTED: [&str; 2] = ["endpoints of an organisation", "endpoints that fail"];

fn looked_for() -> MessageQuery {
    MessageQuery {
        text: Some("invoice.".to_owned()),
        event_types: vec!["a".to_owned()],
        channel: Some("eu".to_owned()),
        tag: Some("t".to_owned()),
        status: Some(Standing::Succeeded),
        endpoint: None,
        before: Some(NOW),
        after: Some(NOW.minus(Duration::from_hours(24 * 90))),
    }
}

/// What the dashboard asks for.
fn of_the_dashboard() -> Vec<(&'static str, Sql)> {
    let (app, message, endpoint) = (
        AppId::mint(NOW),
        MessageId::mint(NOW),
        EndpointId::mint(NOW),
    );
    let (org, inbox) = (OrgId::mint(NOW), InboxId::mint(NOW));
    let down = Order::Descending;
    let window = Bucket::Hour.window(NOW.minus(Duration::from_hours(24)), NOW);
    let of_one = MessageQuery {
        endpoint: Some(endpoint),
        status: Some(Standing::Failing),
        ..looked_for()
    };
    let ids: Vec<_> = (0..50).map(|_| MessageId::mint(NOW).uuid()).collect();
    let endpoints: Vec<_> = (0..50).map(|_| EndpointId::mint(NOW)).collect();
    let scope = StatScope::Org(org);
    vec![
        ("series", stat::series(scope, None, Bucket::Hour, window)),
        (
            "series of days of an event type",
            stat::series(StatScope::App(app), Some("a"), Bucket::Day, window),
        ),
        (
            "series of endpoints",
            stat::endpoints(&endpoints, Bucket::Hour, window),
        ),
        ("commits to be rolled up", stat::open(1)),
        ("commits of nobody to be rolled up", stat::open_of_none()),
        ("minutes that expire", stat::expired(NOW)),
        ("hours that become days", stat::old_hours(NOW)),
        ("commits", journal::since(NOW, 257)),
        ("commits in full", journal::bodies(&[1, 2, 3])),
        (
            "endpoints of an application",
            overview::monitored(org, Some(app), false, &first(50, down)),
        ),
        (
            "endpoints of an organisation",
            overview::monitored(org, None, false, &after(endpoint, 50, down)),
        ),
        (
            "endpoints that fail",
            overview::monitored(org, None, true, &first(50, down)),
        ),
        ("applications, counted", overview::applications(org)),
        ("endpoints, counted", overview::endpoints(org)),
        ("backlog", overview::backlog(org)),
        ("what has been due longest", overview::oldest_due(org, NOW)),
        ("failing endpoints", overview::failing(org)),
        (
            "the last message of a look",
            search::bound(app, &looked_for(), &after(message, 50, down), 5_000),
        ),
        (
            "messages, searched",
            search::look(
                app,
                &looked_for(),
                &after(message, 50, down),
                Reach::To(message),
            ),
        ),
        (
            "messages of an endpoint, searched",
            search::look(app, &of_one, &first(50, down), Reach::End),
        ),
        (
            "a message by its name",
            search::look(app, &of_one, &first(50, down), Reach::Only(message)),
        ),
        ("standings of messages", search::standings(app, None, &ids)),
        (
            "standings with one endpoint",
            search::standings(app, Some(endpoint), &ids),
        ),
        ("inboxes", crate::inbox::list(org, Some(app), NOW)),
        (
            "requests of an inbox",
            crate::inbox::requests(inbox, &first(50, down)),
        ),
        ("tasks under way", rows::open(org)),
    ]
}

/// What looks at the journal now and then: only at what is open.
fn of_open_commits() -> Vec<(&'static str, Sql)> {
    let [commits, ..] = owed::count::statements(NOW);
    vec![
        ("commits that nobody accounts for", commits),
        ("old commits that owe", owed::look::old(1, NOW)),
        ("commits of a node that owe", owed::look::of_node(1, 0)),
        ("commits to be rolled up", stat::open(1)),
        ("commits of nobody to be rolled up", stat::open_of_none()),
    ]
}

both_engines! {
    async fn looks_at_the_journal_see_open_commits_alone(db) {
        for (name, statement) in of_open_commits() {
            let plan = statement.plan(&db.store).await.join("\n");
            assert!(plan.contains("journal_owes") || plan.contains("journal_open"), "{name}: {plan}");
        }
    }

    async fn every_list_is_served_by_an_index(db) {
        for (name, statement) in statements().into_iter().chain(applications()).chain(chunks()).chain(of_the_dashboard()) {
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
