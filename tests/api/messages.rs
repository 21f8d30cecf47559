//! Publishing and reading messages.

use http::Method;
use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::{fault, send_text};

on_both_engines! {
    async fn a_message_is_answered_read_and_listed_byte_for_byte(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let payload = r#"{"z":1, "a":[1.50,1e400,12345678901234567890],"u":"\u0000\/é","z":2}"#;
        let reply = app.publish("a.b", payload).event_id("e-1").channels(&["c1", "c2"]).send().await;
        assert_eq!(reply.status, 202, "{reply:?}");
        assert!(reply.text.contains(payload), "{reply:?}");
        let id = reply.text.split('"').nth(3).expect("an id").to_owned();
        for name in [id.as_str(), "e-1"] {
            let seen = client.get(&app.path(&format!("/msg/{name}"))).await;
            assert!(seen.text.contains(payload), "{seen:?}");
            assert!(seen.text.contains(r#""eventId":"e-1""#) && seen.text.contains(r#""channels":["c1","c2"]"#), "{seen:?}");
        }
        let listed = client.get(&app.path("/msg")).await;
        assert!(listed.text.contains(payload), "{listed:?}");
    }

    async fn content_is_left_out_on_request_and_gone_when_deleted(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let reply = client.post(&app.path("/msg?with_content=false"), &json!({"eventType": "a", "payload": {"x": 1}})).await;
        let message = reply.expect(202);
        assert_eq!(message["payload"], json!({}));
        let path = app.path(&format!("/msg/{}", message["id"].as_str().expect("an id")));
        assert_eq!(client.get(&path).await.expect(200)["payload"], json!({"x": 1}));
        assert_eq!(client.get(&format!("{path}?with_content=false")).await.expect(200)["payload"], json!({}));
        client.delete(&format!("{path}/content")).await.expect(204);
        assert_eq!(client.get(&path).await.expect(200)["payload"], json!({"expired": true}));
    }

    async fn an_event_id_is_taken_once_per_application(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (app, other) = (client.app().await, client.app().await);
        app.publish("a", "{}").event_id("e").accepted().await;
        assert_eq!(app.publish("a", "{}").event_id("e").send().await.code(409), "conflict");
        other.publish("a", "{}").event_id("e").accepted().await;
    }

    async fn an_application_is_made_on_the_fly_if_its_uid_is_the_paths(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let body = |application| json!({"eventType": "a", "payload": {}, "application": application});
        client.post("/app/fly/msg", &json!({"eventType": "a", "payload": {}})).await.expect(404);
        client.post("/app/fly/msg", &body(json!({"name": "Fly", "uid": "fly"}))).await.expect(202);
        client.post("/app/fly/msg", &body(json!({"name": "Other", "uid": "fly"}))).await.expect(202);
        assert_eq!(client.get("/app/fly").await.field("name"), "Fly");
        for (application, kind) in [
            (json!({"name": "a"}), "application_uid_missing"),
            (json!({"name": "a", "uid": "other"}), "application_uid_mismatch"),
        ] {
            let reply = client.post("/app/fly/msg", &body(application)).await;
            assert_eq!(reply.expect(422)["detail"][0]["type"], kind);
        }
    }

    async fn data_and_a_raw_payload_are_other_ways_to_say_it(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let message = client.post(&app.path("/msg"), &json!({"eventType": "a", "data": {"x": 1}})).await.expect(202);
        assert_eq!(message["payload"], json!({"x": 1}));
        let body = json!({"eventType": "a", "payload": {}, "transformationsParams": {"rawPayload": "<a b=\"c\"/>"}});
        let message = client.post(&app.path("/msg"), &body).await.expect(202);
        let path = app.path(&format!("/msg/{}", message["id"].as_str().expect("an id")));
        let seen = client.get(&path).await.expect(200);
        assert_eq!(seen["payload"], json!({"rawPayload": "<a b=\"c\"/>"}));
        assert_eq!(message["payload"], seen["payload"]);
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for (field, value, within) in [
            ("eventType", json!("a b"), ""),
            ("eventType", json!(5), ""),
            ("eventId", json!("msg_1"), ".__all__"),
            ("eventId", json!(""), ".__all__"),
            ("channels", json!([]), ""),
            ("channels", json!(["a", "a/b"]), ".[1]"),
            ("payloadRetentionPeriod", json!(0), ""),
            ("payloadRetentionPeriod", json!(91), ""),
            ("deliverAt", json!("2030-01-01T00:00:00Z"), ""),
            ("tags", json!(["a b"]), ".[0]"),
            ("data", json!({}), ""),
            ("application", json!(["a"]), ""),
            ("transformationsParams", json!(["a"]), ""),
        ] {
            let mut body = json!({"eventType": "a", "payload": {}});
            body[field] = value;
            assert_eq!(fault(&client.post(&app.path("/msg"), &body).await), format!("body.{field}{within}"));
        }
        for payload in ["[]", "1", "null", "\"{}\"", "{\"a\":}", "{"] {
            let body = format!("{{\"eventType\":\"a\",\"payload\":{payload}}}");
            send_text(&client, Method::POST, &app.path("/msg"), &body).await.expect(422);
        }
        assert!(client.all(&app.path("/msg")).await.is_empty());
    }

    async fn messages_are_filtered_by_type_channel_and_time(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for (event_type, channel) in [("a", "x"), ("b", "x"), ("c", "y")] {
            app.publish(event_type, "{}").channels(&[channel]).accepted().await;
        }
        for (query, count) in [
            ("event_types=a,b", 2),
            ("event_types=a&event_types=c", 2),
            ("event_types[]=a&event_types[]=c", 2),
            ("event_types[0]=c", 1),
            ("channel=x", 2),
            ("channel=x&event_types=b", 1),
            ("before=2020-01-01T00:00:00Z", 0),
            ("after=2020-01-01T00:00:00&before=2999-01-01 00:00:00", 3),
            ("after=2999-01-01 00:00:00", 0),
        ] {
            let page = client.get(&app.path(&format!("/msg?{query}"))).await.expect(200);
            assert_eq!(page["data"].as_array().expect("rows").len(), count, "{query}: {page}");
        }
    }
}
