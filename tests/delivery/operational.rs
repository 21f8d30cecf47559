//! Organisations hear of their own endpoints and deliveries.

use postrider_testkit::{Answer, App, Client, Receiver, Request, Server, on_both_engines};
use serde_json::{Value, json};

/// An operational endpoint at the receiver; gives what its deliveries are verified with.
async fn listen(client: &Client, receiver: &Receiver, event_types: &Value) -> String {
    let body = json!({"url": receiver.url(), "eventTypes": event_types});
    let made = client
        .post("/operational-webhook/endpoint", &body)
        .await
        .expect(201);
    let id = made["id"].as_str().expect("an id");
    client
        .get(&format!("/operational-webhook/endpoint/{id}/secret"))
        .await
        .field("key")
}

/// Waits for `count` events, checks that each is signed, and gives type and data, in the
/// order in which they happened.
async fn heard(receiver: &Receiver, secret: &str, count: usize) -> Vec<(String, Value)> {
    let mut requests = receiver.received(count).await;
    assert_eq!(requests.len(), count, "{receiver:?}");
    requests.sort_by(|a, b| a.message_id().cmp(b.message_id()));
    let event = |request: &Request| {
        request.verify(secret).expect("a good signature");
        let body = request.json();
        let name = body["type"].as_str().expect("a type").to_owned();
        assert_eq!(request.header("webhook-event-type"), Some(name.as_str()));
        (name, body["data"].clone())
    };
    requests.iter().map(event).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|event| event.0.as_str()).collect()
}

async fn app_with_uid(client: &Client, uid: &str) -> App {
    client
        .post("/app", &json!({"name": "a", "uid": uid}))
        .await
        .expect(201);
    let id = client.get(&format!("/app/{uid}")).await.field("id");
    client.app_of(&id)
}

on_both_engines! {
    async fn changes_of_endpoints_are_told_and_signed(engine: Engine) {
        let operator = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let app = app_with_uid(&client, "customer-1").await;
        // Nobody listens yet: this one is not told.
        app.endpoint("http://127.0.0.1:9/").create().await;
        let secret = listen(&client, &operator, &Value::Null).await;
        let endpoint = app.endpoint("http://127.0.0.1:9/").set("uid", "mine").create().await;
        endpoint.patch(&json!({"description": "changed"})).await;
        endpoint.patch(&json!({"disabled": true})).await;
        endpoint.delete().await;
        let events = heard(&operator, &secret, 5).await;
        assert_eq!(
            names(&events),
            ["endpoint.created", "endpoint.updated", "endpoint.updated", "endpoint.disabled", "endpoint.deleted"]
        );
        for (name, data) in &events {
            assert_eq!(data["appId"], app.id(), "{name}");
            assert_eq!(data["appUid"], "customer-1", "{name}");
            assert_eq!(data["endpointId"], endpoint.id.as_str(), "{name}");
            assert_eq!(data["endpointUid"], "mine", "{name}");
        }
        assert_eq!(events[3].1["trigger"], "manual");
        // Deleting an application deletes the endpoint that is left.
        client.delete(&app.path("")).await.expect(204);
        let events = heard(&operator, &secret, 6).await;
        assert_eq!(names(&events)[5], "endpoint.deleted");
    }

    async fn a_delivery_that_fails_is_told_of_after_four_failures_and_when_it_is_given_up(engine: Engine) {
        let operator = Receiver::start().await;
        let receiver = Receiver::always(Answer::status(503)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1,1,1,1").start().await;
        let client = server.client();
        let secret = listen(&client, &operator, &json!([
            "message.attempt.failing", "message.attempt.exhausted", "message.attempt.recovered"
        ])).await;
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").event_id("event-1").accepted().await;
        let events = heard(&operator, &secret, 2).await;
        assert_eq!(names(&events), ["message.attempt.failing", "message.attempt.exhausted"]);
        let attempts = app.attempts_reach(&id, 5).await;
        for ((name, data), attempt) in events.iter().zip([&attempts[3], &attempts[4]]) {
            assert_eq!(data["appId"], app.id(), "{name}");
            assert_eq!(data["endpointId"], endpoint.id.as_str(), "{name}");
            assert_eq!(data["msgId"], id.as_str(), "{name}");
            assert_eq!(data["msgEventId"], "event-1", "{name}");
            assert_eq!(data["lastAttempt"]["id"], attempt["id"], "{name}");
            assert_eq!(data["lastAttempt"]["responseStatusCode"], 503, "{name}");
            assert!(data["lastAttempt"]["timestamp"].is_string(), "{name}");
        }
        // Sent again by hand it succeeds: once told, not twice.
        receiver.now_answer(Answer::status(200));
        for sent in 6..8 {
            endpoint.resend(&id).await.expect(202);
            app.attempts_reach(&id, sent).await;
        }
        let events = heard(&operator, &secret, 3).await;
        assert_eq!(names(&events)[2], "message.attempt.recovered");
        assert_eq!(events[2].1["msgId"], id.as_str());
        // One that failed fewer times than it takes to be told of recovers in silence.
        let quiet = Receiver::in_turn([Answer::status(500), Answer::status(200)]).await;
        let other = client.app().await;
        other.endpoint(&quiet.url()).create().await;
        let silent = other.publish("a.b", "{}").accepted().await;
        other.ends(&silent, "success").await;
        client.post("/operational-webhook/endpoint", &json!({"url": operator.url()})).await.expect(201);
        app.endpoint("http://127.0.0.1:9/").create().await;
        operator.received(4).await;
        assert_eq!(operator.requests()[3].json()["type"], "endpoint.created");
    }

    async fn a_delivery_that_was_told_to_fail_is_told_to_recover(engine: Engine) {
        let operator = Receiver::start().await;
        let failing = [500, 500, 500, 500, 200].map(Answer::status);
        let receiver = Receiver::in_turn(failing).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1,1,1,1,1").start().await;
        let client = server.client();
        let secret = listen(&client, &operator, &json!(["message.attempt.failing", "message.attempt.recovered"])).await;
        let app = client.app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let events = heard(&operator, &secret, 2).await;
        assert_eq!(names(&events), ["message.attempt.failing", "message.attempt.recovered"]);
        assert_eq!(events[1].1["msgId"], id.as_str());
        assert_eq!(events[1].1["lastAttempt"]["responseStatusCode"], 200);
    }

    async fn an_endpoint_that_is_gone_is_told_to_be_disabled(engine: Engine) {
        let operator = Receiver::start().await;
        let receiver = Receiver::always(Answer::status(410)).await;
        let server = Server::start(engine).await;
        let client = server.client();
        let secret = listen(&client, &operator, &json!(["endpoint.disabled"])).await;
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        app.publish("a.b", "{}").accepted().await;
        let events = heard(&operator, &secret, 1).await;
        assert_eq!(events[0].1["endpointId"], endpoint.id.as_str());
        assert_eq!(events[0].1["trigger"], "automatic");
        assert!(events[0].1["failSince"].is_string(), "{events:?}");
    }

    async fn an_event_is_repeated_until_it_arrives_and_failing_to_arrive_is_not_told(engine: Engine) {
        let operator = Receiver::in_turn([500, 500, 500, 500, 500, 200].map(Answer::status)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1,1,1,1,1,1").start().await;
        let client = server.client();
        let secret = listen(&client, &operator, &Value::Null).await;
        client.app().await.endpoint("http://127.0.0.1:9/").create().await;
        operator.received(6).await;
        client.app().await.endpoint("http://127.0.0.1:9/").create().await;
        let requests = operator.received(7).await;
        for request in &requests {
            request.verify(&secret).expect("a good signature");
            assert_eq!(request.json()["type"], "endpoint.created");
        }
        assert_eq!(operator.message_ids().len(), 2);
    }

    async fn nothing_leads_to_the_hidden_application(engine: Engine) {
        let operator = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let secret = listen(&client, &operator, &Value::Null).await;
        let app = client.app().await;
        app.endpoint("http://127.0.0.1:9/").create().await;
        heard(&operator, &secret, 1).await;
        let apps = client.all("/app").await;
        assert_eq!(apps.len(), 1, "{apps:?}");
        let operational = client.all("/operational-webhook/endpoint").await;
        let id = operational[0]["id"].as_str().expect("an id");
        client.get(&app.path(&format!("/endpoint/{id}"))).await.expect(404);
        // The other way round neither.
        let own = client.all(&app.path("/endpoint")).await;
        let own = own[0]["id"].as_str().expect("an id");
        client.get(&format!("/operational-webhook/endpoint/{own}")).await.expect(404);
    }
}
