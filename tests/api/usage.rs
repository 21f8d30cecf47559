//! Statistics of an organisation.

use postrider_testkit::{Receiver, Server, days_ago, on_both_engines};
use serde_json::json;

use crate::common::fault;

on_both_engines! {
    async fn attempts_are_counted_by_application(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let (busy, idle) = (client.app().await, client.app().await);
        busy.endpoint(&receiver.url()).create().await;
        let mut last = String::new();
        for _ in 0..3 {
            let id = busy.publish("a", "{}").accepted().await;
            busy.attempts_reach(&id, 1).await;
            last = id;
        }
        let window = json!({"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"});
        let last = busy.attempts(&last).await;
        let today = &last[0]["timestamp"].as_str().expect("a time")[..10];
        let today = json!({"since": days_ago(1), "until": format!("{today}T23:59:59.999999Z")});
        for (body, counts) in [(&today, [3, 0]), (&window, [0, 0])] {
            let task = client.post("/stats/usage/app", body).await.expect(202);
            assert_eq!(task["task"], "application.stats");
            assert_eq!(task["unresolvedAppIds"], json!([]));
            let task = client.task_becomes(task["id"].as_str().unwrap(), "finished").await;
            assert_eq!(task["data"], json!({"total": 2, "done": 2, "appStats": [
                {"appId": busy.id(), "appUid": null, "messageDestinations": counts[0]},
                {"appId": idle.id(), "appUid": null, "messageDestinations": counts[1]},
            ]}));
        }
        let mut some = today.clone();
        some["appIds"] = json!([idle.id(), "nobody"]);
        let task = client.post("/stats/usage/app", &some).await.expect(202);
        assert_eq!(task["unresolvedAppIds"], json!(["nobody"]));
        let task = client.task_becomes(task["id"].as_str().unwrap(), "finished").await;
        assert_eq!(task["data"]["appStats"].as_array().map(Vec::len), Some(1));
        for (field, value, at) in [
            ("appIds", json!(["nobody"]), "body.appIds"),
            ("since", json!("soon"), "body.since"),
            ("until", json!("2019-01-01T00:00:00Z"), "body.until"),
            ("since", json!("2019-01-01T00:00:00Z"), "body.since"),
        ] {
            let mut body = today.clone();
            body[field] = value;
            assert_eq!(fault(&client.post("/stats/usage/app", &body).await), at);
        }
    }

    async fn the_event_types_that_applications_ask_for_are_listed(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        for name in ["a", "b"] {
            client.post("/event-type", &json!({"name": name, "description": ""})).await.expect(201);
        }
        let (picky, all) = (client.app().await, client.app().await);
        for names in [["a", "b"].as_slice(), &["b"]] {
            picky.endpoint("http://127.0.0.1:9/").event_types(names).create().await;
        }
        all.endpoint("http://127.0.0.1:9/").create().await;
        let task = client.put("/stats/usage/event-types", &json!({})).await.expect(202);
        assert_eq!(task["task"], "event-type.aggregate");
        let task = client.task_becomes(task["id"].as_str().unwrap(), "finished").await;
        assert_eq!(task["data"]["event_types"], json!([
            {"appId": picky.id(), "explicitlySubscribedEventTypes": ["a", "b"], "hasCatchAllEndpoint": false},
            {"appId": all.id(), "explicitlySubscribedEventTypes": [], "hasCatchAllEndpoint": true},
        ]));
    }
}
