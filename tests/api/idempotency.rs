//! The same request again.

use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::{fault, post_once};

on_both_engines! {
    async fn a_repeated_publish_is_the_same_message(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let first = app.publish("a", "{\"x\":1}").idempotency_key("k").accepted().await;
        assert_eq!(app.publish("a", "{\"x\":1}").idempotency_key("k").accepted().await, first);
        let other = app.publish("a", "{\"x\":2}").idempotency_key("k").send().await;
        assert_eq!(other.code(409), "idempotency_mismatch");
        assert_ne!(app.publish("a", "{\"x\":1}").idempotency_key("l").accepted().await, first);
        assert_eq!(client.all(&app.path("/msg")).await.len(), 2);
        let elsewhere = client.app().await;
        assert_ne!(elsewhere.publish("a", "{\"x\":1}").idempotency_key("k").accepted().await, first);
    }

    async fn publishes_with_one_key_at_the_same_time_are_one_message(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let ids = futures_util::future::join_all((0..16).map(|_| async {
            app.publish("a", "{}").idempotency_key("auto_x").accepted().await
        }))
        .await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(client.all(&app.path("/msg")).await.len(), 1);
    }

    async fn every_other_post_answers_as_it_did(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let body = json!({"name": "a"});
        let first = post_once(&client, "/app", "k", &body).await.expect(201);
        assert_eq!(post_once(&client, "/app", "k", &body).await.expect(201), first);
        let other = post_once(&client, "/app", "k", &json!({"name": "b"})).await;
        assert_eq!(other.code(409), "idempotency_mismatch");
        assert_eq!(client.all("/app").await.len(), 1);
    }

    async fn a_failure_frees_the_key(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        post_once(&client, "/app", "k", &json!({"name": ""})).await.expect(422);
        post_once(&client, "/app", "k", &json!({"name": "a"})).await.expect(201);
    }

    async fn posts_with_one_key_at_the_same_time_are_one(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let body = json!({"name": "a"});
        let replies = futures_util::future::join_all((0..8).map(|_| post_once(&client, "/app", "k", &body))).await;
        for reply in &replies {
            assert_eq!(reply.expect(201), replies[0].json());
        }
        assert_eq!(client.all("/app").await.len(), 1);
    }

    async fn a_key_that_is_none_is_refused(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let reply = post_once(&client, "/app", &"k".repeat(257), &json!({"name": "a"})).await;
        assert_eq!(fault(&reply), "header.idempotency-key");
    }
}
