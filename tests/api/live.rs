//! Streams of events.

use std::time::Duration;

use http::Method;
use postrider_testkit::{
    Answer, Engine, Receiver, Server, TestApp, days_ago, on_both_engines, run,
};
use serde_json::json;

use crate::common::{app_token, with_new_key};

on_both_engines! {
    async fn messages_attempts_changes_and_tasks_are_told_as_they_happen(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let broken = Receiver::always(Answer::status(503)).await;
        let app = client.app().await;
        let mut all = client.follow("/events", None).await;
        all.opened().await;
        let endpoint = app.endpoint(&broken.url()).create().await;
        assert_eq!(all.next_of("endpoint.changed").await.data["appId"], app.id());
        let mut own = client.follow(&app.path("/events/live"), None).await;
        own.opened().await;
        let message = app.publish("invoice.paid", "{}").accepted().await;
        for stream in [&mut all, &mut own] {
            let made = stream.next_of("message.created").await.data;
            assert_eq!((&made["msgId"], &made["eventType"]), (&json!(message), &json!("invoice.paid")));
            let attempt = stream.next_of("attempt.made").await.data;
            assert_eq!(attempt["endpointId"], endpoint.id);
            assert_eq!((&attempt["status"], &attempt["statusCode"]), (&json!(2), &json!(503)));
            assert!(attempt["nextAttemptAt"].is_string() && attempt["durationMs"].is_u64(), "{attempt}");
        }
        let task = endpoint.begin("recover", &json!({"since": days_ago(1)})).await;
        loop {
            let told = all.next_of("task.changed").await.data;
            assert_eq!((&told["taskId"], &told["task"]), (&json!(task), &json!("endpoint.recover")));
            if told["status"] == "finished" {
                break;
            }
        }
    }

    async fn a_stream_tells_of_its_own_application_and_organisation_alone(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (mine, other) = (client.app().await, client.app().await);
        let stranger = server.command(&["key", "create", "--org", "stranger"]).await;
        let stranger = String::from_utf8(stranger.stdout).expect("a key");
        let stranger = client.with_key(stranger.trim());
        let mut theirs = stranger.follow("/events", None).await;
        theirs.opened().await;
        let token = app_token(&client, mine.id(), json!({})).await;
        token.get("/events").await.expect(403);
        token.get(&other.path("/events/live")).await.expect(404);
        let mut own = token.follow(&mine.path("/events/live"), None).await;
        own.opened().await;
        other.publish("not.mine", "{}").accepted().await;
        mine.publish("mine", "{}").accepted().await;
        let first = own.next_of("message.created").await.data;
        assert_eq!(first["eventType"], "mine");
        let app = stranger.app().await;
        app.publish("theirs", "{}").accepted().await;
        assert_eq!(theirs.next_of("message.created").await.data["eventType"], "theirs");
    }

    async fn a_stream_is_taken_up_where_it_broke_off(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let mut stream = client.follow("/events", None).await;
        stream.opened().await;
        let first = app.publish("first", "{}").accepted().await;
        let told = stream.next_of("message.created").await;
        assert_eq!(told.data["msgId"], first);
        drop(stream);
        server.clock().advance(Duration::from_mins(1));
        let missed = app.publish("missed", "{}").accepted().await;
        let mut again = client.follow("/events", Some(&told.id)).await;
        while again.next_of("message.created").await.data["msgId"] != missed {}
        drop(again);
        server.clock().advance(Duration::from_mins(10));
        for old in [told.id.as_str(), "nonsense"] {
            let mut late = client.follow("/events", Some(old)).await;
            assert_eq!(late.next().await.expect("an event").name, "reset", "{old}");
        }
    }

    async fn a_stream_that_breaks_before_it_told_what_was_missed_begins_there_again(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let mut stream = client.follow("/events", None).await;
        stream.opened().await;
        app.publish("first", "{}").accepted().await;
        let told = stream.next_of("message.created").await;
        drop(stream);
        server.clock().advance(Duration::from_mins(1));
        app.publish("missed", "{}").accepted().await;
        let mut again = client.follow("/events", Some(&told.id)).await;
        again.opened().await;
        assert_eq!(again.place(), told.id);
    }

    async fn a_key_or_token_that_ends_ends_its_streams(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let path = app.path("/events/live");
        let token = app_token(&client, app.id(), json!({})).await;
        let made = client.post("/key", &json!({"name": "short"})).await.expect(201);
        let key = client.with_key(made["key"].as_str().expect("a key"));
        let (mut of_token, mut of_key) = (token.follow(&path, None).await, key.follow("/events", None).await);
        of_token.opened().await;
        of_key.opened().await;
        token.post("/auth/logout", &json!({})).await.expect(204);
        while of_token.next().await.is_some() {}
        client.delete(&format!("/key/{}", made["id"].as_str().expect("an id"))).await.expect(204);
        while of_key.next().await.is_some() {}
        let mut of_app = client.follow(&path, None).await;
        of_app.opened().await;
        client.delete(&app.path("")).await.expect(204);
        while of_app.next().await.is_some() {}
    }

    async fn one_key_has_a_bounded_number_of_streams(engine: Engine) {
        let server = Server::start(engine).await;
        let client = with_new_key(&server.client(), json!({})).await;
        let mut held = Vec::new();
        for _ in 0..32 {
            held.push(client.follow("/events", None).await);
        }
        let refused = client.get("/events").await;
        assert_eq!(refused.code(429), "rate_limited");
        assert!(refused.header("retry-after").is_some());
        server.client().follow("/events", None).await.opened().await;
    }

    async fn a_server_that_stops_ends_its_streams_first(engine: Engine) {
        let mut server = Server::start(engine).await;
        let client = server.client();
        let mut stream = client.follow("/events", None).await;
        stream.opened().await;
        assert!(server.terminate().await.success());
        while stream.next().await.is_some() {}
    }

    async fn nobody_follows_without_a_key(engine: Engine) {
        let server = Server::start(engine).await;
        let nobody = server.client().with_key("");
        let reply = nobody.try_send(Method::GET, "/events", &[], None).await.expect("an answer");
        assert_eq!(reply.code(401), "authentication_failed");
    }
}

mod on_postgres {
    use super::*;

    #[test]
    fn what_happens_on_one_node_is_told_by_the_other() {
        run(async {
            let one = Server::on(Engine::Postgres).start().await;
            let two = one.second().start().await;
            let receiver = Receiver::start().await;
            let app = one.client().app().await;
            app.endpoint(&receiver.url()).create().await;
            let mut stream = two.client().follow("/events", None).await;
            stream.opened().await;
            let message = app.publish("a", "{}").accepted().await;
            assert_eq!(
                stream.next_of("message.created").await.data["msgId"],
                message
            );
            assert_eq!(stream.next_of("attempt.made").await.data["msgId"], message);
        });
    }
}
