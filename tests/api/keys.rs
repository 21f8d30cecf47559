//! Keys.

use postrider_testkit::{Engine, Server, eventually, on_both_engines};
use serde_json::json;

use crate::common::{fault, with_new_key};

on_both_engines! {
    async fn a_key_works_until_it_is_revoked_and_shows_its_secret_once(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = client.post("/key", &json!({"name": "ci"})).await.expect(201);
        let secret = made["key"].as_str().expect("a secret").to_owned();
        assert!(secret.starts_with("prk_") && !secret.contains('.'), "{secret}");
        let other = client.with_key(&secret);
        other.get("/app").await.expect(200);
        let listed = client.get("/key").await;
        assert!(!listed.text.contains(&secret), "{listed:?}");
        let id = made["id"].as_str().expect("an id");
        client.delete(&format!("/key/{id}")).await.expect(204);
        assert_eq!(other.get("/app").await.code(401), "authentication_failed");
    }

    async fn a_key_revoked_on_one_node_stops_on_the_other_within_a_second(engine: Engine) {
        if engine == Engine::Sqlite {
            return;
        }
        let server = Server::start(engine).await;
        let second = server.second().start().await;
        let made = server.client().post("/key", &json!({"name": "ci"})).await.expect(201);
        let there = second.client().with_key(made["key"].as_str().expect("a secret"));
        there.get("/app").await.expect(200);
        let id = made["id"].as_str().expect("an id");
        server.client().delete(&format!("/key/{id}")).await.expect(204);
        eventually("the other node to hear of it", async || {
            let status = there.get("/app").await.status.as_u16();
            if status == 401 { Ok(()) } else { Err(status) }
        })
        .await;
    }

    async fn the_last_use_of_a_key_is_recorded(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        with_new_key(&client, json!({})).await.get("/app").await.expect(200);
        eventually("the uses to be written down", async || {
            let keys = client.all("/key").await;
            if keys.iter().all(|key| key["lastUsedAt"].is_string()) { Ok(()) } else { Err(keys) }
        })
        .await;
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for (body, at) in [
            (json!({}), "body.name"),
            (json!({"name": "a", "appId": "nobody"}), "body.appId"),
            (json!({"name": "a", "expiresAt": "2020-01-01T00:00:00Z"}), "body.expiresAt"),
            (json!({"name": "a", "expiresAt": "soon"}), "body.expiresAt"),
        ] {
            assert_eq!(fault(&client.post("/key", &body).await), at, "{body}");
        }
    }
}
