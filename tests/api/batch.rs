//! Many messages in one request.

use postrider_testkit::{App, Client, Receiver, Reply, Server, on_both_engines};
use serde_json::{Value, json};

use crate::common::{fault, post_once};

fn messages(count: usize) -> Value {
    let one = |n| json!({"eventType": "a.b", "payload": {"n": n}});
    json!({"messages": (0..count).map(one).collect::<Vec<_>>()})
}

async fn post(client: &Client, app: &App, body: &Value) -> Reply {
    client.post(&app.path("/msg/batch"), body).await
}

fn ids(answer: &Value) -> Vec<String> {
    let entries = answer["data"].as_array().expect("entries");
    let id = |entry: &Value| entry["message"]["id"].as_str().expect("an id").to_owned();
    entries.iter().map(id).collect()
}

on_both_engines! {
    async fn a_thousand_messages_are_stored_and_delivered_in_order(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        app.endpoint(&receiver.url()).create().await;
        let answer = post(&client, &app, &messages(1000)).await.expect(202);
        let ids = ids(&answer);
        assert!(ids.is_sorted_by(|a, b| a < b), "ids rise with the place in the list");
        for (n, entry) in answer["data"].as_array().expect("entries").iter().enumerate() {
            assert_eq!((&entry["status"], &entry["message"]["payload"]["n"]), (&json!(202), &json!(n)));
        }
        receiver.received(1000).await;
        assert_eq!(receiver.message_ids().len(), 1000);
    }

    async fn a_bad_message_does_not_stop_the_others(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let body = json!({"messages": [
            {"eventType": "a", "payload": {"n": 0}, "eventId": "one", "tags": ["t"]},
            {"eventType": "not a type", "payload": {}},
            {"eventType": "a", "payload": []},
            {"eventType": "a", "payload": {"n": 3}, "eventId": "one"},
            5,
            {"eventType": "a", "payload": {}, "application": {"name": "n", "uid": "u"}},
            {"eventType": "a", "payload": {}, "deliverAt": "2030-01-01T00:00:00Z"},
            {"eventType": "a", "payload": {"n": 7}}
        ]});
        let answer = post(&client, &app, &body).await.expect(202);
        let entries = answer["data"].as_array().expect("entries");
        let statuses: Vec<_> = entries.iter().map(|entry| entry["status"].as_u64().expect("a status")).collect();
        assert_eq!(statuses, [202, 422, 422, 409, 422, 422, 422, 202]);
        assert_eq!(entries[0]["message"]["tags"], json!(["t"]));
        assert_eq!(entries[3]["error"]["code"], "conflict");
        assert_eq!(entries[1]["error"]["detail"][0]["loc"], json!(["body", "eventType"]));
        assert_eq!(entries[5]["error"]["detail"][0]["loc"], json!(["body", "application"]));
        assert_eq!(client.all(&app.path("/msg")).await.len(), 2);
    }

    async fn a_batch_is_one_to_a_thousand_messages_of_an_application_that_exists(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for bad in [messages(0), messages(1001), json!({"messages": {}}), json!({}), json!({"messages": null})] {
            assert_eq!(fault(&post(&client, &app, &bad).await), "body.messages");
        }
        client.post("/app/nobody/msg/batch", &messages(1)).await.expect(404);
        let large = json!({"messages": [{"eventType": "a", "payload": {"x": "y".repeat(3 << 20)}}]});
        post(&client, &app, &large).await.expect(202);
        let larger = json!({"messages": [{"eventType": "a", "payload": {"x": "y".repeat(16 << 20)}}]});
        assert_eq!(post(&client, &app, &larger).await.code(413), "payload_too_large");
        assert_eq!(client.all(&app.path("/msg?with_content=false")).await.len(), 1);
    }

    async fn a_batch_repeated_under_its_key_stores_nothing_and_answers_the_same(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let path = app.path("/msg/batch");
        let body = messages(20);
        let first = post_once(&client, &path, "k", &body).await.expect(202);
        assert_eq!(post_once(&client, &path, "k", &body).await.expect(202), first);
        let mut other = body.clone();
        other["messages"][3]["payload"] = json!({"n": "changed"});
        let answer = post_once(&client, &path, "k", &other).await.expect(202);
        assert_eq!(answer["data"][3]["error"]["code"], "idempotency_mismatch");
        assert_eq!(answer["data"][4], first["data"][4]);
        assert_eq!(client.all(&app.path("/msg")).await.len(), 20);
        let single = client.app().await;
        let own = post_once(&client, &single.path("/msg/batch"), "k", &body).await.expect(202);
        assert_ne!(ids(&own), ids(&first), "another application's key is another key");
    }

    async fn what_is_beyond_the_rate_limit_is_refused_message_by_message(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        client.patch("/settings", &json!({"rateLimit": 20})).await.expect(200);
        let answer = post(&client, &app, &messages(100)).await.expect(202);
        let entries = answer["data"].as_array().expect("entries");
        let stored = entries.iter().filter(|entry| entry["status"] == 202).count();
        assert!((1..100).contains(&stored), "{stored}");
        assert!(entries.iter().all(|entry| entry["status"] == 202 || entry["error"]["code"] == "rate_limited"));
        assert_eq!(client.all(&app.path("/msg")).await.len(), stored);
    }

    async fn beyond_the_queue_messages_are_refused_and_the_first_ones_stored(engine: Engine) {
        let server = Server::on(engine).set("INGEST_QUEUE", "100").start().await;
        let client = server.client();
        let app = client.app().await;
        let answer = post(&client, &app, &messages(1000)).await.expect(202);
        let entries = answer["data"].as_array().expect("entries");
        let stored = entries.iter().take_while(|entry| entry["status"] == 202).count();
        assert_eq!(stored, 50, "half of the queue is one application's");
        assert!(entries[stored..].iter().all(|entry| entry["status"] == 429));
        let again = post(&client, &app, &messages(50)).await.expect(202);
        assert!(again["data"].as_array().expect("entries").iter().all(|entry| entry["status"] == 202));
    }
}
