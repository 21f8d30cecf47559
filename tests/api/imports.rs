//! Event types out of OpenAPI documents, and whole set-ups.

use postrider_testkit::{Server, on_both_engines};
use serde_json::{Value, json};

use crate::common::fault;

const IMPORT: &str = "/event-type/import/openapi";

fn spec(description: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "webhooks": {
            "invoice.paid": {"post": {
                "description": description,
                "requestBody": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Invoice"}, "example": {"id": "in_1"}
                }}}
            }},
            "invoice.made": {"post": {"summary": "made", "deprecated": true}}
        },
        "components": {"schemas": {"Invoice": {"type": "object", "properties": {"id": {"type": "string"}}}}}
    })
}

on_both_engines! {
    async fn webhooks_of_a_document_become_event_types(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        client.post("/event-type", &json!({"name": "old", "description": "stays"})).await.expect(201);
        client.post("/event-type", &json!({"name": "invoice.made", "description": "x", "groupName": "g", "featureFlags": ["beta"]})).await.expect(201);
        client.delete("/event-type/invoice.made").await.expect(204);

        let dry = client.post(IMPORT, &json!({"spec": spec("paid"), "dryRun": true})).await.expect(200);
        assert_eq!(dry["data"]["modified"], json!([]));
        assert_eq!(dry["data"]["to_modify"].as_array().map(Vec::len), Some(2));
        client.get("/event-type/invoice.paid").await.code(404);

        let done = client.post(IMPORT, &json!({"spec": spec("paid")})).await.expect(200);
        assert_eq!(done["data"]["modified"], json!(["invoice.made", "invoice.paid"]));
        let paid = client.get("/event-type/invoice.paid").await.expect(200);
        assert_eq!(paid["description"], "paid");
        assert_eq!(paid["schemas"]["1"]["definitions"]["Invoice"]["type"], "object");
        assert_eq!(paid["schemas"]["1"]["examples"], json!([{"id": "in_1"}]));
        let made = client.get("/event-type/invoice.made").await.expect(200);
        assert_eq!((&made["archived"], &made["deprecated"]), (&json!(false), &json!(true)));
        assert_eq!((&made["groupName"], &made["featureFlags"]), (&json!("g"), &json!(["beta"])));

        // Again: nothing is left to change; and changed in YAML, one is.
        let again = client.post(IMPORT, &json!({"spec": spec("paid")})).await.expect(200);
        assert_eq!(again["data"]["modified"], json!([]));
        let yaml = "openapi: 3.0.3\nx-webhooks:\n  invoice.made:\n    post:\n      description: new\n";
        let dry = json!({"specRaw": yaml, "replaceAll": true, "dryRun": true});
        let dry = client.post(IMPORT, &dry).await.expect(200);
        assert_eq!(dry["data"]["to_archive"], json!(["invoice.paid", "old"]));
        let done = client.post(IMPORT, &json!({"specRaw": yaml, "replaceAll": true})).await.expect(200);
        assert_eq!(done["data"]["modified"], json!(["invoice.made", "invoice.paid", "old"]));
        let left = client.all("/event-type").await;
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0]["description"], "new");
    }

    async fn a_document_that_is_wrong_changes_nothing_and_says_where(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let bad_name = json!({"openapi": "3.1.0", "webhooks": {"good": {"post": {}}, "not good": {"post": {}}}});
        let bad_schema = json!({"openapi": "3.1.0", "webhooks": {"good": {"post": {"requestBody": {"content": {
            "application/json": {"schema": {"type": "nothing"}}}}}}}});
        let foreign = json!({"openapi": "3.1.0", "webhooks": {"a": {"post": {"requestBody": {"content": {
            "application/json": {"schema": {"$ref": "http://127.0.0.1:9/x.json"}}}}}}}});
        for (body, at) in [
            (json!({}), "body.spec"),
            (json!({"spec": {}, "specRaw": ""}), "body.specRaw"),
            (json!({"spec": 5}), "body.spec.openapi"),
            (json!({"specRaw": "a: ["}), "body.specRaw"),
            (json!({"spec": bad_name}), "body.spec.webhooks.not good.name"),
            (json!({"spec": bad_schema}), "body.spec.webhooks.good.schemas.1"),
            (json!({"spec": foreign}), "body.spec.webhooks.a.post"),
        ] {
            assert_eq!(fault(&client.post(IMPORT, &body).await), at, "{body}");
        }
        assert_eq!(client.all("/event-type?include_archived=true").await.len(), 0);
    }

    async fn a_set_up_is_carried_from_one_organisation_to_another(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for name in ["a", "b", "c"] {
            let body = json!({"name": name, "description": name, "schemas": {"1": {"type": "object"}}, "featureFlags": ["beta"], "groupName": "g"});
            client.post("/event-type", &body).await.expect(201);
        }
        client.delete("/event-type/c").await.expect(204);
        let decided = json!({"strictCatalogue": true, "rateLimit": 900, "theme": {"name": "Acme"}, "frameAncestors": ["https://a.example"]});
        client.patch("/settings", &decided).await.expect(200);
        let exported = client.post("/environment/export", &json!({})).await.expect(200);
        assert_eq!(exported["version"], 1);
        assert_eq!(exported["connectors"], json!([]));
        assert!(exported["createdAt"].is_string());

        let made = server.command(&["key", "create", "--org", "other"]).await.stdout;
        let other = client.with_key(String::from_utf8(made).expect("text").trim());
        other.post("/event-type", &json!({"name": "own", "description": "stays"})).await.expect(201);
        other.post("/environment/import", &exported).await.expect(204);
        let imported = other.all("/event-type?include_archived=true&with_content=true").await;
        assert_eq!(imported.len(), 4);
        for (mine, theirs) in exported["eventTypes"].as_array().expect("event types").iter().zip(&imported) {
            for field in ["name", "description", "archived", "schemas", "featureFlags", "groupName"] {
                assert_eq!(mine[field], theirs[field], "{field}");
            }
        }
        let settings = client.get("/settings").await.expect(200);
        assert_eq!((&exported["settings"], &other.get("/settings").await.expect(200)), (&settings, &settings));
        // Null gives a default, what is left out stays.
        other.post("/environment/import", &json!({"settings": {"rateLimit": null}})).await.expect(204);
        let now = other.get("/settings").await.expect(200);
        assert_eq!((&now["rateLimit"], &now["strictCatalogue"]), (&json!(null), &json!(true)));
        // All or nothing.
        let body = json!({"eventTypes": [{"name": "new", "description": ""}], "settings": {"theme": {"textColor": "red"}}});
        assert_eq!(fault(&other.post("/environment/import", &body).await), "body.settings.theme.textColor");
        for body in [json!({"settings": []}), json!({"eventTypes": [["new", ""]]})] {
            other.post("/environment/import", &body).await.expect(422);
        }
        let body = json!({"eventTypes": [{"name": "new", "description": ""}, {"name": "not good", "description": ""}]});
        assert_eq!(fault(&other.post("/environment/import", &body).await), "body.eventTypes.[1].name");
        other.get("/event-type/new").await.code(404);
        assert_eq!(fault(&other.post("/environment/import", &json!({"connectors": [{}]})).await), "body.connectors");
        other.post("/environment/import", &json!({})).await.expect(204);
    }
}
