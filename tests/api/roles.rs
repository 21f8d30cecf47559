//! What nodes answer that do a part of the work.

use http::Method;
use postrider_testkit::{Engine, Server};
use serde_json::json;

#[test]
fn a_worker_tells_how_it_is_and_serves_nothing_else() {
    postrider_testkit::run(async {
        let api = Server::on(Engine::Postgres)
            .set("ROLE", "api")
            .start()
            .await;
        let app = api.client().app().await;
        let worker = api.second().set("ROLE", "worker").start().await;
        let client = worker.client();
        client.get("/health").await.expect(200);
        client.get("/health/ping").await.expect(204);
        let root = async |path: &str| {
            let asked = client.request(Method::GET, path).send().await;
            asked.expect("an answer").status().as_u16()
        };
        assert_eq!(root("/metrics").await, 200);
        assert_eq!(root("/docs").await, 404);
        let message = json!({"eventType": "a", "payload": {}});
        let refused = client.post(&app.path("/msg"), &message).await;
        assert_eq!(refused.code(404), "not_found");
        assert!(refused.text.contains("POSTRIDER_ROLE"), "{refused:?}");
        for path in ["/app", "/openapi.json", "/key"] {
            assert_eq!(client.get(path).await.code(404), "not_found", "{path}");
        }
        assert!(api.client().all(&app.path("/msg")).await.is_empty());
    });
}

#[test]
fn a_part_of_the_work_on_a_sqlite_file_is_a_wrong_setting() {
    postrider_testkit::run(async {
        for role in ["api", "worker"] {
            let refused = Server::on(Engine::Sqlite).set("ROLE", role).refused().await;
            assert_eq!(refused.status.code(), Some(2));
            let said = String::from_utf8_lossy(&refused.stderr);
            let start = format!(
                "POSTRIDER_ROLE = \"{role}\" (environment): must be all with a SQLite database"
            );
            assert!(said.contains(&start), "{said}");
        }
    });
}
