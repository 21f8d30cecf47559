//! Endpoints, their secrets and their headers.

use postrider_testkit::{Server, on_both_engines};
use serde_json::json;

use crate::common::fault;

const URL: &str = "http://127.0.0.1:9/";

on_both_engines! {
    async fn an_endpoint_is_made_with_every_field_and_read_back(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        client.post("/event-type", &json!({"name": "a.b", "description": ""})).await.expect(201);
        let made = app
            .endpoint("http://Example.com")
            .event_types(&["a.b"])
            .channels(&["c"])
            .set("uid", "one")
            .set("description", "d")
            .set("throttleRate", 7)
            .set("metadata", json!({"k": "v"}))
            .set("version", 3)
            .set("timeoutSeconds", 5)
            .set("headerFamily", "svix")
            .set("retryPolicy", json!({"type": "schedule", "seconds": [1, 2]}))
            .set("headers", json!({"X-Team": "a", "Authorization": "secret"}))
            .create()
            .await;
        let seen = client.get(&app.path("/endpoint/one")).await.expect(200);
        assert_eq!(seen, made.made);
        assert_eq!(seen["url"], "http://example.com/");
        assert_eq!((&seen["eventTypes"], &seen["filterTypes"]), (&json!(["a.b"]), &json!(["a.b"])));
        assert_eq!((&seen["throttleRate"], &seen["rateLimit"]), (&json!(7), &json!(7)));
        assert_eq!(seen["retryPolicy"], json!({"type": "schedule", "seconds": [1, 2]}));
        assert_eq!((&seen["timeoutSeconds"], &seen["headerFamily"]), (&json!(5), &json!("svix")));
        assert_eq!((&seen["disabled"], &seen["disabledReason"]), (&json!(false), &json!(null)));
        let headers = client.get(&made.path("/headers")).await.expect(200);
        assert_eq!(headers, json!({"headers": {"X-Team": "a"}, "sensitive": ["Authorization"]}));
    }

    async fn replacing_keeps_what_older_clients_do_not_know(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(URL).set("uid", "one").set("timeoutSeconds", 9)
            .set("headers", json!({"x-a": "1"})).set("throttleRate", 5).create().await;
        let new = client.put(&app.path("/endpoint/one"), &json!({"url": "http://127.0.0.1:10"})).await.expect(200);
        assert_eq!((&new["id"], &new["uid"], &new["throttleRate"]), (&json!(endpoint.id), &json!(null), &json!(null)));
        assert_eq!(new["timeoutSeconds"], 9);
        let headers = client.get(&endpoint.path("/headers")).await.expect(200);
        assert_eq!(headers["headers"], json!({"x-a": "1"}));
        // What was read can be sent back.
        client.put(&endpoint.path(""), &new).await.expect(200);
        let made = client.put(&app.path("/endpoint/two"), &json!({"url": URL})).await.expect(201);
        assert_eq!(made["uid"], json!(null));
    }

    async fn disabling_by_hand_says_so_and_enabling_forgets_it(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(URL).create().await;
        let off = endpoint.patch(&json!({"disabled": true})).await;
        assert_eq!((&off["disabled"], &off["disabledReason"]), (&json!(true), &json!("manual")));
        assert!(off["disabledAt"].is_string());
        let on = endpoint.patch(&json!({"disabled": false})).await;
        assert_eq!((&on["disabledReason"], &on["disabledAt"]), (&json!(null), &json!(null)));
    }

    async fn a_filter_may_only_name_event_types_that_are_there(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let reply = app.endpoint(URL).event_types(&["nobody"]).try_create().await;
        assert_eq!(fault(&reply), "body.eventTypes");
        client.post("/event-type", &json!({"name": "a", "description": ""})).await.expect(201);
        let endpoint = app.endpoint(URL).event_types(&["a"]).create().await;
        client.delete("/event-type/a").await.expect(204);
        assert_eq!(fault(&app.endpoint(URL).event_types(&["a"]).try_create().await), "body.eventTypes");
        // An archived type does not stand in the way of other changes.
        endpoint.patch(&json!({"description": "x"})).await;
        let open = app.endpoint(URL).set("filterTypes", json!([])).create().await;
        assert_eq!(open.made["eventTypes"], json!(null));
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        for (field, value) in [
            ("url", json!("nowhere")),
            ("url", json!("https://user:pass@example.com/")),
            ("uid", json!("ep_1")),
            ("secret", json!("topsecret")),
            ("secret", json!("whsec_c2hvcnQ=")),
            ("version", json!(0)),
            ("throttleRate", json!(-1)),
            ("timeoutSeconds", json!(4)),
            ("headerFamily", json!("other")),
            ("channels", json!([])),
            ("headers", json!({"host": "a"})),
            ("headers", json!({"x-a": "a\r\nb: c"})),
            ("retryPolicy", json!({"type": "exponential", "factor": 0})),
            ("ordered", json!(true)),
        ] {
            let reply = app.endpoint(URL).set(field, value.clone()).try_create().await;
            let at = fault(&reply);
            assert!(at.starts_with(&format!("body.{field}")), "{at}: {value}");
            assert!(!reply.text.contains("topsecret") && !reply.text.contains("pass@"), "{reply:?}");
        }
    }

    async fn a_secret_is_given_made_and_rotated(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let endpoint = app.endpoint(URL).secret(given).create().await;
        assert_eq!(endpoint.secret().await, given);
        let rotated = client.post(&endpoint.path("/secret/rotate"), &json!({})).await.expect(200);
        assert_ne!(rotated["key"], given);
        // The one before signs for another day, and whoever asks is told until when.
        assert_eq!(rotated["replacedUntil"].as_array().map(Vec::len), Some(1));
        let asked = client.get(&endpoint.path("/secret")).await.expect(200);
        assert_eq!(asked, rotated);
        assert_eq!(endpoint.secret().await, rotated["key"].as_str().expect("a key"));
        let back = client.post(&endpoint.path("/secret/rotate"), &json!({"key": given, "gracePeriodSeconds": 0})).await;
        assert_eq!(back.field("key"), given);
        for body in [json!({"gracePeriodSeconds": 604_801}), json!({"key": "x"})] {
            client.post(&endpoint.path("/secret/rotate"), &body).await.expect(422);
        }
        let made = app.endpoint(URL).create().await.secret().await;
        assert!(made.starts_with("whsec_"), "{made}");
        assert_eq!(fault(&client.patch(&endpoint.path(""), &json!({"secret": given})).await), "body.secret");
    }

    async fn ten_replaced_secrets_at_once_are_the_limit(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let endpoint = client.app().await.endpoint(URL).create().await;
        for _ in 0..10 {
            client.post(&endpoint.path("/secret/rotate"), &json!({})).await.expect(200);
        }
        let reply = client.post(&endpoint.path("/secret/rotate"), &json!({})).await;
        assert_eq!(reply.code(400), "limit_reached");
    }

    async fn headers_are_replaced_and_merged(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let endpoint = client.app().await.endpoint(URL).create().await;
        let path = endpoint.path("/headers");
        client.put(&path, &json!({"headers": {"x-a": "1", "x-b": "2"}})).await.expect(204);
        client.patch(&path, &json!({"headers": {"X-A": null, "x-c": "3"}})).await.expect(204);
        let seen = client.get(&path).await.expect(200);
        assert_eq!(seen["headers"], json!({"x-b": "2", "x-c": "3"}));
        for bad in [json!({"headers": {"webhook-id": "1"}}), json!({"headers": {"a b": "1"}}), json!({})] {
            assert!(fault(&client.put(&path, &bad).await).starts_with("body.headers"), "{bad}");
        }
        let bad = json!({"headers": {"x-d": "\u{e9}"}});
        assert_eq!(fault(&client.patch(&path, &bad).await), "body.headers");
    }

    async fn headers_that_are_set_at_once_all_stay(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let path = client.app().await.endpoint(URL).create().await.path("/headers");
        for round in 0..10 {
            let one = |name: &str| json!({"headers": {format!("x-{name}-{round}"): "1"}});
            let (a, b, c) = (one("a"), one("b"), one("c"));
            let replies = tokio::join!(client.patch(&path, &a), client.patch(&path, &b), client.patch(&path, &c));
            for reply in [replies.0, replies.1, replies.2] {
                reply.expect(204);
            }
        }
        let seen = client.get(&path).await.expect(200);
        assert_eq!(seen["headers"].as_object().expect("headers").len(), 30, "{seen}");
    }

    async fn a_deleted_endpoint_is_gone_and_its_uid_is_free(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(URL).set("uid", "one").create().await;
        assert_eq!(app.endpoint(URL).set("uid", "one").try_create().await.code(409), "conflict");
        endpoint.delete().await;
        client.get(&endpoint.path("")).await.expect(404);
        client.get(&endpoint.path("/secret")).await.expect(404);
        app.endpoint(URL).set("uid", "one").create().await;
        assert_eq!(client.all(&app.path("/endpoint")).await.len(), 1);
    }

    async fn statistics_refuse_windows_that_make_no_sense(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let endpoint = client.app().await.endpoint(URL).create().await;
        let counts = client.get(&endpoint.path("/stats")).await.expect(200);
        assert_eq!(counts, json!({"success": 0, "pending": 0, "sending": 0, "fail": 0, "canceled": 0}));
        for query in ["since=2020-01-01T00:00:00Z", "until=2999-01-01T00:00:00", "since=2999-01-01T00:00:00"] {
            let reply = client.get(&endpoint.path(&format!("/stats?{query}"))).await;
            assert_eq!(reply.code(400), "invalid_range", "{query}");
        }
    }
}
