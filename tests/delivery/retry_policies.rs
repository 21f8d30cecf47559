//! Whose retry policy counts: the endpoint's, the event type's, the organisation's, the
//! installation's.

use std::time::Duration;

use postrider_domain::{RetryPolicy, Timestamp};
use postrider_testkit::{Answer, Client, Receiver, TestApp, on_both_engines};
use serde_json::{Value, json};

/// Seconds from the end of the message's first attempt to the next one.
async fn first_delay(app: &postrider_testkit::App, event_type: &str) -> i64 {
    let id = app.publish(event_type, "{}").accepted().await;
    let attempts = app.attempts_reach(&id, 1).await;
    let time = |field: &str| -> Timestamp {
        serde_json::from_value(attempts[0][field].clone()).expect("a time")
    };
    time("nextAttemptAt").seconds() - time("timestamp").seconds()
}

fn every(seconds: u64) -> Value {
    json!({"type": "schedule", "seconds": [seconds]})
}

async fn settle(client: &Client, path: &str, policy: &Value) {
    client
        .patch(path, &json!({"retryPolicy": policy}))
        .await
        .expect(200);
}

on_both_engines! {
    async fn the_narrowest_retry_policy_counts_and_a_change_counts_at_once(engine: Engine) {
        // Says nothing of its health, so that the breaker stays closed.
        let receiver = Receiver::always(Answer::status(400)).await;
        let server = TestApp::with(engine, |settings| {
            settings.retry_policy = RetryPolicy::Schedule(vec![Duration::from_secs(100)]);
        }).await;
        let client = server.client();
        let app = client.app().await;
        let plain = app.endpoint(&receiver.url()).create().await;
        assert_eq!(first_delay(&app, "a.b").await, 100, "the installation's");

        settle(&client, "/settings", &every(200)).await;
        assert_eq!(first_delay(&app, "a.b").await, 200, "the organisation's");

        let body = json!({"name": "a.b", "description": "", "retryPolicy": every(300)});
        client.post("/event-type", &body).await.expect(201);
        assert_eq!(first_delay(&app, "a.b").await, 300, "the event type's");
        assert_eq!(first_delay(&app, "other").await, 200, "another type's events go by the organisation's");

        let upsert = json!({"description": "as the official clients send it"});
        let kept = client.put("/event-type/a.b", &upsert).await.expect(200);
        assert_eq!(kept["retryPolicy"], every(300));
        assert_eq!(first_delay(&app, "a.b").await, 300);

        plain.patch(&json!({"retryPolicy": every(400)})).await;
        assert_eq!(first_delay(&app, "a.b").await, 400, "the endpoint's");

        plain.patch(&json!({"retryPolicy": null})).await;
        settle(&client, "/event-type/a.b", &json!(null)).await;
        assert_eq!(first_delay(&app, "a.b").await, 200, "back to the organisation's");
        settle(&client, "/settings", &json!(null)).await;
        assert_eq!(first_delay(&app, "a.b").await, 100, "back to the installation's");
    }

    async fn a_schedule_of_the_event_type_ends_its_deliveries_when_it_says(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = TestApp::start(engine).await;
        let client = server.client();
        let body = json!({"name": "a.b", "description": "", "retryPolicy": every(3600)});
        client.post("/event-type", &body).await.expect(201);
        let app = client.app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.attempts_reach(&id, 1).await;
        server.clock().advance(Duration::from_mins(61));
        app.attempts_reach(&id, 2).await;
        app.ends(&id, "fail").await;
    }
}
