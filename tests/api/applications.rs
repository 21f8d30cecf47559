//! Applications.

use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::fault;

on_both_engines! {
    async fn an_application_is_made_read_changed_replaced_and_deleted(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = client
            .post("/app", &json!({"name": "Acme", "uid": "acme", "throttleRate": 5, "metadata": {"k": "v"}}))
            .await
            .expect(201);
        assert_eq!(made["rateLimit"], 5);
        assert_eq!(client.get("/app/acme").await.expect(200), made);
        let id = made["id"].as_str().expect("an id").to_owned();
        assert_eq!(client.get(&format!("/app/{id}")).await.expect(200), made);

        let changed = client
            .patch("/app/acme", &json!({"uid": null, "rateLimit": null, "name": null}))
            .await
            .expect(200);
        assert_eq!(changed["throttleRate"], json!(null));
        assert_eq!(changed.get("uid"), None);
        assert_eq!((&changed["name"], &changed["metadata"]), (&made["name"], &made["metadata"]));

        let replaced = client.put(&format!("/app/{id}"), &json!({"name": "New"})).await.expect(200);
        assert_eq!((&replaced["id"], &replaced["metadata"]), (&made["id"], &json!({})));

        client.delete(&format!("/app/{id}")).await.expect(204);
        assert_eq!(client.get(&format!("/app/{id}")).await.code(404), "not_found");
        client.delete(&format!("/app/{id}")).await.expect(404);
    }

    async fn changes_of_different_fields_at_once_all_count(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for _ in 0..10 {
            let id = client.post("/app", &json!({"name": "Acme"})).await.field("id");
            let path = format!("/app/{id}");
            let (name, rate, metadata) = (json!({"name": "New"}), json!({"throttleRate": 7}), json!({"metadata": {"k": "v"}}));
            let (one, two, three) = tokio::join!(
                client.patch(&path, &name),
                client.patch(&path, &rate),
                client.patch(&path, &metadata),
            );
            for reply in [one, two, three] {
                reply.expect(200);
            }
            let app = client.get(&path).await.expect(200);
            assert_eq!((&app["name"], &app["throttleRate"], &app["metadata"]["k"]), (&json!("New"), &json!(7), &json!("v")));
        }
    }

    async fn a_uid_belongs_to_one_application_until_it_is_deleted(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let body = json!({"name": "a", "uid": "same"});
        let first = client.post("/app", &body).await.expect(201);
        assert_eq!(client.post("/app", &body).await.code(409), "conflict");
        let other = client.post("/app", &json!({"name": "b"})).await.field("id");
        assert_eq!(client.patch(&format!("/app/{other}"), &json!({"uid": "same"})).await.code(409), "conflict");
        let found = client.post("/app?get_if_exists=true", &json!({"name": "b", "uid": "same"})).await.expect(200);
        assert_eq!(found, first);
        client.delete("/app/same").await.expect(204);
        let second = client.post("/app?get_if_exists=true", &body).await.expect(201);
        assert_ne!(second["id"], first["id"]);
    }

    async fn putting_an_unknown_application_makes_one_without_the_paths_uid(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let made = client.put("/app/nobody", &json!({"name": "a"})).await.expect(201);
        assert_eq!(made.get("uid"), None);
        client.get("/app/nobody").await.expect(404);
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for (body, at) in [
            (json!({}), "body.name"),
            (json!({"name": ""}), "body.name"),
            (json!({"name": "a\u{0}"}), "body.name"),
            (json!({"name": "a", "uid": "app_1"}), "body.uid.__all__"),
            (json!({"name": "a", "uid": "a b"}), "body.uid.__all__"),
            (json!({"name": "a", "throttleRate": 0}), "body.throttleRate"),
            (json!({"name": "a", "metadata": {"k": "v".repeat(4096)}}), "body.metadata"),
            (json!({"name": "a", "metadata": {"k": 1}}), "body.metadata.k"),
        ] {
            assert_eq!(fault(&client.post("/app", &body).await), at, "{body}");
        }
        assert!(client.all("/app").await.is_empty());
    }
}
