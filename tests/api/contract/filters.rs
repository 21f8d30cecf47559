//! Every filter of every list: what it lets through and what it keeps back.

use std::collections::BTreeSet;
use std::time::Duration;

use postrider_testkit::{Answer, Client, Receiver, TestApp, on_both_engines};
use serde_json::{Value, json};

use super::operations;

/// The groups whose lists this table must cover in full.
const TAGS: &[&str] = &[
    "Application",
    "Endpoint",
    "Event Type",
    "Message",
    "Message Attempt",
];
/// What every list knows; pages are tried elsewhere.
const OF_PAGES: &[&str] = &["limit", "iterator", "order"];

/// What lists show: an application with an endpoint that succeeds and one that fails, and
/// two messages an hour apart, of which only the first is for both.
struct World {
    app: String,
    good: String,
    bad: String,
    early: String,
    late: String,
    /// Between the two messages.
    noon: String,
}

async fn world(server: &TestApp) -> World {
    let client = server.client();
    let (fine, broken) = (
        Receiver::start().await,
        Receiver::always(Answer::status(503)).await,
    );
    let app = client.app().await;
    let good = app.endpoint(&fine.url()).create().await;
    let bad = app
        .endpoint(&broken.url())
        .retries(&[])
        .event_types(&[])
        .channels(&["eu"]);
    let bad = bad.create().await;
    let early = app
        .publish("first", "{\"n\":1}")
        .channels(&["eu"])
        .set("tags", json!(["vip"]))
        .accepted()
        .await;
    app.attempts_reach(&early, 2).await;
    server.clock().advance(Duration::from_mins(30));
    let noon = server.store().clock().now().to_string();
    server.clock().advance(Duration::from_mins(30));
    let late = app.publish("second", "{\"n\":2}").accepted().await;
    app.attempts_reach(&late, 1).await;
    World {
        app: app.id().to_owned(),
        good: good.id,
        bad: bad.id,
        early,
        late,
        noon,
    }
}

/// The rows' names: those of their messages for attempts.
async fn rows(client: &Client, path: &str) -> Vec<Value> {
    let page = client.get(path).await.expect(200);
    page["data"].as_array().expect("rows").clone()
}

fn texts<'a>(rows: &'a [Value], field: &str) -> BTreeSet<&'a str> {
    rows.iter()
        .map(|row| row[field].as_str().expect("a text"))
        .collect()
}

/// A query and the names that it lets through.
type Case<'a> = (&'a str, &'a [&'a str]);

/// Notes which filters of which list the table tries.
#[derive(Default)]
struct Tried(BTreeSet<(String, String)>);

impl Tried {
    fn note(&mut self, template: &str, query: &str) {
        for pair in query.split('&') {
            let name = pair.split(['=', '[']).next().unwrap_or_default();
            self.0.insert((template.to_owned(), name.to_owned()));
        }
    }
}

impl World {
    fn path(&self, template: &str, query: &str) -> String {
        let path = template
            .replace("{app_id}", &self.app)
            .replace("{endpoint_id}", &self.good)
            .replace("{msg_id}", &self.early);
        format!(
            "{path}?{}",
            query.replace("NOON", &self.noon).replace("BAD", &self.bad)
        )
    }

    /// What each query shows of the messages, both of which the good endpoint got.
    async fn messages(&self, client: &Client, tried: &mut Tried) {
        let both = &[self.early.as_str(), self.late.as_str()][..];
        let (early, late, none) = (&both[..1], &both[1..], &both[..0]);
        let common = [
            ("channel=eu", early),
            ("channel=us", none),
            ("tag=vip", early),
            ("tag=other", none),
            ("event_types=first", early),
            ("event_types=first,second", both),
            ("event_types=first&event_types=second", both),
            ("event_types[]=second", late),
            ("event_types[0]=first&event_types[1]=third", early),
            ("before=NOON", early),
            ("after=NOON&before=2999-01-01T00:00:00Z", late),
            ("with_content=false", both),
            ("unknown=1", both),
        ];
        let of_endpoint = [
            ("status=0", both),
            ("status=1", none),
            ("status=2", none),
            ("status=3", none),
            ("status=4", none),
            ("expanded_statuses=false", both),
        ];
        let of_attempts = [
            ("status=0", both),
            ("status=2", none),
            ("status_code_class=200", both),
            ("status_code_class=0", none),
            ("with_msg=true", both),
            ("expanded_statuses=false", both),
        ];
        let lists: [(&str, &str, &[Case<'_>]); 3] = [
            ("/app/{app_id}/msg", "id", &[]),
            (
                "/app/{app_id}/endpoint/{endpoint_id}/msg",
                "id",
                &of_endpoint,
            ),
            (
                "/app/{app_id}/attempt/endpoint/{endpoint_id}",
                "msgId",
                &of_attempts,
            ),
        ];
        for (template, field, more) in lists {
            for (query, wanted) in common.iter().chain(more) {
                let path = self.path(template, query);
                let rows = rows(client, &path).await;
                assert_eq!(
                    texts(&rows, field),
                    wanted.iter().copied().collect(),
                    "{path}"
                );
                assert_eq!(rows.len(), wanted.len(), "{path}");
                tried.note(template, query);
            }
        }
    }

    /// What each query finds among the messages: the first is for both endpoints and failed
    /// at one, the second is for the good one alone.
    async fn found(&self, client: &Client, tried: &mut Tried) {
        let both = &[self.early.as_str(), self.late.as_str()][..];
        let (early, late, none) = (&both[..1], &both[1..], &both[..0]);
        let template = "/app/{app_id}/msg/search";
        let by_id = format!("q={}", self.late);
        for (query, wanted) in [
            ("", both),
            (by_id.as_str(), late),
            ("q=vip", early),
            ("q=fir", early),
            ("q=nothing", none),
            ("eventTypes=first,third", early),
            ("channel=eu", early),
            ("tag=other", none),
            ("status=succeeded", late),
            ("status=exhausted", early),
            ("status=pending", none),
            ("status=failing", none),
            ("status=canceled", none),
            ("endpointId=BAD", early),
            ("endpointId=BAD&status=succeeded", none),
            ("before=NOON", early),
            ("after=NOON&before=2999-01-01T00:00:00Z", late),
        ] {
            let path = self.path(template, query);
            let rows = rows(client, &path).await;
            assert_eq!(
                texts(&rows, "id"),
                wanted.iter().copied().collect(),
                "{path}"
            );
            tried.note(template, query);
        }
        let rows = rows(client, &self.path(template, "q=vip")).await;
        let standing = &rows[0]["destinations"];
        assert_eq!(
            (&standing["succeeded"], &standing["exhausted"]),
            (&json!(1), &json!(1))
        );
    }

    /// What each query shows of the first message's attempts: one at either endpoint.
    async fn attempts(&self, client: &Client, tried: &mut Tried) {
        let both = &[self.good.as_str(), self.bad.as_str()][..];
        let (good, bad, none) = (&both[..1], &both[1..], &both[..0]);
        let of_message = [
            ("status=0", good),
            ("status=2", bad),
            ("status=3", none),
            ("status=4", none),
            ("status_code_class=200", good),
            ("status_code_class=500", bad),
            ("status_code_class=100", none),
            ("endpoint_id=BAD", bad),
            ("channel=eu", both),
            ("channel=us", none),
            ("tag=vip", both),
            ("tag=other", none),
            ("event_types=first", both),
            ("event_types=second", none),
            ("before=NOON", both),
            ("after=NOON&before=2999-01-01T00:00:00Z", none),
            ("with_content=false", both),
            ("expanded_statuses=false", both),
            ("", both),
        ];
        let at = "/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/attempt";
        for template in [
            "/app/{app_id}/attempt/msg/{msg_id}",
            "/app/{app_id}/msg/{msg_id}/attempt",
            at,
        ] {
            for (query, wanted) in of_message {
                if template == at && query.starts_with("endpoint_id") {
                    continue;
                }
                let mut wanted: BTreeSet<&str> = wanted.iter().copied().collect();
                if template == at {
                    wanted.remove(self.bad.as_str());
                }
                let path = self.path(template, query);
                let rows = rows(client, &path).await;
                assert_eq!(texts(&rows, "endpointId"), wanted, "{path}");
                tried.note(template, query);
            }
        }
        let path = self.path("/app/{app_id}/msg/{msg_id}/endpoint", "");
        let rows = rows(client, &path).await;
        assert_eq!(texts(&rows, "id"), both.iter().copied().collect(), "{path}");
    }

    /// What flags change about the rows themselves.
    async fn shapes(&self, client: &Client) {
        let attempts = "/app/{app_id}/attempt/endpoint/{endpoint_id}";
        let with_msg = rows(client, &self.path(attempts, "with_msg=true")).await;
        let message = &with_msg[1]["msg"];
        assert_eq!(
            (&message["id"], &message["eventType"]),
            (&json!(self.early), &json!("first"))
        );
        assert_eq!(message["payload"], json!({}), "never a payload");
        let plain = rows(client, &self.path(attempts, "with_content=false")).await;
        assert!(plain[0].get("msg").is_none(), "{plain:?}");
        assert_eq!(plain[0]["response"], "{}");
        for template in [
            "/app/{app_id}/msg",
            "/app/{app_id}/endpoint/{endpoint_id}/msg",
        ] {
            let full = rows(client, &self.path(template, "")).await;
            assert_eq!(full[0]["payload"], json!({"n": 2}));
            let bare = rows(client, &self.path(template, "with_content=false")).await;
            assert_eq!(bare[0]["payload"], json!({}));
        }
    }
}

async fn applications(client: &Client, tried: &mut Tried) {
    let (none, disabled, play, live) = (
        client.app().await,
        client.app().await,
        client.app().await,
        client.app().await,
    );
    disabled
        .endpoint("http://127.0.0.1:9/")
        .set("disabled", true)
        .create()
        .await;
    play.endpoint("https://play.svix.com/in/e_1/")
        .create()
        .await;
    live.endpoint("http://127.0.0.1:9/").create().await;
    live.endpoint("https://play.svix.com/in/e_1/")
        .set("disabled", true)
        .create()
        .await;
    let all = [none.id(), disabled.id(), play.id(), live.id()];
    let by_id = format!("search={}", live.id());
    for (query, wanted) in [
        ("exclude_apps_with_no_endpoints=true", &[1, 2, 3][..]),
        ("exclude_apps_with_disabled_endpoints=true", &[0, 2, 3]),
        ("exclude_apps_with_svix_play_endpoints=true", &[0, 1, 3]),
        (
            "exclude_apps_with_no_endpoints=true&exclude_apps_with_disabled_endpoints=true&exclude_apps_with_svix_play_endpoints=true",
            &[3],
        ),
        ("exclude_apps_with_no_endpoints=false", &[0, 1, 2, 3]),
        (by_id.as_str(), &[3]),
        ("search=TEST+", &[0, 1, 2, 3]),
        (
            "search=TEST+&exclude_apps_with_no_endpoints=true",
            &[1, 2, 3],
        ),
        ("search=nothing", &[]),
    ] {
        let rows = rows(client, &format!("/app?{query}")).await;
        let found: Vec<_> = all
            .iter()
            .filter(|id| texts(&rows, "id").contains(**id))
            .collect();
        let wanted: Vec<_> = wanted.iter().map(|at| &all[*at]).collect();
        assert_eq!(found, wanted, "{query}");
        tried.note("/app", query);
    }
}

async fn event_types(client: &Client, tried: &mut Tried) {
    for name in ["kept", "gone"] {
        let body = json!({"name": name, "description": "", "schemas": {"1": {"type": "object"}}});
        client.post("/event-type", &body).await.expect(201);
    }
    client.delete("/event-type/gone").await.expect(204);
    for (query, wanted, schemas) in [
        ("", 1, false),
        ("include_archived=true", 2, false),
        ("include_archived=false&with_content=true", 1, true),
    ] {
        let rows = rows(client, &format!("/event-type?{query}")).await;
        assert_eq!(rows.len(), wanted, "{query}");
        assert_eq!(rows[0]["schemas"].is_object(), schemas, "{query}");
        tried.note("/event-type", query);
    }
}

on_both_engines! {
    async fn every_filter_of_every_list_lets_through_what_it_says(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let mut tried = Tried::default();
        let world = world(&server).await;
        world.messages(&client, &mut tried).await;
        world.attempts(&client, &mut tried).await;
        world.found(&client, &mut tried).await;
        world.shapes(&client).await;
        applications(&client, &mut tried).await;
        event_types(&client, &mut tried).await;
        for list in operations(&client).await.iter().filter(|operation| operation.is_list()) {
            if !TAGS.contains(&list.item["tags"][0].as_str().expect("a tag")) {
                continue;
            }
            for parameter in list.query() {
                let name = parameter["name"].as_str().expect("a name");
                let known = OF_PAGES.contains(&name)
                    || tried.0.contains(&(list.path.clone(), name.to_owned()));
                assert!(known, "{list:?}: no test of {name}");
            }
        }
    }

    async fn a_cancelled_delivery_reads_4_or_as_a_success_to_clients_that_know_no_4(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint("http://127.0.0.1:9/").create().await;
        let message = app.publish("a", "{}").accepted().await;
        app.attempts_reach(&message, 1).await;
        endpoint.patch(&json!({"disabled": true})).await;
        endpoint.delivery_becomes(&message, "canceled").await;
        for (query, code, text) in [("", 4, "canceled"), ("?expanded_statuses=true", 4, "canceled"),
            ("?expanded_statuses=false", 0, "success")] {
            let rows = rows(&client, &endpoint.path(&format!("/msg{query}"))).await;
            assert_eq!((&rows[0]["status"], &rows[0]["statusText"]), (&json!(code), &json!(text)));
        }
    }
}
