//! Applications.

use postrider_testkit::{Client, Server, on_both_engines};
use serde_json::json;

use crate::common::{app_token, fault, with_new_key};

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

    async fn applications_are_searched_within_the_organisation_and_walked_both_ways(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let mut found = Vec::new();
        for n in 0..5 {
            client.post("/app", &json!({"name": "Noise", "uid": format!("noise-{n}")})).await.expect(201);
            let body = json!({"name": "Straße & Söhne", "uid": format!("Shop_{n}")});
            found.push(client.post("/app", &body).await.field("id"));
        }
        let ids = async |client: &Client, path: &str| {
            let page = client.get(path).await.expect(200);
            let rows = page["data"].as_array().expect("rows").iter();
            let ids: Vec<_> = rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
            (ids, page)
        };
        for text in ["SHOP_", "s%C3%96HNE", "%20Stra%C3%9Fe+%26+", "%C3%9Fe%20%26"] {
            assert_eq!(ids(&client, &format!("/app?search={text}")).await.0, found, "{text}");
        }
        assert_eq!(ids(&client, "/app?search=shop_3").await.0, found[3..4]);
        assert_eq!(ids(&client, &format!("/app?search={}", found[1])).await.0, found[1..2]);
        assert_eq!(ids(&client, "/app?search=%20").await.0.len(), 10);

        let (first, page) = ids(&client, "/app?search=shop&limit=2").await;
        assert_eq!((first, &page["done"]), (found[..2].to_vec(), &json!(false)));
        let on = page["iterator"].as_str().expect("a way on");
        let (second, page) = ids(&client, &format!("/app?search=shop&limit=2&iterator={on}")).await;
        assert_eq!(second, found[2..4]);
        let back = page["prevIterator"].as_str().expect("a way back");
        let (again, page) = ids(&client, &format!("/app?search=shop&limit=2&iterator={back}")).await;
        assert_eq!((again, &page["done"]), (found[..2].to_vec(), &json!(true)));
        let (down, _) = ids(&client, "/app?search=shop&order=descending&limit=1").await;
        assert_eq!(down, found[4..]);

        let made = server.command(&["key", "create", "--org", "stranger"]).await.stdout;
        let stranger = client.with_key(String::from_utf8_lossy(&made).trim());
        for text in ["shop", found[0].as_str()] {
            assert_eq!(ids(&stranger, &format!("/app?search={text}")).await.0, Vec::<String>::new());
        }
        let bound = app_token(&client, &found[0], json!({})).await;
        assert_eq!(bound.get("/app?search=shop").await.code(403), "insufficient access");
        let reader = with_new_key(&client, json!({"readOnly": true})).await;
        assert_eq!(ids(&reader, "/app?search=shop").await.0, found);
    }
}
