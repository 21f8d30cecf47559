//! Background tasks: who sees which, the shapes, and what is refused.

use postrider_testkit::{Receiver, Server, days_ago, on_both_engines};
use serde_json::{Value, json};

use crate::common::with_new_key;

fn since(days: u32) -> Value {
    json!({ "since": days_ago(days) })
}

/// The id of the first fault's place.
fn place(fault: &Value) -> &Value {
    &fault["detail"][0]["loc"]
}

on_both_engines! {
    async fn tasks_are_listed_newest_first_with_filters_and_pages(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint("https://customer.example/hook").create().await;
        let mut begun = Vec::new();
        for what in ["recover", "replay-missing", "bulk-replay", "recover"] {
            begun.push(endpoint.begin(what, &since(1)).await);
        }
        let purge = client.post(&app.path("/msg/expunge-all-contents"), &json!({})).await;
        assert_eq!(purge.expect(202)["task"], "application.purge_content");
        begun.push(purge.field("id"));
        for id in &begun {
            let task = client.task_becomes(id, "finished").await;
            assert!(task["updatedAt"].is_string() && task["data"]["total"] == 0, "{task}");
        }
        let listed = async |query: &str| -> Vec<String> {
            let rows = client.all(&format!("/background-task{query}")).await;
            rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
        };
        let newest_first: Vec<String> = begun.iter().rev().cloned().collect();
        assert_eq!(listed("").await, newest_first);
        assert_eq!(listed("?order=ascending").await, begun);
        assert_eq!(listed("?task=endpoint.recover&status=finished").await, [begun[3].clone(), begun[0].clone()]);
        for none in ["?status=running", "?status=failed", "?task=sdk.generate", "?task=application.stats"] {
            assert!(listed(none).await.is_empty(), "{none}");
        }
        let page = client.get("/background-task?limit=2").await.ok();
        assert_eq!((&page["done"], &page["iterator"]), (&json!(false), &json!(begun[3])), "{page}");
        let next = client.get(&format!("/background-task?limit=2&iterator={}", begun[3])).await.ok();
        assert_eq!(next["data"][0]["id"], begun[2]);
        let back = next["prevIterator"].as_str().expect("a way back");
        let back = client.get(&format!("/background-task?limit=2&iterator={back}")).await.ok();
        assert_eq!(back["data"], page["data"]);
        for bad in ["?status=done", "?task=x", "?limit=251", "?order=up", "?iterator=x"] {
            client.get(&format!("/background-task{bad}")).await.expect(422);
        }
    }

    async fn a_task_is_seen_by_its_organisation_and_its_application_alone(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (app, other) = (client.app().await, client.app().await);
        let endpoint = app.endpoint("https://customer.example/hook").create().await;
        let id = endpoint.begin("recover", &since(1)).await;
        let path = format!("/background-task/{id}");
        let own = with_new_key(&client, json!({"appId": app.id()})).await;
        assert_eq!(own.get(&path).await.ok()["id"], id.as_str());
        assert_eq!(own.all("/background-task").await.len(), 1);
        let others = with_new_key(&client, json!({"appId": other.id()})).await;
        assert!(others.all("/background-task").await.is_empty());
        let reader = with_new_key(&client, json!({"readOnly": true})).await;
        reader.get(&path).await.ok();
        for (asker, status) in [(&others, 404), (&reader, 403)] {
            asker.post(&format!("{path}/cancel"), &json!({})).await.expect(status);
        }
        for unknown in ["qtask_0000000000000000000000", "qtask_33qen93MNuelBAq1T9G7eHLJRsF", "x"] {
            let path = format!("/background-task/{unknown}");
            assert_eq!(client.get(&path).await.code(404), "not_found");
            assert_eq!(client.post(&format!("{path}/cancel"), &json!({})).await.code(404), "not_found");
        }
        // Over, it stays as it is.
        client.task_becomes(&id, "finished").await;
        let cancelled = client.post(&format!("{path}/cancel"), &json!({})).await.expect(200);
        assert_eq!(cancelled["status"], "finished");
    }

    async fn a_window_or_filter_that_is_not_allowed_is_named(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint("https://customer.example/hook").create().await;
        for (what, body, field) in [
            ("recover", json!({}), "since"),
            ("recover", json!({"since": "yesterday"}), "since"),
            ("recover", since(15), "since"),
            ("recover", json!({"since": days_ago(1), "until": days_ago(2)}), "since"),
            ("recover", json!({"since": days_ago(1), "until": "x"}), "until"),
            ("replay-missing", since(91), "since"),
            ("bulk-replay", json!({"since": days_ago(1), "status": 5}), "status"),
            ("bulk-replay", json!({"since": days_ago(1), "statusCodeClass": 201}), "statusCodeClass"),
            ("bulk-replay", json!({"since": days_ago(1), "channel": "a b"}), "channel"),
            ("bulk-replay", json!({"since": days_ago(1), "eventTypes": [""]}), "eventTypes"),
            ("bulk-replay", json!({"since": days_ago(1), "tag": "x"}), "tag"),
        ] {
            let refused = client.post(&endpoint.path(&format!("/{what}")), &body).await;
            let fault = refused.expect(422);
            assert_eq!(place(&fault)[1], field, "{what} {body}: {fault}");
        }
        // As clients write them: with an offset, or without one.
        for since in ["2026-01-01T00:00:00+00:00", "2026-01-01 00:00:00"] {
            let body = json!({"since": since, "until": "2026-01-02T00:00:00Z", "unknown": 1});
            endpoint.begin("recover", &body).await;
        }
        for bad in ["?since=x", "?until=x", "?since=2026-01-01T00:00:00Z"] {
            client.get(&endpoint.path(&format!("/recover/preview{bad}"))).await.expect(422);
        }
        let many: Vec<String> = (0..1001).map(|n| format!("m{n}")).collect();
        let fault = client.post(&app.path("/msg/bulk-expunge"), &json!({"ids": many})).await.expect(422);
        assert_eq!(place(&fault)[1], "ids");
        let none = client.post(&app.path("/msg/bulk-expunge"), &json!({})).await.expect(200);
        assert_eq!(none, json!({"results": {}}));
    }

    async fn all_payloads_go_at_once(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let (app, other) = (client.app().await, client.app().await);
        app.endpoint(&receiver.url()).create().await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(app.publish("a.b", r#"{"secret":1}"#).accepted().await);
        }
        let kept = other.publish("a.b", r#"{"kept":1}"#).accepted().await;
        let begun = client.post(&app.path("/msg/expunge-all-contents"), &json!({})).await;
        let task = client.task_becomes(&begun.field("id"), "finished").await;
        assert_eq!(task["data"], json!({"total": 5, "done": 5, "messagesPurged": 5}));
        for id in &ids {
            let message = client.get(&app.path(&format!("/msg/{id}"))).await.ok();
            assert_eq!(message["payload"], json!({"expired": true}));
        }
        let message = client.get(&other.path(&format!("/msg/{kept}"))).await.ok();
        assert_eq!(message["payload"], json!({"kept": 1}));
    }

    async fn a_precheck_says_whether_an_endpoint_would_get_the_message(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let ask = async |body: Value| {
            let asked = client.post(&app.path("/msg/precheck/active"), &body).await;
            asked.expect(200)["active"].clone()
        };
        assert_eq!(ask(json!({"eventType": "a.b"})).await, false);
        client.put("/event-type/a.b", &json!({"description": "a"})).await.ok();
        let draft = app.endpoint("https://customer.example/hook").event_types(&["a.b"]);
        let endpoint = draft.set("channels", json!(["eu"])).create().await;
        assert_eq!(ask(json!({"eventType": "a.b", "channels": ["eu", "us"]})).await, true);
        for no in [json!({"eventType": "a.b"}), json!({"eventType": "c", "channels": ["eu"]})] {
            assert_eq!(ask(no).await, false);
        }
        endpoint.patch(&json!({"disabled": true})).await;
        assert_eq!(ask(json!({"eventType": "a.b", "channels": ["eu"]})).await, false);
        let path = app.path("/msg/precheck/active");
        for bad in [json!({}), json!({"eventType": "a b"}), json!({"eventType": "a", "channels": []})] {
            client.post(&path, &bad).await.expect(422);
        }
    }
}
