//! Every list, page by page, in both directions and both orders.

use std::time::Duration;

use postrider_testkit::{App, Client, Engine, Server, TestApp, on_both_engines, run};
use postrider_tests::{Acknowledged, Load};
use serde_json::{Value, json};

use super::{Made, operations};

/// What names a row of a list.
fn name_of(row: &Value) -> String {
    let name = row.get("id").or_else(|| row.get("name"));
    name.and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no id: {row}"))
        .to_owned()
}

struct Walked {
    names: Vec<String>,
    /// What leads back from the last page.
    back: Option<String>,
}

/// Follows `iterator`, or on the way back `prevIterator`, to the end.
async fn walk(client: &Client, path: &str, from: Option<String>, back: bool) -> Walked {
    let glue = if path.contains('?') { '&' } else { '?' };
    let (mut names, mut iterator, mut last) = (Vec::new(), from, None);
    loop {
        let on = iterator
            .as_ref()
            .map(|on| format!("&iterator={on}"))
            .unwrap_or_default();
        let page = client
            .get(&format!("{path}{glue}limit=2{on}"))
            .await
            .expect(200);
        let mut rows: Vec<String> = page["data"]
            .as_array()
            .expect("rows")
            .iter()
            .map(name_of)
            .collect();
        let first = page["prevIterator"].as_str().map(str::to_owned);
        let end = page["iterator"].as_str().map(str::to_owned);
        assert_eq!(first, rows.first().map(|name| format!("-{name}")), "{path}");
        assert_eq!(end.as_ref(), rows.last(), "{path}");
        if back {
            rows.reverse();
        }
        names.extend(rows);
        last = first.clone().or(last);
        if page["done"] == true {
            return Walked { names, back: last };
        }
        iterator = if back { first } else { end };
    }
}

/// Five of everything that a list shows.
async fn five(client: &Client, made: &Made) {
    let url = made.receiver.url();
    for n in 1..5 {
        client.app().await;
        made.app.endpoint(&url).create().await;
        let message = made.app.publish("made", "{\"n\":1}").accepted().await;
        made.app.attempts_reach(&message, n + 1).await;
        let body = json!({"name": format!("made.{n}"), "description": "Made"});
        client.post("/event-type", &body).await.expect(201);
    }
    for _ in 1..5 {
        let path = format!("/msg/{}/endpoint/{}/resend", made.message, made.endpoint);
        client
            .post(&made.app.path(&path), &json!({}))
            .await
            .expect(202);
    }
    made.app.attempts_reach(&made.message, 5).await;
}

on_both_engines! {
    async fn every_list_is_walked_forth_and_back_without_a_gap_or_a_repeat(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        five(&client, &made).await;
        // Beyond the time in which pages towards the newest leave rows out.
        server.clock().advance(Duration::from_mins(5));
        let mut full = 0;
        for list in operations(&client).await.iter().filter(|operation| operation.is_list()) {
            let orders: &[&str] = if list.has_query("order") {
                &["?order=ascending", "?order=descending"]
            } else {
                &[""]
            };
            let mut walks = Vec::new();
            for order in orders {
                let path = format!("{}{order}", made.path(&list.path, None));
                let forth = walk(&client, &path, None, false).await;
                let Some(back) = forth.back else {
                    continue;
                };
                let mut names = forth.names.clone();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), forth.names.len(), "{path}: {:?}", forth.names);
                let mut returned = walk(&client, &path, Some(back), true).await.names;
                returned.reverse();
                // What the last page shows is not passed on the way back.
                assert_eq!(returned, forth.names[..returned.len()], "{path}");
                assert!(forth.names.len() - returned.len() <= 2, "{path}");
                full += usize::from(forth.names.len() >= 5);
                walks.push(forth.names);
            }
            if let ([up, down], "/event-type") = (walks.as_slice(), list.path.as_str()) {
                assert_eq!(up, down, "the order is by name, whatever is asked");
            } else if let [up, down] = walks.as_slice() {
                let turned: Vec<_> = down.iter().rev().cloned().collect();
                assert_eq!(up, &turned, "{list:?}");
            }
        }
        assert!(full >= 10, "{full} lists of five rows");
    }
}

/// Walks a list from its beginning while rows are being added: none may come twice, and
/// none that was there before may be missing.
async fn holds(client: &Client, path: &str, before: &[String]) {
    let names = walk(client, path, None, false).await.names;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len(), "{path}: a row came twice");
    for name in before {
        assert!(
            sorted.binary_search(name).is_ok(),
            "{path}: {name} was skipped"
        );
    }
}

/// Goes from page to page towards the newest while a load is added, until as many messages
/// were seen as were acknowledged.
async fn follow(app: App, load: Load) -> (Vec<String>, Acknowledged) {
    let load = tokio::spawn(load.finished());
    let path = app.path("/msg?event_types=load.test&limit=250&after=2020-01-01T00:00:00Z");
    let (mut seen, mut at) = (Vec::<String>::new(), String::new());
    while !load.is_finished() {
        look(&app, &path, &mut at, &mut seen).await;
    }
    let acknowledged = load.await.expect("the load ends");
    // The youngest are shown 2 s later; if they never were, the test's own limit would end this.
    while seen.len() < acknowledged.len() {
        look(&app, &path, &mut at, &mut seen).await;
    }
    (seen, acknowledged)
}

/// Adds the next page to what was seen.
async fn look(app: &App, path: &str, at: &mut String, seen: &mut Vec<String>) {
    let page = app.client().get(&format!("{path}{at}")).await.expect(200);
    seen.extend(page["data"].as_array().expect("rows").iter().map(name_of));
    if let Some(on) = page["prevIterator"].as_str() {
        *at = format!("&iterator={on}");
    }
}

mod on_postgres {
    use super::*;

    #[test]
    fn lists_hold_while_two_nodes_add_to_them() {
        run(async {
            let one = Server::on(Engine::Postgres).start().await;
            let two = one.second().start().await;
            let (client, other) = (one.client(), two.client());
            let app = client.app().await;
            let (mut messages, mut endpoints) = (Vec::new(), Vec::new());
            for node in [&app, &app.through(&other)] {
                for _ in 0..10 {
                    messages.push(node.publish("early", "{}").accepted().await);
                    let draft = node.endpoint("http://127.0.0.1:9/").set("disabled", true);
                    endpoints.push(draft.create().await.id);
                }
            }
            let load = Load::start(&[app.clone(), app.through(&other)], 3_000, 2);
            let followed = tokio::spawn(follow(app.clone(), load));
            let added = tokio::spawn({
                let nodes = [app.clone(), app.through(&other)];
                async move {
                    for turn in 0..60 {
                        let draft = nodes[turn % 2].endpoint("http://127.0.0.1:9/");
                        draft.set("disabled", true).create().await;
                    }
                }
            });
            for _ in 0..5 {
                for node in [&client, &other] {
                    holds(node, &app.path("/msg?event_types=early"), &messages).await;
                    holds(node, &app.path("/endpoint?order=ascending"), &endpoints).await;
                    holds(node, &app.path("/endpoint?order=descending"), &endpoints).await;
                }
            }
            added.await.expect("endpoints are added");
            let (mut seen, acknowledged) = followed.await.expect("the list is followed");
            let total = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), total, "a message came twice");
            assert!(acknowledged.iter().eq(seen.iter()), "a message was skipped");
        });
    }
}
