//! What a message may carry beside its payload.

use postrider_testkit::{Answer, Receiver, Server, on_both_engines};
use serde_json::json;

use crate::common::fault;

on_both_engines! {
    async fn tags_are_returned_and_found_by(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let tagged = app.publish("a", r#"{"n":1}"#).set("tags", json!(["order:1", "vip+"]));
        let made = tagged.send().await.expect(202);
        assert_eq!(made["tags"], json!(["order:1", "vip+"]));
        let id = made["id"].as_str().expect("an id").to_owned();
        let plain = app.publish("a", r#"{"n":2}"#).accepted().await;
        app.attempts_reach(&id, 1).await;
        app.attempts_reach(&plain, 1).await;
        assert_eq!(client.get(&app.path(&format!("/msg/{id}"))).await.expect(200)["tags"], made["tags"]);
        assert_eq!(client.get(&app.path(&format!("/msg/{plain}"))).await.expect(200).get("tags"), None);
        for (path, field) in [
            ("/msg".to_owned(), "id"),
            (endpoint_path(&endpoint.id, "attempt/endpoint"), "msgId"),
            (format!("/endpoint/{}/msg", endpoint.id), "id"),
            (format!("/attempt/msg/{id}"), "msgId"),
        ] {
            let found = client.all(&app.path(&format!("{path}?tag=order:1"))).await;
            assert_eq!(found.len(), 1, "{path}");
            assert_eq!(found[0][field], id.as_str(), "{path}");
            let part = client.all(&app.path(&format!("{path}?tag=order"))).await;
            assert!(part.is_empty(), "{path}: a tag is found as a whole");
        }
    }

    async fn wrong_tags_channels_and_lifetimes_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let many: Vec<_> = (0..11).map(|n| n.to_string()).collect();
        for (field, wrong) in [
            ("tags", json!(["a b"])),
            ("tags", json!(many)),
            ("tags", json!([""])),
            ("channels", json!(many)),
            ("channels", json!(["a/b"])),
            ("payloadRetentionHours", json!(0)),
            ("payloadRetentionHours", json!(2161)),
            ("payloadRetentionPeriod", json!(0)),
            ("deliverAt", json!("2030-01-01T00:00:00Z")),
            ("transformationsParams", json!({"headers": {"x-other": "1"}})),
            ("transformationsParams", json!({"headers": {"content-type": "a/b\r\nx: y"}})),
        ] {
            let reply = app.publish("a", "{}").set(field, wrong.clone()).send().await;
            assert!(fault(&reply).starts_with(&format!("body.{field}")), "{field} {wrong}: {reply:?}");
        }
        let both = app.publish("a", "{}").set("payloadRetentionHours", 24).set("payloadRetentionPeriod", 1);
        assert_eq!(fault(&both.send().await), "body.payloadRetentionHours");
        let fine = app.publish("a", "{}").set("channels", json!(many[..10])).set("payloadRetentionHours", 24);
        fine.set("tags", json!([])).accepted().await;
        app.publish("a", "{}").channels(&["eu:1+2"]).accepted().await;
    }

    async fn a_raw_payload_arrives_under_its_content_type_also_when_it_is_repeated(engine: Engine) {
        let receiver = Receiver::in_turn([Answer::status(500), Answer::status(200)]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let raw = json!({"rawPayload": "<order id=\"1\"/>", "headers": {"content-type": "application/xml"}});
        let draft = app.publish("a", "{}").set("transformationsParams", raw);
        let id = draft.accepted().await;
        app.ends(&id, "success").await;
        endpoint.resend(&id).await.expect(202);
        for request in receiver.received(3).await {
            assert_eq!(request.body, "<order id=\"1\"/>");
            assert_eq!(request.header("content-type"), Some("application/xml"));
            request.verify(&endpoint.secret().await).expect("signed");
        }
        let shown = server.client().get(&app.path(&format!("/msg/{id}"))).await.expect(200);
        assert_eq!(shown["payload"], json!({"rawPayload": "<order id=\"1\"/>"}));
        let plain = app.publish("a", "{}").accepted().await;
        app.ends(&plain, "success").await;
        let last = receiver.received(4).await.pop().expect("a request");
        assert_eq!(last.header("content-type"), Some("application/json"));
        for (id, wanted) in [(&id, "application/xml"), (&plain, "application/json")] {
            for attempt in app.attempts(id).await {
                assert_eq!(attempt["requestHeaders"]["content-type"], wanted);
            }
        }
    }
}

fn endpoint_path(id: &str, list: &str) -> String {
    format!("/{list}/{id}")
}
