//! One application and its endpoints, as tests handle them.

use serde_json::Value;

use super::{Client, EndpointDraft, MessageDraft};
use crate::eventually;

/// An application on the server under test.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) client: Client,
    pub(super) id: String,
}

/// An endpoint of an application.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The application that it belongs to.
    pub app: App,
    pub id: String,
    /// As the API described it when it was made.
    pub made: Value,
}

impl App {
    /// Its id, or the uid that it was asked for by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The client that it is reached through.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same application seen through another server or key.
    pub fn through(&self, client: &Client) -> Self {
        client.app_of(&self.id)
    }

    /// A path below the application's own.
    pub fn path(&self, rest: &str) -> String {
        format!("/app/{}{rest}", self.id)
    }

    /// An endpoint to be made.
    pub fn endpoint(&self, url: &str) -> EndpointDraft {
        EndpointDraft::new(self.clone(), url)
    }

    /// A message to be published; `payload` is JSON text and sent as it is.
    pub fn publish(&self, event_type: &str, payload: &str) -> MessageDraft {
        MessageDraft::new(self.clone(), event_type, payload)
    }

    /// All attempts to deliver a message, newest first.
    pub async fn attempts(&self, message_id: &str) -> Vec<Value> {
        self.client
            .all(&self.path(&format!("/attempt/msg/{message_id}")))
            .await
    }

    /// Waits until a message has `count` attempts, and gives them, oldest first.
    pub async fn attempts_reach(&self, message_id: &str, count: usize) -> Vec<Value> {
        self.attempts_until(message_id, &format!("{count} attempts"), |all| {
            all.len() >= count
        })
        .await
    }

    /// Waits until a message's attempts, oldest first, fulfil `enough`, and gives them.
    pub async fn attempts_until(
        &self,
        message_id: &str,
        what: &str,
        enough: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        eventually(&format!("{message_id}: {what}"), async || {
            let mut all = self.attempts(message_id).await;
            all.reverse();
            if enough(&all) { Ok(all) } else { Err(all) }
        })
        .await
    }

    /// What became of a message at its endpoints (`GET .../msg/{id}/endpoint`).
    pub async fn destinations(&self, message_id: &str) -> Vec<Value> {
        self.client
            .all(&self.path(&format!("/msg/{message_id}/endpoint")))
            .await
    }

    /// Waits until the message's delivery to its only endpoint is over, its last attempt
    /// having this `statusText`, and gives it.
    pub async fn ends(&self, message_id: &str, status_text: &str) -> Value {
        eventually(
            &format!("{message_id} to end with {status_text}"),
            async || {
                let all = self.destinations(message_id).await;
                match all.as_slice() {
                    [one] if one["statusText"] == status_text && one["nextAttempt"].is_null() => {
                        Ok(one.clone())
                    }
                    _ => Err(all),
                }
            },
        )
        .await
    }
}

impl Endpoint {
    /// A path below the endpoint's own.
    pub fn path(&self, rest: &str) -> String {
        self.app.path(&format!("/endpoint/{}{rest}", self.id))
    }

    /// What its deliveries are verified with.
    pub async fn secret(&self) -> String {
        self.app
            .client
            .get(&self.path("/secret"))
            .await
            .field("key")
    }

    /// Changes its secret; `body` as the API takes it.
    pub async fn rotate(&self, body: &Value) {
        self.app
            .client
            .post(&self.path("/secret/rotate"), body)
            .await
            .ok();
    }

    /// The endpoint as it is now.
    pub async fn now(&self) -> Value {
        self.app.client.get(&self.path("")).await.ok()
    }

    /// Changes some of its fields.
    pub async fn patch(&self, body: &Value) -> Value {
        self.app.client.patch(&self.path(""), body).await.ok()
    }

    /// Deletes it.
    pub async fn delete(&self) {
        self.app.client.delete(&self.path("")).await.expect(204);
    }

    /// All attempts to deliver to it, newest first.
    pub async fn attempts(&self) -> Vec<Value> {
        let path = self.app.path(&format!("/attempt/endpoint/{}", self.id));
        self.app.client.all(&path).await
    }

    /// Waits until the delivery of a message to it has this `statusText` in the list of
    /// its messages, and gives it.
    pub async fn delivery_becomes(&self, message_id: &str, status_text: &str) -> Value {
        eventually(&format!("{message_id} to be {status_text}"), async || {
            let all = self.app.client.all(&self.path("/msg")).await;
            let own = all.into_iter().find(|one| one["id"] == message_id);
            match own {
                Some(one) if one["statusText"] == status_text => Ok(one),
                other => Err(other),
            }
        })
        .await
    }

    /// Asks for one more attempt to deliver a message to it.
    pub async fn resend(&self, message_id: &str) -> super::Reply {
        let path = self
            .app
            .path(&format!("/msg/{message_id}/endpoint/{}/resend", self.id));
        self.app.client.post(&path, &serde_json::json!({})).await
    }

    /// Begins a background task at it, such as `recover`, and gives the task's id.
    pub async fn begin(&self, what: &str, body: &Value) -> String {
        let path = self.path(&format!("/{what}"));
        let begun = self.app.client.post(&path, body).await;
        begun.expect(202);
        begun.field("id")
    }

    /// Waits until it looks as `wanted` says, and gives it.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{}: {what}", self.id), async || {
            let now = self.now().await;
            if wanted(&now) { Ok(now) } else { Err(now) }
        })
        .await
    }
}
