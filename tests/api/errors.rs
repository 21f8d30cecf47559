//! Every malformed request gets JSON that says what is wrong, and never a 5xx.

use http::Method;
use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::{fault, send_text};

on_both_engines! {
    async fn every_malformed_request_gets_json_and_a_request_id(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let long = "x".repeat(5000);
        let cases: Vec<(Method, String, Option<&str>, u16)> = vec![
            (Method::GET, "/nope".into(), None, 404),
            (Method::GET, "/".into(), None, 404),
            (Method::POST, "/health".into(), None, 405),
            (Method::DELETE, "/app".into(), None, 405),
            (Method::GET, "/app/%ff".into(), None, 400),
            (Method::GET, "/app/%00".into(), None, 404),
            (Method::GET, "/app/a%2Fb".into(), None, 404),
            (Method::GET, format!("/app/{long}"), None, 404),
            (Method::GET, "/app/app_zzzzzzzzzzzzzzzzzzzzzz".into(), None, 404),
            (Method::GET, "/app/app_2Xk4mR1Yy0Zb9cQwErTyUiOpAsD".into(), None, 404),
            (Method::GET, app.path("/msg/msg_%F0%9F%A6%80"), None, 404),
            (Method::GET, app.path("/msg/x/attempt/y"), None, 404),
            (Method::GET, app.path("/endpoint/ep_x"), None, 404),
            (Method::GET, "/event-type/%20".into(), None, 404),
            (Method::DELETE, "/key/key_x".into(), None, 404),
            (Method::GET, "/app?limit=x".into(), None, 422),
            (Method::GET, "/app?limit=99999999999999999999".into(), None, 422),
            (Method::GET, "/app?iterator=%27".into(), None, 422),
            (Method::GET, "/app?iterator=%ff".into(), None, 422),
            (Method::GET, "/event-type?iterator=%00".into(), None, 422),
            (Method::GET, app.path("/msg?before=yesterday"), None, 422),
            (Method::GET, app.path("/msg?channel=%00"), None, 422),
            (Method::POST, "/app".into(), Some(""), 422),
            (Method::POST, "/app".into(), Some("{"), 422),
            (Method::POST, "/app".into(), Some("[]"), 422),
            (Method::POST, "/app".into(), Some("null"), 422),
            (Method::POST, "/app".into(), Some("{\"name\":\"a\"} x"), 422),
            (Method::POST, "/app".into(), Some("{\"name\":\"\\ud800\"}"), 422),
            (Method::POST, app.path("/msg"), Some("{\"eventType\":\"a\",\"payload\":[]}"), 422),
            (Method::POST, app.path("/msg"), Some("{\"eventType\":\"a\",\"payload\":{\"a\":}}"), 422),
            (Method::POST, app.path("/endpoint"), Some("{\"url\":\"ftp://a\"}"), 422),
        ];
        for (method, path, body, status) in cases {
            let reply = client
                .try_send(method, &path, &[], body.map(str::to_owned))
                .await
                .expect("an answer");
            let shown: String = format!("{reply:?}").chars().take(600).collect();
            assert_eq!(reply.status.as_u16(), status, "{shown}");
            let error = reply.json();
            assert!(error["code"].is_string() && !error["detail"].is_null(), "{shown}");
            assert_eq!(reply.header("content-type"), Some("application/json"), "{shown}");
            assert!(reply.header("x-request-id").is_some(), "{shown}");
        }
    }

    async fn a_body_over_the_limit_is_413_announced_or_not(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        // Well above it, so that the answer is ready long before the body is sent.
        let body = format!("{{\"name\":\"{}\"}}", "x".repeat(12 * 1024 * 1024));
        let reply = send_text(&client.with_key("nobody"), Method::POST, "/app", &body).await;
        assert_eq!(reply.code(401), "authentication_failed");
        let reply = send_text(&client, Method::POST, "/app", &body).await;
        assert_eq!(reply.code(413), "payload_too_large");
        // Just below the limit the body is read, and then found too long for a name.
        let body = format!("{{\"name\":\"{}\"}}", "x".repeat(2 * 1024 * 1024 - 11));
        assert_eq!(fault(&send_text(&client, Method::POST, "/app", &body).await), "body.name");
    }

    async fn the_answer_carries_the_clients_request_id(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let asked = client
            .try_send(Method::GET, "/app", &[("x-request-id", "mine-1")], None)
            .await
            .expect("an answer");
        assert_eq!(asked.header("x-request-id"), Some("mine-1"));
        let asked = client
            .try_send(Method::GET, "/app", &[("svix-req-id", "42")], None)
            .await
            .expect("an answer");
        assert_eq!(asked.header("x-request-id"), Some("42"));
    }

    async fn a_trailing_slash_and_any_content_type_are_accepted(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        client.get("/app/").await.expect(200);
        let reply = client
            .try_send(Method::POST, "/app/", &[("content-type", "text/plain")], Some("{\"name\":\"a\",\"future\":[1]}".to_owned()))
            .await
            .expect("an answer");
        reply.expect(201);
        client.get("/health/ping/").await.expect(204);
        client.post("/app", &json!({"name": 5})).await.expect(422);
    }
}
