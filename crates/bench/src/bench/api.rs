//! The few calls that prepare a server for a load.

use std::io;
use std::net::SocketAddr;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::connection::Connection;

/// A connection to the API under a key.
#[derive(Debug)]
pub(crate) struct Api {
    connection: Connection,
    address: SocketAddr,
    key: String,
}

impl Api {
    pub(crate) async fn open(address: SocketAddr, key: &str) -> io::Result<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            address,
            key: key.to_owned(),
        })
    }

    /// Makes an application and gives its id.
    pub(crate) async fn application(&mut self, name: &str) -> io::Result<String> {
        let made = self
            .call(Method::POST, "/api/v1/app", &json!({ "name": name }))
            .await?;
        match made.get("id").and_then(Value::as_str) {
            Some(id) => Ok(id.to_owned()),
            None => Err(io::Error::other(format!(
                "an application without id: {made}"
            ))),
        }
    }

    /// Makes an endpoint of `app` at `receiver`, whose attempts end after `deadline` seconds.
    pub(crate) async fn endpoint(
        &mut self,
        app: &str,
        receiver: SocketAddr,
        deadline: Option<u32>,
    ) -> io::Result<()> {
        let mut draft = json!({ "url": format!("http://{receiver}/hook") });
        if let (Some(seconds), Some(draft)) = (deadline, draft.as_object_mut()) {
            draft.insert("timeoutSeconds".to_owned(), seconds.into());
        }
        let path = format!("/api/v1/app/{app}/endpoint");
        self.call(Method::POST, &path, &draft).await.map(|_| ())
    }

    /// Deletes an application; what is queued for it is cancelled.
    pub(crate) async fn delete(&mut self, app: &str) -> io::Result<()> {
        let path = format!("/api/v1/app/{app}");
        self.call(Method::DELETE, &path, &Value::Null)
            .await
            .map(|_| ())
    }

    /// Whether the server calls itself healthy.
    pub(crate) async fn healthy(&mut self) -> bool {
        let asked = self.call(Method::GET, "/api/v1/health", &Value::Null).await;
        asked.is_ok()
    }

    /// Asks for anything, and gives the body of a success.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> io::Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.key))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(io::Error::other)?;
        let answer = self.connection.exchange(request).await?;
        if !answer.status.is_success() {
            let text = String::from_utf8_lossy(&answer.body);
            let wrong = format!("{method} {path}: {} {text}", answer.status);
            return Err(io::Error::other(wrong));
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}
