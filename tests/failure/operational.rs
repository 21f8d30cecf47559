//! `kill -9` between a change and what is told of it loses nothing.

use postrider_testkit::{Receiver, Request, Server, on_both_engines};
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
        let id = |request: &Request| request.json()["data"]["endpointId"].as_str().expect("an id").to_owned();
        let arrived = operator
            .received_until("every endpoint to be told of", |all| {
                let told: std::collections::HashSet<_> = all.iter().map(id).collect();
                made.iter().all(|one| told.contains(one))
            })
            .await;
        // Told twice it is the same message: receivers know it again.
        let mut messages = std::collections::HashMap::new();
        for request in &arrived {
            let first = messages.entry(id(request)).or_insert_with(|| request.message_id().to_owned());
            assert_eq!(first, request.message_id(), "one event under two ids");
        }
    }
}
