//! A call of every method of the client whose route the server may answer, and of one in
//! each group that it does not. One line is written for each: its name and what came of it.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use svix::api::{
    ApplicationListOptions, EndpointListOptions, EventTypeDeleteOptions, EventTypeListOptions,
    MessageAttemptListByEndpointOptions, MessageAttemptListByMsgOptions, MessageGetOptions,
    MessageListOptions, Svix, SvixOptions,
};
use svix::error::Error;
use svix::models::{MessageStatus, Ordering, StatusCodeClass};

use crate::Problem;

/// Writes what came of a call and gives its value, if there is one.
fn note<T: Debug>(name: &str, answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(value) => {
            println!("{name} ok");
            Some(value)
        }
        Err(Error::Http(error)) if error.payload.is_some() => {
            println!("{name} {}", error.status.as_u16());
            None
        }
        Err(error) => {
            println!("{name} {}", format!("{error:?}").replace('\n', " "));
            None
        }
    }
}

fn model<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a model of the client reads its own fields")
}

/// What calls are made on.
struct Own {
    svix: Svix,
    app: String,
    endpoint: String,
    message: String,
    url: String,
    key: String,
}

/// A client with this token.
pub fn client(token: String, url: &str) -> Svix {
    let options = SvixOptions {
        server_url: Some(url.to_owned()),
        ..SvixOptions::default()
    };
    Svix::new(token, Some(options))
}

/// Calls all of them.
pub async fn all() -> Result<(), Problem> {
    let url = std::env::var("POSTRIDER_TEST_URL")?;
    let key = std::env::var("POSTRIDER_TEST_KEY")?;
    let svix = client(key.clone(), &url);
    let app = svix
        .application()
        .create(model(json!({"name": "Methods"})), None)
        .await?
        .id;
    let endpoint = json!({"url": "http://127.0.0.1:9/", "retryPolicy": null});
    let endpoint = svix
        .endpoint()
        .create(app.clone(), model(endpoint), None)
        .await?
        .id;
    let message = json!({"eventType": "a.b", "payload": {"n": 1}});
    let message = svix
        .message()
        .create(app.clone(), model(message), None)
        .await?
        .id;
    let own = Own {
        svix,
        app,
        endpoint,
        message,
        url,
        key,
    };
    own.applications().await?;
    own.endpoints().await?;
    own.sending().await?;
    own.event_types().await?;
    own.messages().await?;
    own.attempts().await?;
    own.authentication().await?;
    own.operational().await?;
    own.others().await;
    own.unanswered().await;
    Ok(())
}

impl Own {
    fn app(&self) -> String {
        self.app.clone()
    }

    fn at(&self) -> (String, String) {
        (self.app.clone(), self.endpoint.clone())
    }

    async fn applications(&self) -> Result<(), Problem> {
        let of = self.svix.application();
        let options = ApplicationListOptions {
            exclude_apps_with_no_endpoints: Some(true),
            exclude_apps_with_disabled_endpoints: Some(true),
            exclude_apps_with_svix_play_endpoints: Some(true),
            limit: Some(10),
            order: Some(Ordering::Descending),
            ..ApplicationListOptions::default()
        };
        note("application.list", of.list(Some(options)).await);
        let body = json!({"name": "Made", "throttleRate": 5, "metadata": {"a": "b"}});
        let made = note("application.create", of.create(model(body), None).await);
        let body = json!({"name": "Made", "uid": format!("rust-{}", self.app)});
        note(
            "application.get_or_create",
            of.get_or_create(model(body), None).await,
        );
        note("application.get", of.get(self.app()).await);
        let body = json!({"name": "Replaced"});
        note(
            "application.upsert",
            of.upsert(self.app(), model(body)).await,
        );
        let body = json!({"metadata": {"a": "b"}, "throttleRate": null});
        note("application.patch", of.patch(self.app(), model(body)).await);
        let made = made.ok_or("no application")?;
        note("application.delete", of.delete(made.id).await);
        Ok(())
    }

    async fn endpoints(&self) -> Result<(), Problem> {
        let of = self.svix.endpoint();
        let ((app, endpoint), url) = (self.at(), "http://127.0.0.1:9/");
        let options = EndpointListOptions {
            limit: Some(10),
            order: Some(Ordering::Ascending),
            ..EndpointListOptions::default()
        };
        note("endpoint.list", of.list(app.clone(), Some(options)).await);
        let body =
            json!({"url": url, "channels": ["eu"], "headers": {"x-a": "1"}, "disabled": true});
        let made = note(
            "endpoint.create",
            of.create(app.clone(), model(body), None).await,
        );
        let made = made.ok_or("no endpoint")?.id;
        note("endpoint.get", of.get(app.clone(), endpoint.clone()).await);
        let body = json!({"url": url, "description": "New"});
        note(
            "endpoint.upsert",
            of.upsert(app.clone(), endpoint.clone(), model(body)).await,
        );
        let body = json!({"description": "Newer", "channels": null});
        note(
            "endpoint.patch",
            of.patch(app.clone(), endpoint.clone(), model(body)).await,
        );
        note(
            "endpoint.get_secret",
            of.get_secret(app.clone(), made.clone()).await,
        );
        let body = model(json!({"gracePeriodSeconds": 60}));
        note(
            "endpoint.rotate_secret",
            of.rotate_secret(app.clone(), made.clone(), body, None)
                .await,
        );
        note(
            "endpoint.get_headers",
            of.get_headers(app.clone(), endpoint.clone()).await,
        );
        let body = json!({"headers": {"x-team": "billing"}});
        let set = of
            .set_headers(app.clone(), endpoint.clone(), model(body))
            .await;
        note("endpoint.set_headers", set);
        let body = json!({"headers": {"x-unit": "b"}, "deleteHeaders": ["x-team"]});
        let patched = of
            .patch_headers(app.clone(), endpoint.clone(), model(body))
            .await;
        note("endpoint.patch_headers", patched);
        note(
            "endpoint.get_stats",
            of.get_stats(app.clone(), endpoint.clone(), None).await,
        );
        let stats = of
            .get_attempt_stats(app.clone(), endpoint.clone(), None)
            .await;
        note("endpoint.get_attempt_stats", stats);
        note("endpoint.delete", of.delete(app, made).await);
        Ok(())
    }

    async fn sending(&self) -> Result<(), Problem> {
        let of = self.svix.endpoint();
        let (app, endpoint) = self.at();
        let since = json!({"since": chrono::Utc::now() - chrono::Duration::hours(1)});
        let body = model(since.clone());
        let task = of.recover(app.clone(), endpoint.clone(), body, None).await;
        let task = note("endpoint.recover", task);
        let body = model(since.clone());
        let replay = of
            .replay_missing(app.clone(), endpoint.clone(), body, None)
            .await;
        note("endpoint.replay_missing", replay);
        let replay = of
            .bulk_replay(app.clone(), endpoint.clone(), model(since), None)
            .await;
        note("endpoint.bulk_replay", replay);
        let body = model(json!({"eventType": "svix.ping"}));
        note(
            "endpoint.send_example",
            of.send_example(app, endpoint, body, None).await,
        );
        note(
            "background_task.list",
            self.svix.background_task().list(None).await,
        );
        let id = task.map_or_else(|| "qtask_none".to_owned(), |task| task.id);
        note(
            "background_task.get",
            self.svix.background_task().get(id).await,
        );
        Ok(())
    }

    async fn event_types(&self) -> Result<(), Problem> {
        let of = self.svix.event_type();
        let name = "rust.made".to_owned();
        let options = EventTypeListOptions {
            include_archived: Some(true),
            with_content: Some(true),
            ..EventTypeListOptions::default()
        };
        note("event_type.list", of.list(Some(options)).await);
        let body =
            json!({"name": name, "description": "Made", "schemas": {"1": {"type": "object"}}});
        note("event_type.create", of.create(model(body), None).await);
        let spec = json!({"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"},
            "webhooks": {"rust.imported": {"post": {"description": "Made", "requestBody": {"content": {}}}}}});
        let body = model(json!({"spec": spec, "dryRun": true}));
        note(
            "event_type.import_openapi",
            of.import_openapi(body, None).await,
        );
        note("event_type.get", of.get(name.clone()).await);
        let body = model(json!({"description": "Replaced"}));
        note("event_type.upsert", of.upsert(name.clone(), body).await);
        let body = model(json!({"deprecated": true}));
        note("event_type.patch", of.patch(name.clone(), body).await);
        let options = EventTypeDeleteOptions {
            expunge: Some(true),
        };
        note("event_type.delete", of.delete(name, Some(options)).await);
        Ok(())
    }

    async fn messages(&self) -> Result<(), Problem> {
        let of = self.svix.message();
        let now = chrono::Utc::now();
        let options = MessageListOptions {
            limit: Some(10),
            channel: Some("eu".to_owned()),
            before: Some(now + chrono::Duration::hours(1)),
            after: Some(now - chrono::Duration::hours(1)),
            with_content: Some(true),
            event_types: Some(["a.b".to_owned(), "c.d".to_owned()].into()),
            ..MessageListOptions::default()
        };
        note("message.list", of.list(self.app(), Some(options)).await);
        let body = json!({"eventType": "a.b", "payload": {"n": 1}, "channels": ["eu"]});
        let made = note(
            "message.create",
            of.create(self.app(), model(body), None).await,
        );
        let made = made.ok_or("no message")?.id;
        let body = model(json!({"eventType": "a.b", "channels": ["eu"]}));
        note(
            "message.precheck",
            of.precheck(self.app(), body, None).await,
        );
        let options = MessageGetOptions {
            with_content: Some(true),
        };
        note(
            "message.get",
            of.get(self.app(), made.clone(), Some(options)).await,
        );
        note(
            "message.expunge_content",
            of.expunge_content(self.app(), made.clone()).await,
        );
        let body = model(json!({ "ids": [made] }));
        let expunged = of.bulk_expunge_content(self.app(), body, None).await;
        note("message.bulk_expunge_content", expunged);
        let app = self
            .svix
            .application()
            .create(model(json!({"name": "Gone"})), None)
            .await?;
        note(
            "message.expunge_all_contents",
            of.expunge_all_contents(app.id, None).await,
        );
        Ok(())
    }

    /// The attempts of the message, once there is one.
    async fn attempt(&self) -> Result<String, Problem> {
        for _ in 0..600 {
            let of = self.svix.message_attempt();
            let page = of
                .list_by_msg(self.app(), self.message.clone(), None)
                .await?;
            if let Some(attempt) = page.data.into_iter().next() {
                return Ok(attempt.id);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Err("waited 30 s for an attempt".into())
    }

    async fn attempts(&self) -> Result<(), Problem> {
        let attempt = self.attempt().await?;
        let of = self.svix.message_attempt();
        let ((app, endpoint), message) = (self.at(), self.message.clone());
        let options = MessageAttemptListByEndpointOptions {
            status: Some(MessageStatus::Fail),
            status_code_class: Some(StatusCodeClass::CodeNone),
            with_content: Some(true),
            with_msg: Some(true),
            event_types: Some(["a.b".to_owned()].into()),
            ..MessageAttemptListByEndpointOptions::default()
        };
        let listed = of
            .list_by_endpoint(app.clone(), endpoint.clone(), Some(options))
            .await;
        let listed = note("message_attempt.list_by_endpoint", listed).ok_or("no attempts")?;
        let shown = listed.data.first().and_then(|attempt| attempt.msg.as_ref());
        crate::ensure(shown.is_some(), "with_msg shows the message")?;
        let options = MessageAttemptListByMsgOptions {
            endpoint_id: Some(endpoint.clone()),
            ..MessageAttemptListByMsgOptions::default()
        };
        let listed = of
            .list_by_msg(app.clone(), message.clone(), Some(options))
            .await;
        note("message_attempt.list_by_msg", listed);
        let listed = of
            .list_attempted_messages(app.clone(), endpoint.clone(), None)
            .await;
        note("message_attempt.list_attempted_messages", listed);
        let listed = of
            .list_attempted_destinations(app.clone(), message.clone(), None)
            .await;
        note("message_attempt.list_attempted_destinations", listed);
        let one = of
            .get(app.clone(), message.clone(), attempt.clone(), None)
            .await;
        note("message_attempt.get", one);
        let gone = of
            .expunge_content(app.clone(), message.clone(), attempt)
            .await;
        note("message_attempt.expunge_content", gone);
        note(
            "message_attempt.resend",
            of.resend(app, message, endpoint, None).await,
        );
        Ok(())
    }

    async fn authentication(&self) -> Result<(), Problem> {
        let of = self.svix.authentication();
        let body = model(json!({"expiry": 3600, "readOnly": true}));
        let portal = of.app_portal_access(self.app(), body, None).await;
        let portal = note("authentication.app_portal_access", portal);
        note("authentication.whoami", of.whoami().await);
        let body = model(json!({"expiry": 60}));
        let expired = of.expire_all(self.app(), body, None).await;
        note("authentication.expire_all", expired);
        let token = portal.map_or_else(|| self.key.clone(), |portal| portal.token);
        let other = client(token, &self.url);
        note(
            "authentication.logout",
            other.authentication().logout(None).await,
        );
        Ok(())
    }

    async fn operational(&self) -> Result<(), Problem> {
        let webhook = self.svix.operational_webhook();
        let of = webhook.endpoint();
        let group = "operational_webhook_endpoint";
        note(&format!("{group}.list"), of.list(None).await);
        let url = "https://example.com/op";
        let made = of.create(model(json!({ "url": url })), None).await;
        let made = note(&format!("{group}.create"), made);
        let id = made.map_or_else(|| "ep_none".to_owned(), |made| made.id);
        note(&format!("{group}.get"), of.get(id.clone()).await);
        let body = model(json!({"url": url, "description": "New"}));
        note(
            &format!("{group}.upsert"),
            of.upsert(id.clone(), body).await,
        );
        note(
            &format!("{group}.get_secret"),
            of.get_secret(id.clone()).await,
        );
        let rotated = of.rotate_secret(id.clone(), model(json!({})), None).await;
        note(&format!("{group}.rotate_secret"), rotated);
        note(
            &format!("{group}.get_headers"),
            of.get_headers(id.clone()).await,
        );
        let body = model(json!({"headers": {"x-team": "billing"}}));
        note(
            &format!("{group}.set_headers"),
            of.set_headers(id.clone(), body).await,
        );
        note(&format!("{group}.delete"), of.delete(id).await);
        Ok(())
    }

    async fn others(&self) {
        let of = self.svix.environment();
        note("environment.export", of.export(None).await);
        let body = json!({"eventTypes": [{"name": "rust.type", "description": "Imported"}]});
        note("environment.import", of.import(model(body), None).await);
        note("health.get", self.svix.health().get().await);
        let of = self.svix.statistics();
        note(
            "statistics.aggregate_event_types",
            of.aggregate_event_types().await,
        );
        let now = chrono::Utc::now();
        let body = json!({"since": now - chrono::Duration::hours(24), "until": now});
        note(
            "statistics.aggregate_app_stats",
            of.aggregate_app_stats(model(body), None).await,
        );
    }

    /// One method of each group that the server does not answer.
    async fn unanswered(&self) {
        let (app, x) = (self.app(), "x".to_owned());
        note("connector.list", self.svix.connector().list(None).await);
        note(
            "destination.list",
            self.svix.destination().list(app.clone(), None).await,
        );
        note(
            "integration.list",
            self.svix.integration().list(app.clone(), None).await,
        );
        let of = self.svix.autoconfig_subscription();
        note(
            "autoconfig_subscription.delete",
            of.delete(app.clone(), x.clone()).await,
        );
        let message = self.svix.message();
        note(
            "message_poller.poll",
            message.poller().poll(app, x.clone(), None).await,
        );
        note(
            "ingest_source.list",
            self.svix.ingest().source().list(None).await,
        );
        note(
            "streaming_stream.list",
            self.svix.streaming().stream().list(None).await,
        );
        let of = self.svix.authentication();
        note(
            "authentication.get_stream_poller_token",
            of.get_stream_poller_token(x.clone(), x).await,
        );
    }
}
