//! The contract as a table: each operation of the document with each way in which a request
//! can be wrong, each filter, and each direction of a list.

mod errors;
mod filters;
mod pages;
mod secrets;

use std::time::Duration;

use http::Method;
use postrider_domain::Timestamp;
use postrider_testkit::{App, Client, Receiver, Reply};
use serde_json::{Value, json};

/// One operation of the document.
pub(crate) struct Operation {
    pub method: Method,
    /// Its path below `/api/v1`.
    pub path: String,
    /// What the document says of it.
    pub item: Value,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Operation {
    /// Whether the document shows this status among its answers.
    fn documents(&self, status: &str) -> bool {
        self.item["responses"].get(status).is_some()
    }

    /// Its parameters of the query.
    fn query(&self) -> impl Iterator<Item = &Value> {
        let all = self.item["parameters"].as_array().into_iter().flatten();
        all.filter(|parameter| parameter["in"] == "query")
    }

    fn has_query(&self, name: &str) -> bool {
        self.query().any(|parameter| parameter["name"] == name)
    }

    fn is_list(&self) -> bool {
        self.has_query("limit") && self.has_query("iterator")
    }

    /// The example of its body, if it takes one.
    fn example(&self) -> Option<&Value> {
        let content = self.item.get("requestBody")?;
        Some(&content["content"]["application/json"]["example"])
    }

    /// The names of the segments of its path.
    fn segments(&self) -> impl Iterator<Item = &str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether a path is one of this operation's.
    fn matches(&self, path: &str) -> bool {
        let (mine, theirs): (Vec<_>, Vec<_>) =
            (self.path.split('/').collect(), path.split('/').collect());
        mine.len() == theirs.len()
            && mine
                .iter()
                .zip(theirs)
                .all(|(mine, theirs)| mine.starts_with('{') || *mine == theirs)
    }

    async fn send(&self, client: &Client, path: &str, body: Option<String>) -> Reply {
        client
            .try_send(self.method.clone(), path, &[], body)
            .await
            .expect("an answer")
    }
}

/// The operations of the server's own document.
pub(crate) async fn operations(client: &Client) -> Vec<Operation> {
    let document = client.get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    let mut all = Vec::new();
    for (path, item) in paths {
        let Some(path) = path.strip_prefix("/api/v1") else {
            continue;
        };
        for (method, item) in item.as_object().expect("operations") {
            all.push(Operation {
                method: method.to_ascii_uppercase().parse().expect("a method"),
                path: path.to_owned(),
                item: item.clone(),
            });
        }
    }
    assert!(all.len() > 40, "{all:?}");
    all
}

/// One of each thing that a path can name.
struct Made {
    app: App,
    endpoint: String,
    message: String,
    attempt: String,
    inbox: String,
    receiver: Receiver,
    /// A little before it was made.
    since: String,
}

impl Made {
    async fn by(client: &Client) -> Self {
        let receiver = Receiver::start().await;
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let now: Timestamp =
            serde_json::from_value(endpoint.made["createdAt"].clone()).expect("a time");
        let (endpoint, since) = (endpoint.id, now.minus(Duration::from_mins(5)).to_string());
        let message = app.publish("made", "{\"n\":1}").accepted().await;
        let attempt = app.attempts_reach(&message, 1).await.remove(0);
        let attempt = attempt["id"].as_str().expect("an id").to_owned();
        let body = json!({"name": "made", "description": "Made"});
        client.post("/event-type", &body).await.expect(201);
        let inbox = client.post("/inbox", &json!({})).await.field("id");
        Self {
            app,
            endpoint,
            message,
            attempt,
            inbox,
            receiver,
            since,
        }
    }

    /// The example of an operation's body, its window moved to now.
    fn body(&self, operation: &Operation) -> Option<Value> {
        let mut body = operation.example()?.clone();
        if let Some(body) = body.as_object_mut()
            && body.contains_key("since")
        {
            body.insert("since".to_owned(), json!(self.since));
            body.remove("until");
        }
        Some(body)
    }

    /// The path with what was made in place of its names, but `wrong` in place of `except`.
    fn path(&self, template: &str, except: Option<&str>) -> String {
        let parts = template.split('/').map(|part| {
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            match name {
                None => part,
                Some(name) if Some(name) == except => "nobody",
                Some("app_id") => self.app.id(),
                Some("endpoint_id") => &self.endpoint,
                Some("msg_id") => &self.message,
                Some("attempt_id") => &self.attempt,
                Some("inbox_id") => &self.inbox,
                Some("event_type_name") => "made",
                Some(_) => "nobody",
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }
}
