//! Who may do what: every operation against every kind of key.

use http::Method;
use postrider_testkit::{Client, Reply, Server, on_both_engines};
use serde_json::{Value, json};

use crate::common::with_new_key;

/// What a key of one application may do.
const FOR_APPLICATIONS: &[&str] = &[
    "v1.application.get",
    "v1.background-task.cancel",
    "v1.background-task.get",
    "v1.background-task.list",
    "v1.endpoint.bulk-replay",
    "v1.endpoint.create",
    "v1.endpoint.delete",
    "v1.endpoint.get",
    "v1.endpoint.get-headers",
    "v1.endpoint.get-secret",
    "v1.endpoint.get-stats",
    "v1.endpoint.list",
    "v1.endpoint.patch",
    "v1.endpoint.patch-headers",
    "v1.endpoint.recover",
    "v1.endpoint.recover-preview",
    "v1.endpoint.replay-missing",
    "v1.endpoint.rotate-secret",
    "v1.endpoint.update",
    "v1.endpoint.update-headers",
    "v1.event-type.get",
    "v1.event-type.list",
    "v1.message-attempt.expunge-content",
    "v1.message-attempt.get",
    "v1.message-attempt.list-attempted-destinations",
    "v1.message-attempt.list-attempted-messages",
    "v1.message-attempt.list-by-endpoint",
    "v1.message-attempt.list-by-msg",
    "v1.message-attempt.resend",
    "v1.message.get",
    "v1.message.list",
];

struct Operation {
    id: String,
    method: Method,
    path: String,
}

/// Every operation that needs a key, by the server's own description.
async fn operations(client: &Client) -> Vec<Operation> {
    let document = client.get("/openapi.json").await.ok();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, described) in item.as_object().expect("operations") {
            if described["security"].is_array() {
                operations.push(Operation {
                    id: described["operationId"].as_str().expect("an id").to_owned(),
                    method: method.to_uppercase().parse().expect("a method"),
                    path: path
                        .strip_prefix("/api/v1")
                        .expect("below /api/v1")
                        .to_owned(),
                });
            }
        }
    }
    assert!(
        operations.len() > 30,
        "only {} operations",
        operations.len()
    );
    operations
}

async fn ask(client: &Client, operation: &Operation, app: &str) -> Reply {
    let path = operation.path.replace("{app_id}", app);
    // Names that exist nowhere: whoever gets so far hears 404, 422 or an empty list.
    let path = [
        "endpoint_id",
        "msg_id",
        "attempt_id",
        "event_type_name",
        "key_id",
        "task_id",
    ]
    .iter()
    .fold(path, |path, name| {
        path.replace(&format!("{{{name}}}"), "nobody")
    });
    let body = (operation.method != Method::GET).then(|| "{}".to_owned());
    client
        .try_send(operation.method.clone(), &path, &[], body)
        .await
        .expect("an answer")
}

on_both_engines! {
    async fn every_operation_against_every_kind_of_key(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (mine, other) = (client.app().await, client.app().await);
        let stranger = String::from_utf8(server.command(&["key", "create", "--org", "stranger"]).await.stdout)
            .expect("text");
        let stranger = client.with_key(stranger.trim());
        let of_app = with_new_key(&client, json!({"appId": mine.id()})).await;
        let reader = with_new_key(&client, json!({"readOnly": true})).await;
        for operation in operations(&client).await {
            let Operation { id, method, path } = &operation;
            for nobody in ["", "prk_0000000000000000000000000000000000000000000", "x.y.z"] {
                let reply = ask(&client.with_key(nobody), &operation, mine.id()).await;
                assert_eq!(reply.code(401), "authentication_failed", "{id}");
            }
            let allowed = ask(&of_app, &operation, mine.id()).await;
            let foreign = ask(&of_app, &operation, other.id()).await;
            if FOR_APPLICATIONS.contains(&id.as_str()) {
                assert!(![401, 403].contains(&allowed.status.as_u16()), "{id}: {allowed:?}");
                if path.contains("{app_id}") {
                    assert_eq!(foreign.code(404), "not_found", "{id}");
                }
            } else {
                assert_eq!(allowed.code(403), "insufficient access", "{id}");
                assert_eq!(foreign.code(403), "insufficient access", "{id}");
            }
            let read = ask(&reader, &operation, mine.id()).await;
            if *method == Method::GET && id != "v1.endpoint.get-secret" {
                assert!(![401, 403].contains(&read.status.as_u16()), "{id}: {read:?}");
            } else {
                assert_eq!(read.code(403), "insufficient access", "{id}");
            }
            if path.contains("{app_id}") && *method == Method::GET {
                let reply = ask(&stranger, &operation, mine.id()).await;
                assert_eq!(reply.code(404), "not_found", "{id}");
            }
        }
        let apps = client.all("/app").await;
        assert_eq!(apps.len(), 2, "nobody changed anything: {apps:?}");
    }

    async fn a_key_that_may_only_read_does_not_see_what_signs(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint("http://127.0.0.1:9/").create().await.id;
        let path = app.path(&format!("/endpoint/{endpoint}/secret"));
        for body in [json!({"readOnly": true}), json!({"readOnly": true, "appId": app.id()})] {
            let reader = with_new_key(&client, body).await;
            assert_eq!(reader.get(&path).await.code(403), "insufficient access");
            reader.get(&app.path(&format!("/endpoint/{endpoint}"))).await.expect(200);
        }
        let writer = with_new_key(&client, json!({"appId": app.id()})).await;
        writer.get(&path).await.expect(200);
    }

    async fn a_key_of_one_application_does_not_see_event_types_behind_flags(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for (name, flags) in [("open", Value::Null), ("hidden", json!(["beta"]))] {
            let body = json!({"name": name, "description": "", "featureFlags": flags});
            client.post("/event-type", &body).await.expect(201);
        }
        let of_app = with_new_key(&client, json!({"appId": app.id()})).await;
        let seen = of_app.all("/event-type").await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["name"], "open");
        of_app.get("/event-type/hidden").await.expect(404);
        assert_eq!(client.all("/event-type").await.len(), 2);
    }
}
