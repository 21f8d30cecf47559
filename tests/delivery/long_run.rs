//! Days of retries, on a clock that the test moves.

use std::time::Duration;

use postrider_domain::Timestamp;
use postrider_testkit::{Answer, App, Receiver, TestApp, on_both_engines};
use serde_json::{Value, json};

/// When the latest attempt says that the next one is due.
fn next_of(attempts: &[Value]) -> Option<Timestamp> {
    let next = attempts.last()?["nextAttemptAt"].as_str()?;
    Some(serde_json::from_value(json!(next)).expect("a time"))
}

/// Moves the clock from one due time to the next until `stop` says so or nothing is due,
/// and gives all attempts.
async fn follow(
    server: &TestApp,
    app: &App,
    id: &str,
    mut stop: impl FnMut(&[Value]) -> bool,
) -> Vec<Value> {
    let mut count = 1;
    loop {
        let attempts = app.attempts_reach(id, count).await;
        if stop(&attempts) {
            return attempts;
        }
        let Some(next) = next_of(&attempts) else {
            return attempts;
        };
        server.clock().advance_to(next);
        count += 1;
    }
}

on_both_engines! {
    async fn a_receiver_that_fails_for_71_hours_and_recovers_gets_the_event(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = TestApp::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let start = server.clock().now();
        let id = app.publish("a.b", "{}").accepted().await;
        let attempts = follow(&server, &app, &id, |attempts| {
            let next = next_of(attempts).expect("not yet the end");
            if next.since(start) > Duration::from_hours(71) {
                receiver.now_answer(Answer::status(200));
            }
            attempts.last().is_some_and(|last| last["statusText"] == "success")
                || next.since(start) > Duration::from_hours(71)
        })
        .await;
        let next = next_of(&attempts).expect("one more is planned");
        server.clock().advance_to(next);
        app.ends(&id, "success").await;
        let attempts = app.attempts(&id).await;
        assert_eq!(attempts.len(), receiver.count(), "every attempt is in the history");
    }

    async fn a_receiver_that_never_recovers_ends_exhausted_at_72_hours(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = TestApp::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let start = server.clock().now();
        let id = app.publish("a.b", "{}").accepted().await;
        let attempts = follow(&server, &app, &id, |_| false).await;
        let took = server.clock().now().since(start);
        let (least, most) = (Duration::from_hours(72), Duration::from_hours(72) + Duration::from_mins(1));
        assert!((least..=most).contains(&took), "{took:?}");
        app.ends(&id, "fail").await;
        assert_eq!(attempts.len(), receiver.count());
        // 5 s times 3 up to 6 h: 9 attempts in the first ten hours, then one each 6 h.
        assert!((17..=22).contains(&attempts.len()), "{}", attempts.len());
    }

    async fn an_endpoint_whose_every_delivery_fails_is_disabled_after_five_days(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let operator = Receiver::start().await;
        let server = TestApp::start(engine).await;
        let told = json!({"url": operator.url(), "eventTypes": ["endpoint.disabled"]});
        server.client().post("/operational-webhook/endpoint", &told).await.expect(201);
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).retries(&[]).create().await;
        let mut ids = Vec::new();
        for hour in 0..120 {
            let before = receiver.count();
            let id = app.publish("a.b", "{}").accepted().await;
            receiver.received(before + 1).await;
            app.attempts_reach(&id, 1).await;
            assert_eq!(endpoint.now().await["disabled"], false, "after {hour} hours");
            ids.push(id);
            server.clock().advance(Duration::from_hours(1));
        }
        // Five days after the first failure the timer looks, without another failure. Time
        // goes on meanwhile, lest it pass while the timer is busy with the hour before.
        let now = endpoint
            .until("disabled", |now| {
                server.clock().advance(Duration::from_mins(1));
                now["disabled"] == true
            })
            .await;
        assert_eq!(now["disabledReason"], "failing", "{now}");
        for id in &ids {
            assert_eq!(app.attempts(id).await.len(), 1);
        }
        let event = operator.received(1).await.remove(0).json();
        assert_eq!(event["type"], "endpoint.disabled");
        assert_eq!(event["data"]["endpointId"], endpoint.id.as_str());
        assert_eq!(event["data"]["trigger"], "automatic");
        assert!(event["data"]["failSince"].is_string(), "{event}");
    }
}
