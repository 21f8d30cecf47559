//! What an organisation decides for all its applications.

use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::fault;

on_both_engines! {
    async fn settings_are_read_and_changed_field_by_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let fresh = client.get("/settings").await.expect(200);
        assert_eq!(fresh["strictCatalogue"], false);
        assert_eq!(fresh["validatePayloads"], false);
        for unset in ["payloadRetentionDays", "rateLimit", "retryPolicy"] {
            assert_eq!(fresh[unset], json!(null), "{unset}");
        }
        assert_eq!((&fresh["frameAncestors"], &fresh["theme"]["mode"]), (&json!([]), &json!("system")));

        let policy = json!({"type": "schedule", "seconds": [1, 2]});
        let change = json!({
            "strictCatalogue": true,
            "rateLimit": 7,
            "retryPolicy": policy,
            "payloadRetentionDays": 30,
            "theme": {"name": "Acme", "primaryColor": "#AABBCC"},
            "frameAncestors": ["https://App.example.com/"],
            "unknown": 1
        });
        let changed = client.patch("/settings", &change).await.expect(200);
        assert_eq!(changed["frameAncestors"], json!(["https://app.example.com"]));
        assert_eq!(changed["theme"]["primaryColor"], "#aabbcc");
        assert_eq!(changed["retryPolicy"], policy);
        assert_eq!(client.get("/settings").await.expect(200), changed);

        let again = client.patch("/settings", &json!({"rateLimit": null, "theme": {"mode": "dark"}})).await.expect(200);
        assert_eq!((&again["rateLimit"], &again["theme"]["name"]), (&json!(null), &json!("Acme")));
        assert_eq!((&again["strictCatalogue"], &again["payloadRetentionDays"]), (&json!(true), &json!(30)));
    }

    async fn wrong_settings_are_refused_at_their_field_and_change_nothing(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let before = client.get("/settings").await.expect(200);
        for (field, wrong) in [
            ("strictCatalogue", json!("yes")),
            ("rateLimit", json!(0)),
            ("rateLimit", json!(65536)),
            ("payloadRetentionDays", json!(0)),
            ("payloadRetentionDays", json!(91)),
            ("retryPolicy", json!({"type": "schedule", "seconds": [-1]})),
            ("frameAncestors", json!(["https://*.example.com"])),
            ("frameAncestors", json!("https://example.com")),
            ("theme", json!({"logoUrl": "javascript:alert(1)"})),
        ] {
            let reply = client.patch("/settings", &json!({"validatePayloads": true, field: wrong})).await;
            assert!(fault(&reply).starts_with(&format!("body.{field}")), "{wrong}: {reply:?}");
        }
        assert_eq!(client.get("/settings").await.expect(200), before);
    }
}
