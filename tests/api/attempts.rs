//! The record of deliveries, as the API shows it.

use postrider_testkit::{Answer, Receiver, Server, on_both_engines};
use serde_json::json;

on_both_engines! {
    async fn a_delivery_is_seen_from_message_and_endpoint(engine: Engine) {
        let (server, receiver) = (Server::start(engine).await, Receiver::start().await);
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).set("uid", "one").set("headers", json!({"x-a": "hidden"})).create().await;
        let message = app.publish("a", "{\"x\":1}").event_id("e").channels(&["c"]).accepted().await;
        let attempt = app.attempts_reach(&message, 1).await.remove(0);
        assert_eq!((&attempt["msgId"], &attempt["endpointId"]), (&json!(message), &json!(endpoint.id)));
        assert_eq!((&attempt["status"], &attempt["statusText"], &attempt["triggerType"]), (&json!(0), &json!("success"), &json!(0)));
        assert_eq!((&attempt["attemptNumber"], &attempt["failure"]), (&json!(1), &json!(null)));
        assert_eq!(attempt["requestHeaders"]["x-a"], json!(null));
        assert!(attempt["requestHeaders"]["webhook-signature"].is_string(), "{attempt}");
        let request = receiver.received(1).await.remove(0);
        let recorded = attempt["requestHeaders"].as_object().expect("headers");
        for (name, value) in &request.headers {
            // HTTP's own, and the server's version, are not recorded.
            if !["host", "content-length", "accept", "accept-encoding", "user-agent"].contains(&name.as_str()) {
                let shown = recorded.get(name).unwrap_or_else(|| panic!("{name} is not in {attempt}"));
                assert!(shown.is_null() || shown.as_str().map(str::as_bytes) == Some(&value[..]), "{name}: {shown}");
            }
        }
        assert!(recorded.keys().all(|name| request.header(name).is_some()), "{attempt}");
        let id = attempt["id"].as_str().expect("an id");
        let one = client.get(&app.path(&format!("/msg/e/attempt/{id}"))).await.expect(200);
        assert_eq!(one, attempt);
        assert_eq!(endpoint.attempts().await, [attempt]);

        let messages = client.all(&app.path("/endpoint/one/msg")).await;
        assert_eq!((&messages[0]["id"], &messages[0]["statusText"], &messages[0]["payload"]), (&json!(message), &json!("success"), &json!({"x": 1})));
        let endpoints = client.all(&app.path("/msg/e/endpoint")).await;
        assert_eq!((&endpoints[0]["id"], &endpoints[0]["statusText"]), (&json!(endpoint.id), &json!("success")));

        for (query, count) in [
            ("status=0", 1), ("status=2", 0), ("status=4", 0), ("status_code_class=200", 1), ("status_code_class=500", 0),
            ("channel=c", 1), ("channel=d", 0), ("event_types=a", 1), ("event_types=b", 0),
            ("before=2020-01-01T00:00:00Z", 0), ("after=2020-01-01T00:00:00Z&before=2999-01-01T00:00:00Z", 1), ("expanded_statuses=true", 1),
        ] {
            for path in ["/attempt/endpoint/one", "/attempt/msg/e"] {
                let page = client.get(&app.path(&format!("{path}?{query}"))).await.expect(200);
                assert_eq!(page["data"].as_array().expect("rows").len(), count, "{path}?{query}");
            }
        }
        let page = client.get(&app.path("/attempt/msg/e?endpoint_id=one&with_content=false")).await.expect(200);
        assert_eq!(page["data"][0]["response"], "{}");
        client.get(&app.path("/attempt/msg/e?endpoint_id=nobody")).await.expect(404);
        client.get(&app.path("/attempt/msg/e?status=5")).await.expect(422);
    }

    async fn an_answer_can_be_deleted(engine: Engine) {
        let (server, receiver) = (Server::start(engine).await, Receiver::start().await);
        let client = server.client();
        let app = client.app().await;
        app.endpoint(&receiver.url()).create().await;
        let message = app.publish("a", "{}").accepted().await;
        let attempt = app.attempts_reach(&message, 1).await.remove(0);
        let path = app.path(&format!("/msg/{message}/attempt/{}", attempt["id"].as_str().expect("an id")));
        client.delete(&format!("{path}/content")).await.expect(204);
        assert_eq!(client.get(&path).await.field("response"), "EXPUNGED");
    }

    async fn a_resend_makes_one_manual_attempt(engine: Engine) {
        let (server, receiver) = (Server::start(engine).await, Receiver::start().await);
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let message = app.publish("a", "{}").accepted().await;
        app.attempts_reach(&message, 1).await;
        assert_eq!(endpoint.resend(&message).await.expect(202), json!({}));
        let attempts = app.attempts_reach(&message, 2).await;
        assert_eq!(attempts[1]["triggerType"], 1);

        endpoint.patch(&json!({"disabled": true})).await;
        assert_eq!(endpoint.resend(&message).await.code(400), "endpoint_disabled");
        endpoint.patch(&json!({"disabled": false})).await;
        client.delete(&app.path(&format!("/msg/{message}/content"))).await.expect(204);
        assert_eq!(endpoint.resend(&message).await.code(400), "missing_payload");
    }

    async fn a_failure_says_what_came_back_and_when_the_next_attempt_is_due(engine: Engine) {
        let (server, receiver) = (Server::start(engine).await, Receiver::start().await);
        let app = server.client().app().await;
        receiver.now_answer(Answer::status(503).body("not now"));
        let endpoint = app.endpoint(&receiver.url()).retries(&[3600]).create().await;
        let message = app.publish("a", "{}").accepted().await;
        let attempt = app.attempts_reach(&message, 1).await.remove(0);
        assert_eq!((&attempt["status"], &attempt["responseStatusCode"], &attempt["response"]), (&json!(2), &json!(503), &json!("not now")));
        assert_eq!((&attempt["failure"], &attempt["nextAttemptReason"]), (&json!("http"), &json!("policy")));
        assert!(attempt["nextAttemptAt"].is_string(), "{attempt}");
        let messages = server.client().all(&endpoint.path("/msg")).await;
        assert_eq!((&messages[0]["status"], &messages[0]["statusText"]), (&json!(3), &json!("sending")));
        let destination = app.destinations(&message).await.remove(0);
        assert_eq!(destination["status"], 2);
        assert!(destination["nextAttempt"].is_string(), "{destination}");
    }
}
