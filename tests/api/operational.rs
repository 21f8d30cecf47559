//! Routes of operational endpoints.

use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::{fault, with_new_key};

const ALL: &str = "/operational-webhook/endpoint";

on_both_engines! {
    async fn an_operational_endpoint_is_made_read_replaced_rotated_and_deleted(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        assert_eq!(client.all(ALL).await.len(), 0);
        client.get(&format!("{ALL}/nobody")).await.code(404);
        let body = json!({
            "url": "http://Example.com", "uid": "ops", "description": "d", "metadata": {"a": "b"},
            "eventTypes": ["endpoint.disabled"], "throttleRate": 5, "headers": {"x-a": "1", "authorization": "s"}
        });
        let made = client.post(ALL, &body).await.expect(201);
        assert_eq!(made["url"], "http://example.com/");
        assert_eq!((&made["throttleRate"], &made["eventTypes"]), (&json!(5), &json!(["endpoint.disabled"])));
        assert_eq!(client.post(ALL, &body).await.code(409), "conflict");
        let one = format!("{ALL}/ops");
        assert_eq!(client.get(&one).await.expect(200), made);
        assert_eq!(client.get(&format!("{ALL}/{}", made["id"].as_str().unwrap())).await.expect(200), made);
        let headers = client.get(&format!("{one}/headers")).await.expect(200);
        assert_eq!(headers, json!({"headers": {"x-a": "1"}, "sensitive": ["authorization"]}));

        let replaced = client.put(&one, &json!({"url": "http://example.com/b", "uid": "ops"})).await.expect(200);
        assert_eq!((&replaced["id"], &replaced["eventTypes"]), (&made["id"], &json!(null)));
        assert_eq!(client.get(&format!("{one}/headers")).await.expect(200), headers);
        client.put(&format!("{one}/headers"), &json!({"headers": {}})).await.expect(204);
        assert_eq!(client.get(&format!("{one}/headers")).await.expect(200)["headers"], json!({}));
        client.put(&format!("{ALL}/new"), &json!({"url": "http://example.com/c"})).await.expect(201);
        assert_eq!(client.all(ALL).await.len(), 2);
        assert_eq!(client.get(&format!("{ALL}?limit=1&order=ascending")).await.expect(200)["data"][0]["id"], made["id"]);

        let old = client.get(&format!("{one}/secret")).await.field("key");
        let new = client.post(&format!("{one}/secret/rotate"), &json!({})).await.expect(200);
        assert_ne!(new["key"], old.as_str());
        assert_eq!(client.get(&format!("{one}/secret")).await.expect(200), new);

        client.delete(&one).await.expect(204);
        client.delete(&one).await.code(404);
        assert_eq!(client.all(ALL).await.len(), 1);
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for (body, at) in [
            (json!({}), "body.url"),
            (json!({"url": "ftp://a"}), "body.url"),
            (json!({"url": "http://a", "eventTypes": ["invoice.paid"]}), "body.eventTypes"),
            (json!({"url": "http://a", "secret": "x"}), "body.secret"),
            (json!({"url": "http://a", "headers": {"host": "x"}}), "body.headers"),
            (json!({"url": "http://a", "uid": "ep_x"}), "body.uid.__all__"),
            (json!({"url": "http://a", "throttleRate": 0}), "body.throttleRate"),
        ] {
            assert_eq!(fault(&client.post(ALL, &body).await), at, "{body}");
        }
    }

    async fn only_keys_of_the_organisation_reach_them(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        client.post(ALL, &json!({"url": "http://a", "uid": "ops"})).await.expect(201);
        let of_app = with_new_key(&client, json!({"appId": app.id()})).await;
        assert_eq!(of_app.get(ALL).await.code(403), "insufficient access");
        let reader = with_new_key(&client, json!({"readOnly": true})).await;
        reader.get(&format!("{ALL}/ops")).await.expect(200);
        assert_eq!(reader.get(&format!("{ALL}/ops/secret")).await.code(403), "insufficient access");
        let made = server.command(&["key", "create", "--org", "stranger"]).await.stdout;
        let stranger = client.with_key(String::from_utf8(made).expect("text").trim());
        assert_eq!(stranger.all(ALL).await.len(), 0);
        stranger.get(&format!("{ALL}/ops")).await.code(404);
    }
}
