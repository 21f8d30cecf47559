//! Each way in which a request can be wrong, on every operation that knows it.

use std::io::{Read, Write};
use std::net::TcpStream;

use http::Method;
use postrider_testkit::{Server, eventually, on_both_engines};
use serde_json::{Value, json};

use super::{Made, Operation, operations};
use crate::common::fault;

/// A value of a query that the parameter's schema does not allow, if there is one.
fn bad_value(schema: &Value) -> Option<String> {
    if schema.get("enum").is_some() {
        return Some("nonsense".to_owned());
    }
    match (schema["type"].as_str()?, schema["format"].as_str()) {
        ("boolean", _) => Some("maybe".to_owned()),
        ("integer", _) => {
            let most = schema["maximum"].as_u64();
            Some(most.map_or_else(|| "x".to_owned(), |most| (most + 1).to_string()))
        }
        ("string", Some("date-time")) => Some("yesterday".to_owned()),
        _ => None,
    }
}

/// What `PUT` makes where there is nothing.
fn makes(operation: &Operation, segment: &str) -> bool {
    operation.method == Method::PUT && operation.path.ends_with(&format!("{{{segment}}}"))
}

/// Sends the head of a request that announces a large body, and gives the answer's status.
fn announce(server: &str, operation: &Operation, path: &str, key: &str) -> String {
    let address = server.strip_prefix("http://").expect("a url");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let head = format!(
        "{} /api/v1{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-length: 90000000\r\nconnection: close\r\n\r\n",
        operation.method
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

on_both_engines! {
    async fn every_segment_of_every_path_that_names_nothing_is_404(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        let mut tried = 0;
        for operation in operations(&client).await {
            for segment in operation.segments() {
                if makes(&operation, segment) {
                    continue;
                }
                let path = made.path(&operation.path, Some(segment));
                let body = made.body(&operation).map(|body| body.to_string());
                let reply = operation.send(&client, &path, body).await;
                assert_eq!(reply.code(404), "not_found", "{operation:?} without {segment}");
                assert!(operation.documents("404"), "{operation:?}");
                tried += 1;
            }
        }
        assert!(tried > 40, "{tried}");
    }

    async fn every_bad_value_of_every_query_is_422_and_named(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        let mut tried = 0;
        for operation in operations(&client).await {
            for parameter in operation.query() {
                let name = parameter["name"].as_str().expect("a name");
                let Some(bad) = bad_value(&parameter["schema"]) else {
                    continue;
                };
                let path = format!("{}?{name}={bad}", made.path(&operation.path, None));
                let body = made.body(&operation).map(|body| body.to_string());
                let reply = operation.send(&client, &path, body).await;
                assert_eq!(fault(&reply), format!("query.{name}"), "{operation:?}");
                assert!(operation.documents("422"), "{operation:?}");
                tried += 1;
            }
        }
        assert!(tried > 60, "{tried}");
    }

    async fn every_body_that_is_no_object_is_422(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        for operation in operations(&client).await {
            if operation.example().is_none() {
                continue;
            }
            let path = made.path(&operation.path, None);
            for bad in ["{", "[]", "[null, null]", "5", "\"a\"", "{\"a\":1} b", "\u{0}"] {
                let reply = operation.send(&client, &path, Some(bad.to_owned())).await;
                assert_eq!(fault(&reply).split('.').next(), Some("body"), "{operation:?} {bad}");
            }
        }
    }

    async fn every_body_that_is_too_large_is_413(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        for operation in operations(&client).await {
            if operation.example().is_none() {
                continue;
            }
            let path = made.path(&operation.path, None);
            let answer = announce(&server.url(), &operation, &path, server.key());
            assert!(answer.starts_with("HTTP/1.1 413 "), "{operation:?}: {answer}");
            assert!(answer.contains("\"payload_too_large\""), "{operation:?}: {answer}");
            assert!(operation.documents("413"), "{operation:?}");
        }
    }

    async fn everything_that_may_be_refused_for_now_is_429_and_says_for_how_long(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        let all = operations(&client).await;
        // So many messages wait for one endpoint that tasks for it wait too.
        let slow = made.app.endpoint("http://127.0.0.1:9/").set("throttleRate", 1).create().await;
        let messages = vec![json!({"eventType": "a", "payload": {}}); 1_000];
        for _ in 0..4 {
            let batch = json!({"messages": messages});
            client.post(&made.app.path("/msg/batch"), &batch).await.expect(202);
        }
        let recover = made.app.path(&format!("/endpoint/{}/recover", slow.id));
        for _ in 0..100 {
            client.post(&recover, &json!({"since": made.since})).await.expect(202);
        }
        client.patch("/settings", &json!({"rateLimit": 1})).await.expect(200);
        let mut tried = 0;
        for operation in all.iter().filter(|operation| operation.documents("429")) {
            // Streams are refused by their number: see `live.rs`.
            if operation.method == Method::GET {
                continue;
            }
            let path = made.path(&operation.path, None);
            let body = if operation.path.ends_with("/send-example") {
                Some(json!({"eventType": "svix.ping"}))
            } else if operation.path.ends_with("/stats/usage/app") {
                let until = format!("{}T23:59:59.999999Z", &made.since[..10]);
                Some(json!({"since": made.since, "until": until}))
            } else {
                made.body(operation)
            };
            let body = body.map(|body| body.to_string());
            // The first message of each second passes.
            let refused = eventually(&format!("{operation:?} to be refused"), async || {
                let reply = operation.send(&client, &path, body.clone()).await;
                if reply.status == 429 { Ok(reply) } else { Err(reply.status) }
            })
            .await;
            assert!(refused.header("retry-after").is_some(), "{operation:?}");
            assert_eq!(refused.code(429), "rate_limited", "{operation:?}");
            tried += 1;
        }
        assert!(tried >= 9, "{tried}");
    }

    async fn every_method_that_a_path_does_not_know_is_405_with_those_that_it_knows(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        let all = operations(&client).await;
        for one in &all {
            let path = made.path(&one.path, None);
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if all.iter().any(|other| other.method == method && other.matches(&path)) {
                    continue;
                }
                let reply = client.try_send(method.clone(), &path, &[], None).await.expect("an answer");
                assert_eq!(reply.code(405), "method_not_allowed", "{method} {path}");
                let allow = reply.header("allow").unwrap_or_default().to_owned();
                assert!(allow.contains(one.method.as_str()), "{method} {path}: {allow}");
            }
        }
    }

    async fn every_post_under_a_known_key_is_answered_once_and_another_body_is_409(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = Made::by(&client).await;
        let mut tried = 0;
        for operation in operations(&client).await {
            let (Some(example), true) = (made.body(&operation), operation.method == Method::POST) else {
                continue;
            };
            let path = made.path(&operation.path, None);
            let headers = [("idempotency-key", operation.path.as_str())];
            let once = async |body: &Value| {
                let sent = client.try_send(Method::POST, &path, &headers, Some(body.to_string()));
                sent.await.expect("an answer")
            };
            let first = once(&example).await;
            if !first.status.is_success() {
                continue;
            }
            let again = once(&example).await;
            assert_eq!((again.status, again.json()), (first.status, first.json()), "{operation:?}");
            let mut other = example.clone();
            let changed = if operation.path.ends_with("/msg/batch") {
                &mut other["messages"][0]
            } else {
                &mut other
            };
            changed["aFieldOfTheFuture"] = json!(1);
            let other = once(&other).await;
            if operation.path.ends_with("/msg/batch") {
                // Each message of a batch is answered for itself.
                let answer = other.ok();
                assert_eq!(answer["data"][0]["status"], 409, "{answer}");
                assert_eq!(answer["data"][0]["error"]["code"], "idempotency_mismatch", "{answer}");
            } else {
                assert_eq!(other.code(409), "idempotency_mismatch", "{operation:?}");
                assert!(operation.documents("409"), "{operation:?}");
            }
            tried += 1;
        }
        assert!(tried >= 6, "{tried}");
        drop(made.receiver);
    }
}
