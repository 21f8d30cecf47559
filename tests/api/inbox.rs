//! Inboxes: receivers inside the server.

use std::time::Duration;

use postrider_testkit::{Client, Server, TestApp, eventually, http_client, on_both_engines};
use serde_json::{Value, json};

use crate::common::{app_token, fault};

/// What an inbox has received, once it is so much.
async fn received(client: &Client, inbox: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} requests in {inbox}"), async || {
        let rows = client.all(&format!("/inbox/{inbox}/request")).await;
        if rows.len() == count {
            Ok(rows)
        } else {
            Err(rows.len())
        }
    })
    .await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("a text")
}

/// The inbox's URL with the address at which the test reaches the server.
fn url(client: &Client, inbox: &Value) -> String {
    let (_, token) = text(inbox, "url").rsplit_once("/inbox/").expect("a token");
    format!("{}/inbox/{token}", client.base())
}

on_both_engines! {
    async fn deliveries_to_an_inbox_are_shown_and_verified_and_fail_as_it_is_told(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let inbox = client.post("/inbox", &json!({"appId": app.id(), "ttlSeconds": 600})).await.expect(201);
        assert!(text(&inbox, "url").starts_with(&server.url()), "{inbox}");
        let id = text(&inbox, "id");
        let endpoint = app.endpoint(text(&inbox, "url")).retries(&[1]).create().await;
        app.publish("a", "{\"n\":1}").accepted().await;
        let rows = received(&client, id, 1).await;
        assert_eq!(rows[0]["verification"]["status"], "noSecret");
        assert_eq!((&rows[0]["body"], &rows[0]["method"]), (&json!("{\"n\":1}"), &json!("POST")));
        let patched = client.patch(&format!("/inbox/{id}"), &json!({"endpointId": endpoint.id, "answerStatus": 503})).await.expect(200);
        assert_eq!((&patched["endpointId"], &patched["answerStatus"]), (&json!(endpoint.id), &json!(503)));
        let message = app.publish("a", "{\"n\":2}").accepted().await;
        // The first attempt and its repetition: both are signed as they should be.
        for row in &received(&client, id, 3).await[..2] {
            assert_eq!(row["verification"]["status"], "verified", "{row}");
            assert_eq!(row["answerStatus"], 503);
        }
        app.ends(&message, "fail").await;
        let other = json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "answerStatus": null});
        let patched = client.patch(&format!("/inbox/{id}"), &other).await.expect(200);
        assert_eq!((&patched["secretSet"], &patched["endpointId"]), (&json!(true), &Value::Null));
        app.publish("a", "{\"n\":3}").accepted().await;
        let row = &received(&client, id, 4).await[0];
        assert_eq!(row["verification"]["status"], "failed", "{row}");
        assert!(text(&row["verification"], "reason").contains("no signature matches"));
        client.delete(&format!("/inbox/{id}/request")).await.expect(204);
        received(&client, id, 0).await;
        client.delete(&format!("/inbox/{id}")).await.expect(204);
        client.get(&format!("/inbox/{id}")).await.expect(404);
    }

    async fn an_inbox_takes_any_request_within_bounds_and_its_arrival_is_told(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let http = http_client(Duration::from_secs(20));
        let inbox = client.post("/inbox", &json!({})).await.expect(201);
        let (id, url) = (text(&inbox, "id"), url(&client, &inbox));
        let mut events = client.follow("/events", None).await;
        events.opened().await;
        let sent = http.put(format!("{url}/below?x=1")).header("a", "b").body(vec![0_u8, 255]).send().await.expect("an answer");
        assert_eq!(sent.status(), 204);
        let told = events.next_of("inbox.request").await.data;
        let row = &received(&client, id, 1).await[0];
        assert_eq!((&told["inboxId"], &told["requestId"]), (&json!(id), &row["id"]));
        assert_eq!((&row["body"], &row["bodyEncoding"], &row["size"]), (&json!("AP8="), &json!("base64"), &json!(2)));
        assert_eq!((&row["target"], &row["method"]), (&json!("below?x=1"), &json!("PUT")));
        assert!(row["headers"].as_array().expect("headers").contains(&json!({"name": "a", "value": "b"})));
        let large = http.post(&url).body(vec![b'x'; 256 * 1024 + 1]).send().await.expect("an answer");
        assert_eq!(large.status(), 413);
        let unknown = http.post(format!("{}/inbox/nobody", client.base())).send().await.expect("an answer");
        assert_eq!(unknown.status(), 404);
        assert_eq!(received(&client, id, 1).await.len(), 1);
        server.clock().advance(Duration::from_hours(24));
        let late = http.post(&url).send().await.expect("an answer");
        assert_eq!(late.status(), 404);
        client.get(&format!("/inbox/{id}")).await.expect(404);
    }

    async fn an_inbox_is_its_applications_and_its_organisations(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (app, other) = (client.app().await, client.app().await);
        let of_org = client.post("/inbox", &json!({})).await.field("id");
        let token = app_token(&client, app.id(), json!({})).await;
        let own = token.post("/inbox", &json!({})).await.expect(201);
        assert_eq!(own["appId"], app.id());
        assert_eq!(token.get("/inbox").await.expect(200)["data"].as_array().expect("rows").len(), 1);
        assert_eq!(client.get("/inbox").await.expect(200)["data"].as_array().expect("rows").len(), 2);
        let stranger = app_token(&client, other.id(), json!({})).await;
        for (client, id) in [(&token, of_org.as_str()), (&stranger, text(&own, "id"))] {
            client.get(&format!("/inbox/{id}")).await.expect(404);
            client.delete(&format!("/inbox/{id}")).await.expect(404);
            client.get(&format!("/inbox/{id}/request")).await.expect(404);
        }
        assert_eq!(fault(&token.post("/inbox", &json!({"appId": other.id()})).await), "body.appId");
        let reader = app_token(&client, app.id(), json!({"readOnly": true})).await;
        reader.post("/inbox", &json!({})).await.expect(403);
        reader.get(&format!("/inbox/{}", text(&own, "id"))).await.expect(200);
    }

    async fn an_inbox_without_an_application_can_be_tied_to_one_and_then_checks_with_its_endpoints(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (app, other) = (client.app().await, client.app().await);
        let inbox = client.post("/inbox", &json!({})).await.expect(201);
        let at = format!("/inbox/{}", text(&inbox, "id"));
        let endpoint = app.endpoint(text(&inbox, "url")).create().await;
        assert_eq!(fault(&client.patch(&at, &json!({"endpointId": endpoint.id})).await), "body.endpointId");
        assert_eq!(fault(&client.patch(&at, &json!({"appId": "nothing"})).await), "body.appId");
        let tied = client.patch(&at, &json!({"appId": app.id(), "endpointId": endpoint.id})).await.expect(200);
        assert_eq!((&tied["appId"], &tied["endpointId"]), (&json!(app.id()), &json!(endpoint.id)));
        assert_eq!(fault(&client.patch(&at, &json!({"appId": other.id()})).await), "body.appId");
        client.patch(&at, &json!({"appId": app.id(), "answerStatus": 200})).await.expect(200);
        app.publish("a", "{}").accepted().await;
        let row = &received(&client, text(&inbox, "id"), 1).await[0];
        assert_eq!(row["verification"]["status"], "verified", "{row}");
    }

    async fn wrong_values_are_refused_and_there_are_fifty_at_most(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let id = client.post("/inbox", &json!({})).await.field("id");
        for (body, field) in [
            (json!({"answerStatus": 100}), "body.answerStatus"),
            (json!({"answerStatus": 600}), "body.answerStatus"),
            (json!({"answerDelayMs": 30_001}), "body.answerDelayMs"),
            (json!({"secret": "whsk_no"}), "body.secret"),
            (json!({"endpointId": "ep"}), "body.endpointId"),
            (json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "endpointId": "ep"}), "body.endpointId"),
        ] {
            let reply = client.patch(&format!("/inbox/{id}"), &body).await;
            assert_eq!(fault(&reply), field, "{body}");
        }
        assert_eq!(fault(&client.post("/inbox", &json!({"ttlSeconds": 1})).await), "body.ttlSeconds");
        for _ in 1..50 {
            client.post("/inbox", &json!({})).await.expect(201);
        }
        assert_eq!(client.post("/inbox", &json!({})).await.code(400), "limit_reached");
    }

    async fn where_inboxes_are_off_none_can_be_made(engine: Engine) {
        let server = Server::on(engine).set("INBOX", "false").start().await;
        let client = server.client();
        let refused = client.post("/inbox", &json!({})).await;
        assert!(refused.code(404) == "not_found" && refused.text.contains("POSTRIDER_INBOX"), "{refused:?}");
        assert_eq!(client.get("/portal/config").await.expect(200)["inboxEnabled"], false);
    }
}
