//! What several of these tests need.

use http::Method;
use postrider_testkit::{Client, Reply};
use serde_json::{Value, json};

/// POST under `/api/v1` with an idempotency key.
pub(crate) async fn post_once(client: &Client, path: &str, key: &str, body: &Value) -> Reply {
    client
        .try_send(
            Method::POST,
            path,
            &[("idempotency-key", key)],
            Some(body.to_string()),
        )
        .await
        .expect("an answer")
}

/// Sends a body as it is, JSON or not.
pub(crate) async fn send_text(client: &Client, method: Method, path: &str, body: &str) -> Reply {
    client
        .try_send(method, path, &[], Some(body.to_owned()))
        .await
        .expect("an answer")
}

/// The field that a 422 complains about, `body.url` for instance.
#[track_caller]
pub(crate) fn fault(reply: &Reply) -> String {
    let body = reply.expect(422);
    let fault = &body["detail"][0];
    assert!(
        fault["msg"].is_string() && fault["type"].is_string(),
        "{reply:?}"
    );
    let loc: Vec<&str> = fault["loc"]
        .as_array()
        .expect("a place")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    loc.join(".")
}

/// A client with a new key; `body` as `POST /key` takes it, without the name.
pub(crate) async fn with_new_key(client: &Client, mut body: Value) -> Client {
    body["name"] = json!("made by a test");
    let key = client.post("/key", &body).await.field("key");
    client.with_key(&key)
}

/// A client with a new token of this application; `body` as `app-portal-access` takes it.
pub(crate) async fn app_token(client: &Client, app: &str, body: Value) -> Client {
    let path = format!("/auth/app-portal-access/{app}");
    let access = client.post(&path, &body).await.expect(200);
    client.with_key(access["token"].as_str().expect("a token"))
}
