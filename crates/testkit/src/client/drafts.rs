//! Builders of endpoints and messages: sensible by default, anything when asked.

use http::Method;
use serde_json::{Map, Value, json};

use super::{App, Endpoint, Reply};

/// An endpoint to be made.
#[derive(Clone, Debug)]
#[must_use = "nothing is made before create()"]
pub struct EndpointDraft {
    app: App,
    body: Map<String, Value>,
}

impl EndpointDraft {
    pub(super) fn new(app: App, url: &str) -> Self {
        let mut body = Map::new();
        body.insert("url".to_owned(), url.into());
        Self { app, body }
    }

    /// Sets any field.
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body.insert(field.to_owned(), value.into());
        self
    }

    /// Only these event types.
    pub fn event_types(self, names: &[&str]) -> Self {
        self.set("eventTypes", json!(names))
    }

    /// Only these channels.
    pub fn channels(self, names: &[&str]) -> Self {
        self.set("channels", json!(names))
    }

    /// Signs with this secret.
    pub fn secret(self, secret: &str) -> Self {
        self.set("secret", secret)
    }

    /// Retries after these delays, in seconds; none of them for a single attempt.
    pub fn retries(self, seconds: &[u32]) -> Self {
        self.set(
            "retryPolicy",
            json!({ "type": "schedule", "seconds": seconds }),
        )
    }

    /// Makes it, whatever the API says.
    pub async fn try_create(self) -> Reply {
        let path = self.app.path("/endpoint");
        self.app
            .client()
            .post(&path, &Value::Object(self.body))
            .await
    }

    /// Makes it.
    pub async fn create(self) -> Endpoint {
        let app = self.app.clone();
        let made = self.try_create().await.expect(201);
        Endpoint {
            app,
            id: made["id"]
                .as_str()
                .expect("an endpoint has an id")
                .to_owned(),
            made,
        }
    }
}

/// A message to be published.
#[derive(Clone, Debug)]
#[must_use = "nothing is published before send() or accepted()"]
pub struct MessageDraft {
    app: App,
    payload: String,
    fields: Map<String, Value>,
    idempotency_key: Option<String>,
}

impl MessageDraft {
    pub(super) fn new(app: App, event_type: &str, payload: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("eventType".to_owned(), event_type.into());
        Self {
            app,
            payload: payload.to_owned(),
            fields,
            idempotency_key: None,
        }
    }

    /// Sets any field but the payload.
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// The publisher's own id of the event.
    pub fn event_id(self, id: &str) -> Self {
        self.set("eventId", id)
    }

    /// To these channels.
    pub fn channels(self, names: &[&str]) -> Self {
        self.set("channels", json!(names))
    }

    /// Sends an `idempotency-key`.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_owned());
        self
    }

    /// The request's body. The payload's text goes in untouched: what is published is
    /// what the test wrote, byte for byte.
    fn body(&self) -> String {
        let fields = Value::Object(self.fields.clone()).to_string();
        let fields = fields.strip_suffix('}').expect("an object ends so");
        format!("{fields},\"payload\":{}}}", self.payload)
    }

    /// Publishes it; an error means that no answer came.
    pub async fn try_send(&self) -> Result<Reply, reqwest::Error> {
        let key = self.idempotency_key.as_deref();
        let headers: Vec<(&str, &str)> = key.iter().map(|key| ("idempotency-key", *key)).collect();
        self.app
            .client()
            .try_send(
                Method::POST,
                &self.app.path("/msg"),
                &headers,
                Some(self.body()),
            )
            .await
    }

    /// Publishes it, whatever the API says.
    pub async fn send(&self) -> Reply {
        self.try_send()
            .await
            .unwrap_or_else(|error| panic!("publishing: no answer: {error:?}"))
    }

    /// Publishes it and gives the message's id.
    pub async fn accepted(&self) -> String {
        let reply = self.send().await;
        let body = reply.expect(202);
        body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {reply:?}"))
            .to_owned()
    }
}
