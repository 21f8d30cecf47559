//! What an organisation's own rules refuse: unknown event types, payloads that break their
//! schema, and more than its rate.

use std::time::Duration;

use postrider_testkit::{App, Client, Reply, Server, eventually, on_both_engines};
use serde_json::{Value, json};

use crate::common::fault;

async fn settle(client: &Client, settings: Value) {
    client.patch("/settings", &settings).await.expect(200);
}

async fn event_type(client: &Client, name: &str, schemas: Value) {
    let body = json!({"name": name, "description": "", "schemas": schemas});
    client.post("/event-type", &body).await.expect(201);
}

async fn publish(app: &App, event_type: &str, payload: &str) -> Reply {
    app.publish(event_type, payload).send().await
}

on_both_engines! {
    async fn a_strict_catalogue_refuses_unknown_and_archived_event_types(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        publish(&app, "unknown", "{}").await.expect(202);
        settle(&client, json!({"strictCatalogue": true})).await;
        assert_eq!(fault(&publish(&app, "unknown", "{}").await), "body.eventType");
        event_type(&client, "unknown", json!(null)).await;
        publish(&app, "unknown", "{}").await.expect(202);
        client.delete("/event-type/unknown").await.expect(204);
        assert_eq!(fault(&publish(&app, "unknown", "{}").await), "body.eventType");
        event_type(&client, "unknown", json!(null)).await;
        publish(&app, "unknown", "{}").await.expect(202);
        client.delete("/event-type/unknown?expunge=true").await.expect(204);
        assert_eq!(fault(&publish(&app, "unknown", "{}").await), "body.eventType");
        settle(&client, json!({"strictCatalogue": false})).await;
        publish(&app, "unknown", "{}").await.expect(202);
    }

    async fn a_refused_message_makes_no_application_on_the_fly(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        settle(&client, json!({"strictCatalogue": true})).await;
        let body = json!({"eventType": "a", "payload": {}, "application": {"name": "n", "uid": "new"}});
        assert_eq!(fault(&client.post("/app/new/msg", &body).await), "body.eventType");
        client.get("/app/new").await.expect(404);
    }

    async fn payloads_are_checked_against_the_highest_version_of_their_schema(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let schema = |kind: &str| json!({"type": "object", "properties": {"lines": {"items": {"properties": {"id": {"type": kind}}}}}});
        event_type(&client, "a.b", json!({"9": schema("string"), "10": schema("integer")})).await;
        let wrong = r#"{"lines":[{"id":1},{"id":"secret-2"}]}"#;
        publish(&app, "a.b", wrong).await.expect(202);
        settle(&client, json!({"validatePayloads": true})).await;
        let reply = publish(&app, "a.b", wrong).await;
        assert_eq!(fault(&reply), "body.payload.lines.1.id");
        let msg = reply.expect(422)["detail"][0]["msg"].as_str().expect("words").to_owned();
        assert!(msg.contains("/properties/lines/items/properties/id/type"), "the rule: {msg}");
        assert!(!msg.contains("secret-2"), "not the value: {msg}");
        publish(&app, "a.b", r#"{"lines":[{"id":1}]}"#).await.expect(202);
        publish(&app, "without.a.type", wrong).await.expect(202);

        let changed = json!({"schemas": {"1": schema("string")}});
        client.patch("/event-type/a.b", &changed).await.expect(200);
        publish(&app, "a.b", r#"{"lines":[{"id":"x"}]}"#).await.expect(202);
        assert_eq!(fault(&publish(&app, "a.b", r#"{"lines":[{"id":1}]}"#).await), "body.payload.lines.0.id");
        client.patch("/event-type/a.b", &json!({"schemas": null})).await.expect(200);
        publish(&app, "a.b", r#"{"lines":[{"id":1}]}"#).await.expect(202);
    }

    async fn a_schema_that_refers_to_another_document_is_refused_and_not_fetched(engine: Engine) {
        let receiver = postrider_testkit::Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        for target in [receiver.url(), "file:///etc/hostname".to_owned(), "other.json".to_owned()] {
            let body = json!({"name": "a.b", "description": "", "schemas": {"1": {"properties": {"a": {"$ref": target}}}}});
            assert_eq!(fault(&client.post("/event-type", &body).await), "body.schemas.1");
        }
        assert_eq!(receiver.count(), 0);
    }

    async fn the_rate_limit_refuses_with_429_and_says_when(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        settle(&client, json!({"rateLimit": 1})).await;
        let mut refused = None;
        for _ in 0..20 {
            let reply = publish(&app, "a", "{}").await;
            if reply.status == 429 {
                refused = Some(reply);
                break;
            }
            reply.expect(202);
        }
        let refused = refused.expect("20 messages take less than 19 seconds");
        assert_eq!(refused.code(429), "rate_limited");
        assert_eq!(refused.header("retry-after"), Some("1"));
        settle(&client, json!({"rateLimit": null})).await;
        for _ in 0..5 {
            publish(&app, "a", "{}").await.expect(202);
        }
    }
}

async fn another_node_honours_a_change_within_a_second() {
    let first = Server::start(postrider_testkit::Engine::Postgres).await;
    let second = first.second().start().await;
    let (client, other) = (first.client(), second.client());
    let app = client.app().await;
    let there = app.through(&other);
    publish(&there, "unknown", "{}").await.expect(202);
    settle(&client, json!({"strictCatalogue": true})).await;
    let refuses = eventually("the other node refuses", || async {
        let status = publish(&there, "unknown", "{}").await.status;
        if status == 422 { Ok(()) } else { Err(status) }
    });
    // Within a second, and what a busy machine adds.
    tokio::time::timeout(Duration::from_millis(1500), refuses)
        .await
        .expect("the other node knows within a second");
    event_type(&client, "unknown", json!(null)).await;
    eventually("the other node knows the new event type", || async {
        let status = publish(&there, "unknown", "{}").await.status;
        if status == 202 { Ok(()) } else { Err(status) }
    })
    .await;
}

#[test]
fn a_change_made_on_one_node_counts_on_another() {
    postrider_testkit::run(another_node_honours_a_change_within_a_second());
}
