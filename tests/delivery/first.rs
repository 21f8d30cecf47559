//! One event, all the way.

use std::collections::BTreeSet;

use postrider_testkit::{Answer, Receiver, Server, on_both_engines};
use serde_json::json;

on_both_engines! {
    async fn an_event_arrives_signed_and_is_recorded(engine: Engine) {
        let answer = Answer::status(201).header("x-answer", "yes").body("thanks");
        let receiver = Receiver::always(answer).await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let endpoint = app
            .endpoint(&receiver.url_of("/hook?a=b"))
            .set("headers", json!({ "X-Custom": "confidential" }))
            .create()
            .await;
        let secret = endpoint.secret().await;
        let id = app.publish("user.created", r#"{"id": 1}"#).accepted().await;

        let request = receiver.first().await;
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook?a=b"));
        assert_eq!(request.text(), r#"{"id": 1}"#);
        assert_eq!(request.message_id(), id);
        assert_eq!(request.attempt(), 1);
        assert_eq!(request.only_header("webhook-event-type"), "user.created");
        assert_eq!(request.only_header("content-type"), "application/json");
        assert_eq!(request.only_header("x-custom"), "confidential");
        let agent = request.only_header("user-agent");
        assert!(agent.starts_with("Postrider/"), "{agent}");
        let verified = request.verify(&secret).unwrap();
        assert_eq!(verified.id, id);

        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        assert_eq!(attempt["statusText"], "success", "{attempt}");
        assert_eq!(attempt["responseStatusCode"], 201);
        assert_eq!(attempt["response"], "thanks");
        assert_eq!(attempt["attemptNumber"], 1);
        assert_eq!(attempt["url"], receiver.url_of("/hook?a=b"));
        assert_eq!(attempt["endpointId"], endpoint.id);
        assert_eq!(attempt["nextAttemptAt"], json!(null));
        let answered = attempt["responseHeaders"].to_string();
        assert!(answered.contains("x-answer"), "{answered}");
        assert!(!attempt.to_string().contains("confidential"), "custom headers by name only");
        // Of what was sent, the record has the signed values as they were.
        let sent = &attempt["requestHeaders"];
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            assert_eq!(sent[name], request.only_header(name), "{sent}");
        }
        assert!(!server.logs().contains(&secret), "secrets are not logged");
    }

    async fn each_endpoint_gets_what_it_asked_for_and_no_more(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        for name in ["user.created", "user.deleted"] {
            let body = json!({ "name": name, "description": "" });
            server.client().post("/event-type", &body).await.expect(201);
        }
        let url = |name: &str| receiver.url_of(&format!("/{name}"));
        app.endpoint(&url("all")).create().await;
        app.endpoint(&url("created")).event_types(&["user.created"]).create().await;
        app.endpoint(&url("eu")).channels(&["eu"]).create().await;
        app.endpoint(&url("off")).set("disabled", true).create().await;

        app.publish("user.created", "{}").accepted().await;
        app.publish("user.deleted", "{}").channels(&["eu"]).accepted().await;
        app.publish("user.deleted", "{}").channels(&["us"]).accepted().await;
        // all: 3, created: 1, eu: 1; the last of all tells that the others had their turn.
        let arrived = receiver.received(5).await;
        let seen: BTreeSet<(String, String)> = arrived
            .iter()
            .map(|request| {
                (request.path.clone(), request.only_header("webhook-event-type").to_owned())
            })
            .collect();
        let expected = [
            ("/all", "user.created"),
            ("/all", "user.deleted"),
            ("/created", "user.created"),
            ("/eu", "user.deleted"),
        ];
        let expected = expected.map(|(path, kind)| (path.to_owned(), kind.to_owned()));
        assert_eq!(seen, expected.into());
        assert_eq!(receiver.count(), 5);
    }

    async fn the_svix_header_family_is_sent_where_it_is_asked_for(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let draft = app.endpoint(&receiver.url()).set("headerFamily", "svix");
        let secret = draft.create().await.secret().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let request = receiver.first().await;
        assert_eq!(request.only_header("svix-id"), id);
        assert!(request.header("webhook-id").is_none());
        request.verify(&secret).unwrap();
    }
}
