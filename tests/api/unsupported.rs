//! What the official clients can ask for and is not there answers 404 in JSON, whatever the method.

use http::Method;
use postrider_testkit::{Server, on_both_engines};

/// Every route of theirs that leads nowhere, from the root.
const PATHS: &[&str] = &[
    "/api/v1/app/{app}/endpoint/{ep}/transformation",
    "/api/v1/app/{app}/endpoint/{ep}/auto-config",
    "/api/v1/app/{app}/destination",
    "/api/v1/app/{app}/destination/{x}",
    "/api/v1/app/{app}/destination/{x}/transformation",
    "/api/v1/app/{app}/destination/{x}/secret",
    "/api/v1/app/{app}/autoconfig",
    "/api/v1/app/{app}/autoconfig/{x}",
    "/api/v1/app/{app}/integration",
    "/api/v1/app/{app}/integration/{x}",
    "/api/v1/app/{app}/integration/{x}/key",
    "/api/v1/app/{app}/integration/{x}/key/rotate",
    "/api/v1/app/{app}/events",
    "/api/v1/app/{app}/events/subscription/{x}",
    "/api/v1/app/{app}/poller/{x}",
    "/api/v1/app/{app}/poller/{x}/consumer/{x}",
    "/api/v1/app/{app}/poller/{x}/consumer/{x}/seek",
    "/api/v1/app/{app}/polling-endpoint/{x}/consumer/{x}",
    "/api/v1/app/{app}/polling-endpoint/{x}/consumer/{x}/commit",
    "/api/v1/auth/stream-logout",
    "/api/v1/auth/stream-portal-access/{x}",
    "/api/v1/auth/stream/{x}/expire-all",
    "/api/v1/auth/stream/{x}/sink/{x}/poller/token",
    "/api/v1/auth/stream/{x}/sink/{x}/poller/token/rotate",
    "/api/v1/connector",
    "/api/v1/connector/{x}",
    "/api/v1/stream",
    "/api/v1/stream/{x}",
    "/api/v1/stream/event-type",
    "/api/v1/stream/event-type/{x}",
    "/api/v1/stream/{x}/events",
    "/api/v1/stream/{x}/sink",
    "/api/v1/stream/{x}/sink/{x}",
    "/api/v1/stream/{x}/sink/{x}/events",
    "/api/v1/stream/{x}/sink/{x}/headers",
    "/api/v1/stream/{x}/sink/{x}/secret",
    "/api/v1/stream/{x}/sink/{x}/secret/rotate",
    "/api/v1/stream/{x}/sink/{x}/transformation",
    "/api/v1/admin/redrive-dlq",
    "/ingest/api/v1/source",
    "/ingest/api/v1/source/{x}",
    "/ingest/api/v1/source/{x}/dashboard",
    "/ingest/api/v1/source/{x}/token/rotate",
    "/ingest/api/v1/source/{x}/endpoint",
    "/ingest/api/v1/source/{x}/endpoint/{x}",
    "/ingest/api/v1/source/{x}/endpoint/{x}/headers",
    "/ingest/api/v1/source/{x}/endpoint/{x}/secret",
    "/ingest/api/v1/source/{x}/endpoint/{x}/secret/rotate",
    "/ingest/api/v1/source/{x}/endpoint/{x}/transformation",
];

on_both_engines! {
    async fn what_is_not_there_is_not_found_by_any_method(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint("http://127.0.0.1:9/").create().await;
        for path in PATHS {
            let path = path.replace("{app}", app.id()).replace("{ep}", &endpoint.id).replace("{x}", "x");
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                for path in [path.clone(), format!("{path}/")] {
                    let request = client.request(method.clone(), &path).body("{}");
                    let answer = request.send().await.expect("an answer");
                    let (status, kind) = (answer.status().as_u16(), answer.headers()["content-type"].clone());
                    let body: serde_json::Value = answer.json().await.expect("JSON");
                    assert_eq!((status, kind.as_bytes()), (404, &b"application/json"[..]), "{method} {path}: {body}");
                    assert_eq!(body["code"], "not_found", "{method} {path}");
                    assert!(body["detail"].is_string(), "{method} {path}");
                }
            }
        }
    }
}
