//! Sending again what an endpoint has missed, in background tasks.

use std::collections::HashSet;

use postrider_domain::DeliveryState;
use postrider_testkit::{Answer, Receiver, Request, Server, days_ago, eventually, on_both_engines};
use postrider_tests::Seed;
use serde_json::json;

fn ids(requests: &[Request]) -> HashSet<&str> {
    requests.iter().map(Request::message_id).collect()
}

/// A window that reaches back as far as a recovery may.
fn lately() -> serde_json::Value {
    json!({ "since": days_ago(13) })
}

on_both_engines! {
    async fn what_failed_was_cancelled_or_was_skipped_is_recovered_and_the_rest_left_alone(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "").start().await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let failed = app.publish("a.b", "{}").accepted().await;
        endpoint.delivery_becomes(&failed, "fail").await;
        receiver.now_answer(Answer::status(200));
        let well = app.publish("a.b", "{}").accepted().await;
        app.ends(&well, "success").await;
        endpoint.patch(&json!({"disabled": true})).await;
        let skipped = app.publish("a.b", "{}").accepted().await;
        endpoint.delivery_becomes(&skipped, "canceled").await;
        let refused = client.post(&endpoint.path("/recover"), &lately()).await;
        assert_eq!(refused.code(400), "endpoint_disabled");
        endpoint.patch(&json!({"disabled": false})).await;
        let preview = client.get(&endpoint.path("/recover/preview")).await.ok();
        assert_eq!(preview["messages"], 2, "{preview}");
        assert_eq!((&preview["failed"], &preview["skipped"]), (&json!(1), &json!(1)), "{preview}");
        assert_eq!(preview["complete"], true, "{preview}");

        let task = endpoint.begin("recover", &lately()).await;
        let task = client.task_becomes(&task, "finished").await;
        assert_eq!(task["task"], "endpoint.recover");
        let data = json!({"total": 2, "done": 2, "messagesSent": 2, "unrecoverable": 0});
        assert_eq!(task["data"], data);
        for id in [&failed, &skipped] {
            app.ends(id, "success").await;
            let attempts = app.attempts(id).await;
            assert_eq!(attempts[0]["triggerType"], 1, "{attempts:?}");
        }
        assert_eq!(app.attempts(&well).await.len(), 1);
        assert_eq!(receiver.count(), 4);
        // There is nothing left to recover.
        let task = endpoint.begin("recover", &lately()).await;
        let task = client.task_becomes(&task, "finished").await;
        assert_eq!(task["data"]["messagesSent"], 0);
        assert_eq!(receiver.count(), 4);
    }

    async fn a_recovered_delivery_begins_its_schedule_anew(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        endpoint.delivery_becomes(&id, "fail").await;
        assert_eq!(receiver.count(), 2);
        endpoint.begin("recover", &lately()).await;
        let attempts = app.attempts_reach(&id, 4).await;
        let numbers: Vec<_> = attempts.iter().map(|one| one["attemptNumber"].clone()).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        endpoint.delivery_becomes(&id, "fail").await;
        assert_eq!(receiver.count(), 4);
    }

    async fn what_was_published_before_an_endpoint_is_replayed_to_it_if_it_wants_it(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for name in ["wanted", "unwanted"] {
            client.put(&format!("/event-type/{name}"), &json!({"description": name})).await.ok();
        }
        let mut wanted = HashSet::new();
        for _ in 0..3 {
            wanted.insert(app.publish("wanted", "{}").channels(&["eu"]).accepted().await);
            app.publish("unwanted", "{}").channels(&["eu"]).accepted().await;
            app.publish("wanted", "{}").channels(&["us"]).accepted().await;
        }
        let endpoint = app
            .endpoint(&receiver.url())
            .event_types(&["wanted"])
            .set("channels", json!(["eu"]))
            .create()
            .await;
        let later = app.publish("wanted", "{}").channels(&["eu"]).accepted().await;
        app.ends(&later, "success").await;
        let body = json!({ "since": days_ago(80) });
        let preview = format!("/recover/preview?kind=replay-missing&since={}", days_ago(80));
        assert_eq!(client.get(&endpoint.path(&preview)).await.ok()["messages"], 3);
        let task = endpoint.begin("replay-missing", &body).await;
        let task = client.task_becomes(&task, "finished").await;
        assert_eq!(task["task"], "endpoint.replay");
        assert_eq!(task["data"]["messagesSent"], 3, "{task}");
        for id in &wanted {
            app.ends(id, "success").await;
        }
        wanted.insert(later);
        let requests = receiver.requests();
        assert_eq!(requests.len(), 4);
        assert_eq!(ids(&requests), wanted.iter().map(String::as_str).collect());
        let again = endpoint.begin("replay-missing", &body).await;
        let again = client.task_becomes(&again, "finished").await;
        assert_eq!(again["data"], json!({"total": 0, "done": 0, "messagesSent": 0, "unrecoverable": 0}));
        let nothing = client.get(&endpoint.path(&preview)).await.ok();
        assert_eq!((&nothing["messages"], &nothing["complete"]), (&json!(0), &json!(true)));
    }

    async fn a_bulk_replay_sends_what_its_filters_name_also_what_was_taken(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let well = app.publish("well", "{}").channels(&["eu"]).accepted().await;
        let other = app.publish("other", "{}").accepted().await;
        for id in [&well, &other] {
            app.ends(id, "success").await;
        }
        receiver.now_answer(Answer::status(404));
        let waiting = app.publish("waits", "{}").accepted().await;
        app.attempts_reach(&waiting, 1).await;
        receiver.now_answer(Answer::status(200));
        let replay = async |filter: serde_json::Value| {
            let mut body = json!({ "since": days_ago(1) });
            for (name, value) in filter.as_object().expect("filters") {
                body[name] = value.clone();
            }
            let task = endpoint.begin("bulk-replay", &body).await;
            let task = client.task_becomes(&task, "finished").await;
            assert_eq!(task["task"], "endpoint.bulk-replay");
            task["data"]["messagesSent"].as_i64().expect("a count")
        };
        let preview = client.get(&endpoint.path("/recover/preview?kind=bulk-replay")).await.ok();
        assert_eq!((&preview["messages"], &preview["failed"]), (&json!(3), &json!(0)), "{preview}");
        assert_eq!(replay(json!({"eventTypes": ["well"]})).await, 1);
        app.attempts_reach(&well, 2).await;
        assert_eq!(replay(json!({"channel": "eu", "status": 0})).await, 1);
        app.attempts_reach(&well, 3).await;
        assert_eq!(replay(json!({"status": 2})).await, 0);
        assert_eq!(replay(json!({"statusCodeClass": 400})).await, 1);
        // Its retry was made early, by its own schedule.
        app.ends(&waiting, "success").await;
        let attempts = app.attempts(&waiting).await;
        assert_eq!(attempts[0]["triggerType"], 0);
        assert_eq!(app.attempts(&other).await.len(), 1);
        for id in [&well, &waiting] {
            app.ends(id, "success").await;
        }
        assert_eq!(replay(json!({})).await, 3);
        receiver.received(8).await;
    }

    async fn what_has_lost_its_payload_is_counted_and_not_sent(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "").start().await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let (gone, kept) = (
            app.publish("a.b", "{}").accepted().await,
            app.publish("a.b", "{}").event_id("kept").accepted().await,
        );
        for id in [&gone, &kept] {
            endpoint.delivery_becomes(id, "fail").await;
        }
        let body = json!({"ids": [gone, "unknown", "nul\u{0}"]});
        let results = client.post(&app.path("/msg/bulk-expunge"), &body).await.expect(200);
        let expected = json!({(gone.as_str()): "expunged", "unknown": "not-found", "nul\u{0}": "not-found"});
        assert_eq!(results["results"], expected);
        let preview = client.get(&endpoint.path("/recover/preview")).await.ok();
        assert_eq!((&preview["messages"], &preview["unrecoverable"]), (&json!(1), &json!(1)), "{preview}");
        receiver.now_answer(Answer::status(200));
        let task = endpoint.begin("recover", &lately()).await;
        let task = client.task_becomes(&task, "finished").await;
        let data = json!({"total": 2, "done": 2, "messagesSent": 1, "unrecoverable": 1});
        assert_eq!(task["data"], data);
        app.ends(&kept, "success").await;
        endpoint.delivery_becomes(&gone, "fail").await;
        assert_eq!(receiver.count(), 3);
    }

    async fn a_cancelled_task_sends_nothing_more_and_what_it_queued_is_taken_back(engine: Engine) {
        const MESSAGES: i64 = 3_000;
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).set("throttleRate", 5).create().await;
        let seed = Seed::new(MESSAGES);
        seed.messages(&server, &app).await;
        seed.deliveries(&server, &endpoint, DeliveryState::Skipped).await;
        let task = endpoint.begin("recover", &lately()).await;
        receiver.received(2).await;
        let stopped = client.post(&format!("/background-task/{task}/cancel"), &json!({})).await;
        let stopped = stopped.expect(200);
        assert_eq!((&stopped["status"], &stopped["data"]["canceled"]), (&json!("failed"), &json!(true)), "{stopped}");
        assert_eq!(stopped["data"]["total"], MESSAGES);
        assert!(stopped["data"]["done"].as_i64() < Some(MESSAGES), "{stopped}");
        let sent = receiver.count();
        let waiting = "select count(*) from delivery where state = 0";
        eventually("everything to be taken back", async || {
            match server.database().number(waiting).await {
                0 => Ok(()),
                left => Err(left),
            }
        })
        .await;
        // What was in flight at the time may have arrived.
        assert!(receiver.count() <= sent + 2, "{} after {sent}", receiver.count());
        let untouched = "select count(*) from delivery where state = 4 and attempts = 0";
        let untouched = server.database().number(untouched).await;
        assert_eq!(untouched, MESSAGES - i64::try_from(receiver.count()).expect("few"));
        // Another recovery sends the rest of them.
        endpoint.patch(&json!({"throttleRate": null})).await;
        let task = endpoint.begin("recover", &lately()).await;
        let requests = receiver.received(3_000).await;
        assert_eq!(requests.len(), 3_000);
        assert_eq!(ids(&requests).len(), 3_000);
        let task = client.task_becomes(&task, "finished").await;
        assert_eq!((&task["data"]["done"], &task["data"]["messagesSent"]), (&json!(untouched), &json!(untouched)));
    }
}
