//! A thin client of the HTTP API for tests: it hides the address and the key, and
//! nothing of what the API says.

mod app;
mod drafts;
mod events;
mod reply;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use parking_lot::RwLock;
use postrider_store::random_hex;
use serde_json::Value;

pub use app::{App, Endpoint};
pub use drafts::{EndpointDraft, MessageDraft};
pub use events::{Event, Events};
pub use reply::Reply;

/// Where a server is reached; it changes when the server restarts.
pub(crate) type Base = Arc<RwLock<String>>;

/// Talks to one server with one key. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Base,
    key: String,
}

impl Client {
    pub(crate) fn new(base: Base, key: String) -> Self {
        let http = crate::http_client(Duration::from_mins(1));
        Self { http, base, key }
    }

    /// The same server, asked with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// The key in use.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The server's address without a path: `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        self.base.read().clone()
    }

    /// A request with the key in it, for what the shorter forms do not cover. The
    /// path is the whole one: `/api/v1/app`.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base()))
            .bearer_auth(&self.key)
    }

    /// Sends a request under `/api/v1`, with a body if there is one.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Reply, reqwest::Error> {
        let asked = format!("{method} {path}");
        let mut request = self.request(method, &format!("/api/v1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        // A stream of events has no end to wait for: see [`Self::follow`].
        let goes_on = headers
            .get("content-type")
            .is_some_and(|kind| kind == "text/event-stream");
        Ok(Reply {
            asked,
            status,
            headers,
            text: if goes_on {
                String::new()
            } else {
                response.text().await?
            },
        })
    }

    /// Follows a stream of events under `/api/v1`, from the event `last` on if that is said.
    pub async fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = self.request(Method::GET, &format!("/api/v1{path}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        Events::new(response)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let asked = format!("{method} {path}");
        self.try_send(method, path, &[], body.map(Value::to_string))
            .await
            .unwrap_or_else(|error| panic!("{asked}: no answer: {error:?}"))
    }

    /// GET under `/api/v1`.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    /// POST under `/api/v1`.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT under `/api/v1`.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH under `/api/v1`.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// DELETE under `/api/v1`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Every row of a list, over all of its pages.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let glue = if path.contains('?') { '&' } else { '?' };
        let mut rows = Vec::new();
        let mut iterator = String::new();
        loop {
            let page = self
                .get(&format!("{path}{glue}limit=250{iterator}"))
                .await
                .ok();
            rows.extend(page["data"].as_array().into_iter().flatten().cloned());
            let Some(next) = page["iterator"].as_str().filter(|_| page["done"] == false) else {
                return rows;
            };
            iterator = format!("&iterator={next}");
        }
    }

    /// A background task.
    pub async fn task(&self, id: &str) -> Value {
        self.get(&format!("/background-task/{id}")).await.ok()
    }

    /// Waits until a background task stands so, and gives it.
    pub async fn task_becomes(&self, id: &str, status: &str) -> Value {
        crate::eventually(&format!("{id} to be {status}"), async || {
            let task = self.task(id).await;
            if task["status"] == status {
                Ok(task)
            } else {
                Err(task)
            }
        })
        .await
    }

    /// A new application.
    pub async fn app(&self) -> App {
        let name = format!("test {}", random_hex::<4>());
        let id = self
            .post("/app", &serde_json::json!({ "name": name }))
            .await
            .field("id");
        self.app_of(&id)
    }

    /// An application that is there, by id or uid.
    pub fn app_of(&self, id: &str) -> App {
        App {
            client: self.clone(),
            id: id.to_owned(),
        }
    }
}
