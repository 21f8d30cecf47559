//! Who may do what: every operation of the server's own description against every kind
//! of caller. The table below says what each needs; one that is missing in it fails.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use postrider_testkit::{Client, Reply, Server, TestApp, on_both_engines};
use serde_json::{Value, json};

use crate::common::{app_token, with_new_key};

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requires {
    /// Nothing.
    Nobody,
    /// To be anybody, also who may only read.
    Oneself,
    /// A key of the organisation.
    Org,
    /// A key of the organisation, or what is bound to an application and has this capability.
    App(&'static str),
}

use Requires::{App, Nobody, Oneself, Org};

const VIEW: &str = "ViewBase";
const VIEW_SECRET: &str = "ViewEndpointSecret";
const SECRET: &str = "ManageEndpointSecret";
const ENDPOINT: &str = "ManageEndpoint";
const ATTEMPTS: &str = "CreateAttempts";

/// Every operation, and what it needs.
const TABLE: &[(&str, Requires)] = &[
    ("v1.application.create", Org),
    ("v1.application.delete", Org),
    ("v1.application.get", App(VIEW)),
    ("v1.application.list", Org),
    ("v1.application.patch", Org),
    ("v1.application.update", Org),
    ("v1.authentication.app-portal-access", Org),
    ("v1.authentication.console-exchange", Nobody),
    ("v1.authentication.dashboard-access", Org),
    ("v1.authentication.expire-all", Org),
    ("v1.authentication.logout", Oneself),
    ("v1.authentication.portal-exchange", Nobody),
    ("v1.authentication.whoami", Oneself),
    ("v1.background-task.cancel", App(ATTEMPTS)),
    ("v1.background-task.get", App(VIEW)),
    ("v1.background-task.list", App(VIEW)),
    ("v1.endpoint.bulk-replay", App(ATTEMPTS)),
    ("v1.endpoint.create", App(ENDPOINT)),
    ("v1.endpoint.delete", App(ENDPOINT)),
    ("v1.endpoint.get", App(VIEW)),
    ("v1.endpoint.get-attempt-stats", App(VIEW)),
    ("v1.endpoint.get-headers", App(VIEW)),
    ("v1.endpoint.get-secret", App(VIEW_SECRET)),
    ("v1.endpoint.get-stats", App(VIEW)),
    ("v1.endpoint.list", App(VIEW)),
    ("v1.endpoint.patch", App(ENDPOINT)),
    ("v1.endpoint.patch-headers", App(ENDPOINT)),
    ("v1.endpoint.recover", App(ATTEMPTS)),
    ("v1.endpoint.recover-preview", App(VIEW)),
    ("v1.endpoint.replay-missing", App(ATTEMPTS)),
    ("v1.endpoint.rotate-secret", App(SECRET)),
    ("v1.endpoint.update", App(ENDPOINT)),
    ("v1.endpoint.update-headers", App(ENDPOINT)),
    ("v1.endpoint.send-example", App(ATTEMPTS)),
    ("v1.environment.export", Org),
    ("v1.environment.import", Org),
    ("v1.event-type.create", Org),
    ("v1.event-type.delete", Org),
    ("v1.event-type.get", App(VIEW)),
    ("v1.event-type.import-openapi", Org),
    ("v1.event-type.list", App(VIEW)),
    ("v1.event-type.patch", Org),
    ("v1.event-type.update", Org),
    ("v1.events.stream", Org),
    ("v1.events.stream-app", App(VIEW)),
    ("v1.health.get", Nobody),
    ("v1.health.ping", Nobody),
    ("v1.inbox.clear", App(ENDPOINT)),
    ("v1.inbox.create", App(ENDPOINT)),
    ("v1.inbox.delete", App(ENDPOINT)),
    ("v1.inbox.get", App(VIEW)),
    ("v1.inbox.list", App(VIEW)),
    ("v1.inbox.list-requests", App(VIEW)),
    ("v1.inbox.patch", App(ENDPOINT)),
    ("v1.key.create", Org),
    ("v1.key.list", Org),
    ("v1.key.revoke", Org),
    ("v1.message-attempt.expunge-content", Org),
    ("v1.message-attempt.get", App(VIEW)),
    ("v1.message-attempt.list-attempted-destinations", App(VIEW)),
    ("v1.message-attempt.list-attempted-messages", App(VIEW)),
    ("v1.message-attempt.list-by-endpoint", App(VIEW)),
    ("v1.message-attempt.list-by-endpoint-deprecated", App(VIEW)),
    ("v1.message-attempt.list-by-msg-deprecated", App(VIEW)),
    ("v1.message-attempt.list-by-msg", App(VIEW)),
    ("v1.message-attempt.resend", App(ATTEMPTS)),
    ("v1.message.bulk-expunge", Org),
    ("v1.message.create", Org),
    ("v1.message.create-batch", Org),
    ("v1.message.expunge-all-contents", Org),
    ("v1.message.expunge-content", Org),
    ("v1.message.get", App(VIEW)),
    ("v1.message.list", App(VIEW)),
    ("v1.message.search", App(VIEW)),
    ("v1.message.precheck", Org),
    ("v1.operational-webhook.endpoint.create", Org),
    ("v1.operational-webhook.endpoint.delete", Org),
    ("v1.operational-webhook.endpoint.get", Org),
    ("v1.operational-webhook.endpoint.get-headers", Org),
    ("v1.operational-webhook.endpoint.get-secret", Org),
    ("v1.operational-webhook.endpoint.list", Org),
    ("v1.operational-webhook.endpoint.rotate-secret", Org),
    ("v1.operational-webhook.endpoint.update", Org),
    ("v1.operational-webhook.endpoint.update-headers", Org),
    ("v1.portal.config", App(VIEW)),
    ("v1.statistics.aggregate-app-stats", Org),
    ("v1.statistics.aggregate-event-types", Org),
    ("v1.statistics.endpoints", App(VIEW)),
    ("v1.statistics.overview", Org),
    ("v1.statistics.timeseries", App(VIEW)),
    ("v1.settings.get", Org),
    ("v1.settings.patch", Org),
];

/// What includes a capability.
fn includes(capability: &str) -> &'static [&'static str] {
    match capability {
        VIEW_SECRET => &[VIEW_SECRET, SECRET, ENDPOINT],
        SECRET => &[SECRET, ENDPOINT],
        ENDPOINT => &[ENDPOINT],
        ATTEMPTS => &[ATTEMPTS],
        _ => &[VIEW],
    }
}

struct Operation {
    id: String,
    need: Requires,
    method: Method,
    path: String,
}

/// Every operation under `/api/v1`, by the server's own description.
async fn operations(client: &Client) -> Vec<Operation> {
    let document = client.get("/openapi.json").await.ok();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(path) = path.strip_prefix("/api/v1") else {
            continue;
        };
        for (method, described) in item.as_object().expect("operations") {
            let id = described["operationId"].as_str().expect("an id");
            if path == "/openapi.json" {
                continue;
            }
            let found = TABLE.iter().find(|(known, _)| *known == id);
            let (_, need) = found.unwrap_or_else(|| panic!("{id} is not in the table of rights"));
            assert_eq!(described["security"].is_array(), *need != Nobody, "{id}");
            operations.push(Operation {
                id: id.to_owned(),
                need: *need,
                method: method.to_uppercase().parse().expect("a method"),
                path: path.to_owned(),
            });
        }
    }
    let served: BTreeSet<&str> = operations.iter().map(|one| one.id.as_str()).collect();
    for (id, _) in TABLE {
        assert!(
            served.contains(id),
            "{id} is in the table of rights and nowhere else"
        );
    }
    operations
}

async fn ask(client: &Client, operation: &Operation, app: &str) -> Reply {
    let path = operation.path.replace("{app_id}", app);
    // Names that exist nowhere: whoever gets so far hears 404, 422 or an empty list.
    let mut parts: Vec<&str> = path.split('/').collect();
    for part in &mut parts {
        if part.starts_with('{') {
            *part = "nobody";
        }
    }
    // No body is a list: nothing is done, whatever else is right.
    let body = (operation.method != Method::GET).then(|| "[]".to_owned());
    client
        .try_send(operation.method.clone(), &parts.join("/"), &[], body)
        .await
        .expect("an answer")
}

#[track_caller]
fn admitted(reply: &Reply, id: &str) {
    assert!(
        ![401, 403].contains(&reply.status.as_u16()),
        "{id}: {reply:?}"
    );
}

/// Ends a token by showing it.
async fn log_out(token: &Client) {
    token.post("/auth/logout", &json!({})).await.expect(204);
}

/// Keys and tokens that have stopped working, each in its way, and some that never did.
/// Moves the clock by two hours.
async fn strangers(server: &TestApp, app: &str) -> Vec<(&'static str, Client)> {
    let client = &server.client();
    let revoked = client.post("/key", &json!({"name": "a"})).await.expect(201);
    let id = revoked["id"].as_str().expect("an id");
    client.delete(&format!("/key/{id}")).await.expect(204);
    let logged_out = app_token(client, app, json!({})).await;
    log_out(&logged_out).await;
    let ended = app_token(client, app, json!({"sessionId": "old"})).await;
    let sessions = json!({"sessionIds": ["old"]});
    let path = format!("/auth/app/{app}/expire-all");
    client.post(&path, &sessions).await.expect(204);
    let gone = client.app().await;
    let orphan = app_token(client, gone.id(), json!({})).await;
    let orphan_key = with_new_key(client, json!({"appId": gone.id()})).await;
    client
        .delete(&format!("/app/{}", gone.id()))
        .await
        .expect(204);
    let expired = app_token(client, app, json!({"expiry": 3600})).await;
    let soon = server.clock().now().plus(Duration::from_hours(1));
    let expired_key = with_new_key(client, json!({"expiresAt": soon.to_string()})).await;
    for client in [&expired, &expired_key] {
        client.get("/event-type").await.expect(200);
    }
    server.clock().advance(Duration::from_hours(2));
    vec![
        ("no key", client.with_key("")),
        (
            "an unknown key",
            client.with_key("prk_0000000000000000000000000000000000000000000"),
        ),
        (
            "an unknown token",
            client.with_key("prt_0000000000000000000000000000000000000000000"),
        ),
        ("a JWT", client.with_key("x.y.z")),
        (
            "a revoked key",
            client.with_key(revoked["key"].as_str().expect("a secret")),
        ),
        ("a token that was logged out", logged_out),
        ("a token that was ended", ended),
        ("an expired token", expired),
        ("an expired key", expired_key),
        ("a token of a deleted application", orphan),
        ("a key of a deleted application", orphan_key),
    ]
}

on_both_engines! {
    async fn every_operation_is_refused_to_who_is_nobody_any_more(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let strangers = strangers(&server, app.id()).await;
        for operation in operations(&client).await {
            let id = &operation.id;
            for (who, stranger) in &strangers {
                let reply = ask(stranger, &operation, app.id()).await;
                if operation.need == Nobody {
                    admitted(&reply, id);
                } else {
                    assert_eq!(reply.code(401), "authentication_failed", "{id} by {who}");
                }
            }
        }
    }

    async fn every_operation_against_every_kind_of_key(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (mine, other) = (client.app().await, client.app().await);
        let output = server.command(&["key", "create", "--org", "stranger"]).await.stdout;
        let stranger = client.with_key(String::from_utf8(output).expect("text").trim());
        let reader = with_new_key(&client, json!({"readOnly": true})).await;
        let bound = [
            with_new_key(&client, json!({"appId": mine.id()})).await,
            app_token(&client, mine.id(), json!({})).await,
        ];
        for operation in operations(&client).await {
            let Operation { id, need, method, path } = &operation;
            if id == "v1.authentication.logout" || *need == Nobody {
                continue;
            }
            for bound in &bound {
                let allowed = ask(bound, &operation, mine.id()).await;
                let foreign = ask(bound, &operation, other.id()).await;
                match need {
                    Org => {
                        assert_eq!(allowed.code(403), "insufficient access", "{id}");
                        assert_eq!(foreign.code(403), "insufficient access", "{id}");
                    }
                    _ => admitted(&allowed, id),
                }
                if matches!(need, App(_)) && path.contains("{app_id}") {
                    assert_eq!(foreign.code(404), "not_found", "{id}");
                }
            }
            let read = ask(&reader, &operation, mine.id()).await;
            let is_secret = *need == App(VIEW_SECRET) || id == "v1.operational-webhook.endpoint.get-secret";
            if *need == Oneself || (*method == Method::GET && !is_secret) {
                admitted(&read, id);
            } else {
                assert_eq!(read.code(403), "insufficient access", "{id}");
            }
            // What would be done without a body is left out.
            if *method != Method::DELETE && !id.ends_with("expunge-all-contents") {
                admitted(&ask(&client, &operation, mine.id()).await, id);
            }
            if path.contains("{app_id}") {
                let reply = ask(&stranger, &operation, mine.id()).await;
                let status = reply.status.as_u16();
                // Some look at the body first, and PUT makes what it does not find.
                let blind = status == 422 && !reply.text.contains(mine.id());
                assert!(status == 404 || blind, "{id}: {reply:?}");
            }
        }
        let apps = client.all("/app").await;
        assert_eq!(apps.len(), 2, "nobody changed anything: {apps:?}");
        assert!(stranger.all("/app").await.is_empty());
    }

    async fn every_operation_against_every_capability(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let mut holders = Vec::new();
        for capability in [VIEW, VIEW_SECRET, SECRET, ENDPOINT, ATTEMPTS, "ManageTransformations"] {
            for read_only in [false, true] {
                let body = json!({"capabilities": [VIEW, capability], "readOnly": read_only});
                let token = app_token(&client, app.id(), body).await;
                holders.push((capability, read_only, token));
            }
        }
        for operation in operations(&client).await {
            let App(needed) = operation.need else { continue };
            for (capability, read_only, token) in &holders {
                let reply = ask(token, &operation, app.id()).await;
                let has = needed == VIEW || includes(needed).contains(capability);
                if has && (!read_only || operation.method == Method::GET) {
                    admitted(&reply, &operation.id);
                } else {
                    let context = format!("{} by {capability}", operation.id);
                    assert_eq!(reply.code(403), "insufficient access", "{context}");
                }
            }
        }
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
        let reader = app_token(&client, app.id(), json!({"readOnly": true})).await;
        assert_eq!(reader.get(&path).await.code(403), "insufficient access");
        let told = json!({"readOnly": true, "capabilities": [VIEW, VIEW_SECRET]});
        app_token(&client, app.id(), told).await.get(&path).await.expect(200);
        let writer = with_new_key(&client, json!({"appId": app.id()})).await;
        writer.get(&path).await.expect(200);
    }

    async fn event_types_behind_flags_do_not_exist_for_who_has_none_of_them(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for (name, flags) in [("open", Value::Null), ("hidden", json!(["beta", "alpha"]))] {
            let body = json!({"name": name, "description": "", "featureFlags": flags});
            client.post("/event-type", &body).await.expect(201);
        }
        let endpoint = json!({"url": "http://127.0.0.1:9/", "eventTypes": ["open", "hidden"]});
        let blind = [
            with_new_key(&client, json!({"appId": app.id()})).await,
            app_token(&client, app.id(), json!({})).await,
            app_token(&client, app.id(), json!({"featureFlags": ["gamma"]})).await,
        ];
        for blind in &blind {
            let seen = blind.all("/event-type").await;
            assert_eq!(seen.len(), 1, "{seen:?}");
            assert_eq!(seen[0]["name"], "open");
            let absent = blind.get("/event-type/nobody").await;
            let hidden = blind.get("/event-type/hidden").await;
            assert_eq!((hidden.code(404), &hidden.text), ("not_found".into(), &absent.text));
            let refused = blind.post(&app.path("/endpoint"), &endpoint).await;
            assert_eq!(crate::common::fault(&refused), "body.eventTypes");
        }
        let made = client.post(&app.path("/endpoint"), &endpoint).await.field("id");
        let change = json!({"eventTypes": ["hidden"]});
        let refused = blind[1].patch(&app.path(&format!("/endpoint/{made}")), &change).await;
        assert_eq!(crate::common::fault(&refused), "body.eventTypes");
        let sees = app_token(&client, app.id(), json!({"featureFlags": ["alpha"]})).await;
        for all in [&sees, &client] {
            assert_eq!(all.all("/event-type").await.len(), 2);
            all.get("/event-type/hidden").await.expect(200);
            all.post(&app.path("/endpoint"), &endpoint).await.expect(201);
        }
    }
}
