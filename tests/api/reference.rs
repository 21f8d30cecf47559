//! What describes the server: OpenAPI, the reference page, health, metrics; and CORS.

use http::Method;
use postrider_testkit::{Server, on_both_engines};

/// What a node that delivers does again and again.
const SERVICES: [&str; 11] = [
    "change_feed",
    "claimer",
    "fan_out",
    "gauges",
    "heartbeat",
    "janitor",
    "outbox_publisher",
    "rescuer",
    "rollup",
    "task_runner",
    "work_watch",
];

on_both_engines! {
    async fn the_document_is_the_checked_in_one_and_the_page_shows_it(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let document = client.get("/openapi.json").await.expect(200);
        let checked_in: serde_json::Value = serde_json::from_str(include_str!("../../openapi.json")).expect("JSON");
        assert_eq!(document, checked_in);
        let page = client.with_key("").request(Method::GET, "/docs").send().await.expect("an answer");
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(page.text().await.expect("text").contains("v1.message.create"));
    }

    async fn health_tells_how_each_part_is(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client().with_key("");
        let health = client.get("/health").await.expect(200);
        for part in ["database", "ingest", "claimer", "worker"] {
            assert_eq!(health[part]["status"], "ok", "{health}");
        }
        for service in SERVICES {
            assert_eq!(health["services"][service]["status"], "ok", "{service}: {health}");
        }
        let head = client.try_send(Method::HEAD, "/health", &[], None).await.expect("an answer");
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
        client.get("/health/ping").await.expect(204);
        let ping = client.try_send(Method::HEAD, "/health/ping", &[], None).await.expect("an answer");
        assert_eq!(ping.status, 204);
    }

    async fn metrics_count_requests_by_operation(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        client.get("/app/nobody").await.expect(404);
        let text = client.request(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("text");
        let line = "postrider_http_requests_total{operation=\"v1.application.get\",status=\"4xx\"} 1";
        assert!(text.contains(line), "{text}");
        for service in SERVICES {
            let errors = format!("postrider_service_errors_total{{service=\"{service}\"}}");
            assert!(text.contains(&errors), "{errors}: {text}");
        }
    }

    async fn browsers_may_call_from_anywhere_without_credentials(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let headers = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization,x-anything"),
        ];
        let reply = client.try_send(Method::OPTIONS, "/app/x", &headers, None).await.expect("an answer");
        assert!(reply.status.is_success(), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("access-control-allow-methods"), Some("PATCH"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("authorization,x-anything"));
        assert_eq!(reply.header("access-control-max-age"), Some("600"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert!(reply.header("x-request-id").is_some());
        let reply = client.try_send(Method::GET, "/nope", &headers[..1], None).await.expect("an answer");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
}
