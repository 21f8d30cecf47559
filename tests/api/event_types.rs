//! Event types.

use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::fault;

on_both_engines! {
    async fn an_event_type_is_made_read_changed_replaced_archived_revived_and_removed(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let schemas = json!({"1": {"type": "object", "examples": [{"id": 1}]}});
        let body = json!({"name": "a.b", "description": "d", "schemas": schemas, "groupName": "g"});
        let made = client.post("/event-type", &body).await.expect(201);
        assert_eq!(made["schemas"], schemas);
        assert_eq!(client.get("/event-type/a.b").await.expect(200), made);
        assert_eq!(client.post("/event-type", &body).await.code(409), "event_type_exists");

        let listed = client.all("/event-type").await;
        assert_eq!(listed[0]["schemas"], json!(null));
        let listed = client.all("/event-type?with_content=true").await;
        assert_eq!(listed[0]["schemas"], schemas);

        let changed = client.patch("/event-type/a.b", &json!({"deprecated": true, "schemas": null})).await.expect(200);
        assert_eq!((&changed["deprecated"], &changed["schemas"], &changed["description"]), (&json!(true), &json!(null), &json!("d")));

        let replaced = client.put("/event-type/a.b", &json!({"description": "e"})).await.expect(200);
        assert_eq!((&replaced["deprecated"], &replaced["description"]), (&json!(false), &json!("e")));
        client.put("/event-type/new", &json!({"description": "e"})).await.expect(201);

        client.delete("/event-type/a.b").await.expect(204);
        assert_eq!(client.all("/event-type").await.len(), 1);
        assert_eq!(client.all("/event-type?include_archived=true").await.len(), 2);
        assert_eq!(client.get("/event-type/a.b").await.expect(200)["archived"], true);
        let revived = client.post("/event-type", &body).await.expect(201);
        assert_eq!(revived["archived"], false);

        client.delete("/event-type/a.b?expunge=true").await.expect(204);
        client.get("/event-type/a.b").await.expect(404);
        client.delete("/event-type/a.b").await.expect(404);
    }

    async fn event_types_are_listed_by_the_bytes_of_their_names(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for name in ["b", "a", "B", "a.b", "a-b", "A"] {
            client.post("/event-type", &json!({"name": name, "description": ""})).await.expect(201);
        }
        let mut names = Vec::new();
        let mut iterator = String::new();
        loop {
            let page = client.get(&format!("/event-type?limit=2{iterator}")).await.expect(200);
            names.extend(page["data"].as_array().expect("rows").iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
            if page["done"] == true { break; }
            iterator = format!("&iterator={}", page["iterator"].as_str().expect("an iterator"));
        }
        assert_eq!(names, ["A", "B", "a", "a-b", "a.b", "b"]);
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for (body, at) in [
            (json!({"description": ""}), "body.name"),
            (json!({"name": "a"}), "body.description"),
            (json!({"name": "a b", "description": ""}), "body.name"),
            (json!({"name": "a", "description": "", "schemas": {"1": {"type": "nothing"}}}), "body.schemas.1"),
            (json!({"name": "a", "description": "", "schemas": []}), "body.schemas"),
        ] {
            assert_eq!(fault(&client.post("/event-type", &body).await), at, "{body}");
        }
    }
}
