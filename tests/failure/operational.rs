//! `kill -9` between a change and what is told of it loses nothing.

use std::collections::{HashMap, HashSet};

use postrider_testkit::{Answer, Receiver, Request, Server, on_both_engines};
use serde_json::json;

const KILLS: usize = 8;

on_both_engines! {
    async fn kills_after_a_change_lose_nothing_of_what_is_told_of_it(engine: Engine) {
        let operator = Receiver::start().await;
        let mut server = Server::on(engine).set("REQUEST_TIMEOUT", "5").set("NODE_LEASE", "10").start().await;
        let client = server.client();
        client.post("/operational-webhook/endpoint", &json!({"url": operator.url()})).await.expect(201);
        let app = client.app().await;
        let mut made = Vec::new();
        for _ in 0..KILLS {
            // What nobody could have published before the kill is among these.
            for _ in 0..10 {
                made.push(app.endpoint("http://127.0.0.1:9/").create().await.id);
            }
            server.kill9().await;
            server.restart().await;
        }
        told_once_each(&operator, &["endpointId"], &made).await;
    }

    async fn kills_around_the_end_of_a_delivery_lose_nothing_of_what_is_told_of_it(engine: Engine) {
        let operator = Receiver::start().await;
        let receiver = Receiver::always(Answer::status(500)).await;
        let mut server = Server::on(engine).set("REQUEST_TIMEOUT", "5").set("NODE_LEASE", "10").start().await;
        let client = server.client();
        let listener = json!({"url": operator.url(), "eventTypes": ["message.attempt.exhausted"]});
        client.post("/operational-webhook/endpoint", &listener).await.expect(201);
        let mut ended = Vec::new();
        for _ in 0..KILLS {
            let app = client.app().await;
            let mut endpoints = Vec::new();
            for _ in 0..5 {
                endpoints.push(app.endpoint(&receiver.url()).retries(&[]).create().await.id);
            }
            let before = receiver.count();
            // Too few failures in a row to open a breaker.
            for _ in 0..4 {
                let message = app.publish("a", "{}").accepted().await;
                ended.extend(endpoints.iter().map(|endpoint| format!("{endpoint} {message}")));
            }
            // Some have been sent, some recorded, some told of.
            receiver.received(before + 10).await;
            server.kill9().await;
            server.restart().await;
        }
        told_once_each(&operator, &["endpointId", "msgId"], &ended).await;
    }
}

/// Waits until each of these has been told of. Told twice it is the same message:
/// receivers know it again.
async fn told_once_each(operator: &Receiver, fields: &[&str], all: &[String]) {
    let id = |request: &Request| {
        let body = request.json();
        let text = |field: &&str| body["data"][*field].as_str().expect("an id").to_owned();
        fields.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    let arrived = operator
        .received_until("everything to be told of", |requests| {
            let told: HashSet<_> = requests.iter().map(id).collect();
            all.iter().all(|one| told.contains(one))
        })
        .await;
    let mut messages = HashMap::new();
    for request in &arrived {
        let first = messages
            .entry(id(request))
            .or_insert_with(|| request.message_id().to_owned());
        assert_eq!(first, request.message_id(), "one event under two ids");
    }
}
