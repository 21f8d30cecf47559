//! A statement of each kind that is put together, bare and with all that may be in it.

use std::time::Duration;

use postrider_domain::{
    AppId, AttemptId, AttemptStatus, EndpointId, InboxId, MessageId, OrgId, TaskId, TaskKind,
    TaskStatus, Timestamp,
};

use crate::commit::log;
use crate::commit::messages::taken;
use crate::due::owed::{count, look};
use crate::engine::cipher::Cipher;
use crate::engine::page::Order;
use crate::engine::sql::Sql;
use crate::history::attempt::{AttemptFilter, DeliveryFilter, statements};
use crate::history::inbox::request;
use crate::history::message::MessageFilter;
use crate::history::overview::MonitorFilter;
use crate::history::search::{DeliveryStatus, MessageQuery, Reach};
use crate::history::stat::{Bucket, StatScope, read, roll};
use crate::history::{inbox, message, overview, search};
use crate::stored::endpoint::Endpoint;
use crate::support::{after, first};
use crate::task::{TaskFilter, Window, pick, purge, replay, rows, run, take_back, usage};
use crate::tenant::app::{AppFilter, list};
use crate::tenant::endpoint::change;
use crate::tenant::{app, endpoint, event_type};

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

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
pub(super) fn applications() -> Vec<(&'static str, Sql)> {
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
            list::list(org, &everywhere, &after(app, 50, down), None),
        ),
        (
            "the last application of a look",
            list::bound(org, &after(app, 50, down), 100_000),
        ),
        (
            "applications, looked for",
            list::list(org, &called, &first(50, Order::Ascending), Some(app)),
        ),
    ]
}

/// Every list, bare and with all its filters.
pub(super) fn lists() -> Vec<(&'static str, Sql)> {
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
            statements::list(app, of_message, &AttemptFilter::default(), &first(50, down)),
        ),
        (
            "attempts of a message, filtered",
            statements::list(app, of_message, &one, &after(attempt, 50, down)),
        ),
        (
            "attempts of an endpoint",
            statements::list(
                app,
                of_endpoint,
                &AttemptFilter::default(),
                &first(50, down),
            ),
        ),
        (
            "attempts of an endpoint, filtered",
            statements::list(app, of_endpoint, &attempts(), &after(attempt, 50, down)),
        ),
        (
            "messages of an endpoint",
            statements::list_messages(app, endpoint, &DeliveryFilter::default(), &first(50, down)),
        ),
        (
            "messages of an endpoint, filtered",
            statements::list_messages(app, endpoint, &delivered, &after(message, 50, down)),
        ),
        (
            "endpoints of a message",
            statements::list_endpoints(app, message, &first(50, Order::Ascending)),
        ),
        (
            "attempts of an application",
            usage::attempts(app, Window::up_to(NOW)),
        ),
        (
            "applications, by their ids",
            usage::apps(org, None, app.uuid()),
        ),
        (
            "some applications",
            usage::apps(org, Some(&[app]), app.uuid()),
        ),
        (
            "event types of some applications",
            usage::event_types(&[app.uuid()]),
        ),
        (
            "statistics",
            statements::count(endpoint, NOW.minus(Duration::from_hours(24)), NOW),
        ),
    ]
}

/// What background tasks read and change, chunk by chunk.
pub(super) fn chunks() -> Vec<(&'static str, Sql)> {
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

fn looked_for() -> MessageQuery {
    MessageQuery {
        text: Some("invoice.".to_owned()),
        event_types: vec!["a".to_owned()],
        channel: Some("eu".to_owned()),
        tag: Some("t".to_owned()),
        status: Some(DeliveryStatus::Succeeded),
        endpoint: None,
        before: Some(NOW),
        after: Some(NOW.minus(Duration::from_hours(24 * 90))),
    }
}

/// What the dashboard asks for.
pub(super) fn of_the_dashboard() -> Vec<(&'static str, Sql)> {
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
        status: Some(DeliveryStatus::Failing),
        ..looked_for()
    };
    let ids: Vec<_> = (0..50).map(|_| MessageId::mint(NOW).uuid()).collect();
    let endpoints: Vec<_> = (0..50).map(|_| EndpointId::mint(NOW)).collect();
    let of_app = MonitorFilter {
        app: Some(app),
        ..MonitorFilter::default()
    };
    let one_endpoint = MonitorFilter {
        endpoint: Some(endpoint),
        ..of_app
    };
    let failing = MonitorFilter {
        failing: true,
        ..MonitorFilter::default()
    };
    let scope = StatScope::Org(org);
    vec![
        ("series", read::series(scope, None, Bucket::Hour, window)),
        (
            "series of days of an event type",
            read::series(StatScope::App(app), Some("a"), Bucket::Day, window),
        ),
        (
            "series of endpoints",
            read::endpoints(&endpoints, Bucket::Hour, window),
        ),
        ("commits to be rolled up", roll::open(1)),
        ("commits of nobody to be rolled up", roll::open_of_none()),
        ("minutes that expire", roll::expired(NOW)),
        ("hours that become days", roll::old_hours(NOW)),
        ("commits", log::since(NOW, 257)),
        ("commits in full", log::bodies(&[1, 2, 3])),
        (
            "endpoints of an application",
            overview::monitored(org, &of_app, &first(50, down)),
        ),
        (
            "an endpoint of an application",
            overview::monitored(org, &one_endpoint, &first(50, down)),
        ),
        (
            "endpoints of an organisation",
            overview::monitored(org, &MonitorFilter::default(), &after(endpoint, 50, down)),
        ),
        (
            "endpoints that fail",
            overview::monitored(org, &failing, &first(50, down)),
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
        ("inboxes", inbox::list(org, Some(app), NOW)),
        (
            "requests of an inbox",
            request::requests(inbox, &first(50, down)),
        ),
        ("tasks under way", rows::open(org)),
    ]
}

/// What looks at the commit log now and then: only at what is open.
pub(super) fn of_open_commits() -> Vec<(&'static str, Sql)> {
    let [commits, ..] = count::statements(NOW);
    vec![
        ("commits that nobody accounts for", commits),
        ("old commits that owe", look::old(1, NOW)),
        ("commits of a node that owe", look::of_node(1, 0)),
        ("commits to be rolled up", roll::open(1)),
        ("commits of nobody to be rolled up", roll::open_of_none()),
    ]
}

/// What looks one thing up, or a few by their names.
pub(super) fn looked_up() -> Vec<(&'static str, Sql)> {
    let (app, message, endpoint) = (
        AppId::mint(NOW),
        MessageId::mint(NOW),
        EndpointId::mint(NOW),
    );
    let (org, task, node) = (OrgId::mint(NOW), TaskId::mint(NOW), 1);
    let (names, ids) = (["a".to_owned(), "b".to_owned()], [message.uuid()]);
    let (key, up) = ([0; 16], Order::Ascending);
    let [_, claims, resends, tasks] = count::statements(NOW);
    vec![
        (
            "an attempt",
            statements::one(app, message, AttemptId::mint(NOW)),
        ),
        ("a message", message::one(app, &message.to_string(), true)),
        ("a message by its event id", message::one(app, "e1", false)),
        ("an endpoint", endpoint::named(app, &endpoint.to_string())),
        ("an endpoint by its uid", endpoint::named(app, "e1")),
        ("endpoints", endpoint::list(app, &first(50, up))),
        ("event types", event_type::list(org, false, &first(50, up))),
        ("known event types", event_type::known(org, &names)),
        (
            "applications by their uids",
            app::named(org, |sql| sql.and_in("uid", &names)),
        ),
        ("organisations of applications", roll::orgs(&[app])),
        ("a task", rows::one(org, task)),
        ("tasks in hand", run::in_hand(node)),
        (
            "messages by their event ids",
            purge::by_event_ids(app, &names),
        ),
        ("messages of an application", purge::of_app(app, &ids)),
        ("expired keys", taken::expired(NOW, &[&key])),
        ("holders of keys", taken::holders(&[&key])),
        ("inboxes that are there", inbox::present(NOW)),
        ("what any node owes", look::owing(1)),
        ("claims of nobody", claims),
        ("manual sends of nobody", resends),
        ("tasks of nobody", tasks),
    ]
}

/// What is written column by column.
pub(super) fn written() -> Vec<(&'static str, Sql)> {
    let (id, app) = (EndpointId::mint(NOW), AppId::mint(NOW));
    let endpoint = Endpoint::blank(id, app, NOW);
    let cipher = Cipher::new("a main secret of at least 32 characters");
    vec![
        (
            "a new endpoint",
            change::insert(&endpoint, &cipher).expect("it can be written"),
        ),
        (
            "an endpoint",
            change::update(&endpoint, &cipher).expect("it can be written"),
        ),
        (
            "a revision of an endpoint",
            change::insert_revision(&endpoint).expect("it can be written"),
        ),
    ]
}
