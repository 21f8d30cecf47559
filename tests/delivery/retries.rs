//! What fails is tried again, when the policy or the receiver says.

use std::time::Duration;

use postrider_testkit::{Answer, Nobody, Receiver, Server, on_both_engines};
use serde_json::{Value, json};

/// Seconds between the start of an attempt and the next one's due time, as recorded.
fn planned(attempt: &Value) -> f64 {
    let seconds = |field: &str| {
        let text = attempt[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field}: {attempt}"));
        let time: postrider_domain::Timestamp = serde_json::from_value(json!(text))
            .unwrap_or_else(|error| panic!("{field}: {error}: {attempt}"));
        time.micros() as f64 / 1e6
    };
    seconds("nextAttemptAt") - seconds("timestamp")
}

on_both_engines! {
    async fn a_failed_delivery_is_tried_again_signed_anew_under_the_same_id(engine: Engine) {
        let receiver =
            Receiver::in_turn([Answer::status(500), Answer::status(302), Answer::status(200)]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1,1,1").start().await;
        let app = server.client().app().await;
        let secret = app.endpoint(&receiver.url()).create().await.secret().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let requests = receiver.received(3).await;
        let mut stamps = Vec::new();
        for (number, request) in requests.iter().enumerate() {
            let verified = request.verify(&secret).unwrap();
            assert_eq!(verified.id, id);
            assert_eq!(request.attempt() as usize, number + 1);
            stamps.push(verified.timestamp);
        }
        assert!(stamps.is_sorted_by(|a, b| a < b), "signed at each attempt: {stamps:?}");
        let attempts = app.attempts_reach(&id, 3).await;
        let statuses: Vec<_> = attempts.iter().map(|one| &one["responseStatusCode"]).collect();
        assert_eq!(statuses, [500, 302, 200]);
        app.ends(&id, "success").await;
        assert_eq!(receiver.count(), 3, "each request is an attempt, each attempt a request");
    }

    async fn a_schedule_that_ends_without_success_ends_the_delivery(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "0,1").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.ends(&id, "fail").await;
        let attempts = app.attempts_reach(&id, 3).await;
        assert_eq!(attempts[2]["nextAttemptAt"], json!(null), "{}", attempts[2]);
        assert_eq!(receiver.count(), 3);
    }

    async fn an_empty_schedule_means_one_attempt(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        assert_eq!(attempt["nextAttemptAt"], json!(null), "{attempt}");
    }

    async fn an_endpoints_own_policy_wins_over_the_installations(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url_of("/own")).retries(&[0, 0]).create().await;
        let policy = json!({
            "type": "exponential",
            "initialSeconds": 100,
            "factor": 2,
            "maxIntervalSeconds": 1000,
            "horizonSeconds": 10000,
        });
        let exponential = app.endpoint(&receiver.url_of("/exponential"));
        let exponential = exponential.set("retryPolicy", policy).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        receiver
            .received_until("three to /own", |all| {
                all.iter().filter(|request| request.path == "/own").count() == 3
            })
            .await;
        let attempts = app
            .attempts_until(&id, "one of the exponential endpoint", |all| {
                all.iter().any(|one| one["endpointId"] == exponential.id.as_str())
            })
            .await;
        let of_exponential: Vec<_> =
            attempts.iter().filter(|one| one["endpointId"] == exponential.id.as_str()).collect();
        assert_eq!(of_exponential.len(), 1);
        let wait = planned(of_exponential[0]);
        assert!((88.0..=112.0).contains(&wait), "100 s give or take a tenth: {wait}");
    }

    async fn without_a_policy_the_first_retry_is_planned_after_five_seconds(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        let wait = planned(&attempt);
        assert!((4.4..=5.8).contains(&wait), "5 s give or take a tenth: {wait}");
    }

    async fn retry_after_is_honoured_up_to_six_hours(engine: Engine) {
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1,1").start().await;
        let app = server.client().app().await;
        for (asked, expected) in [("120", 120.0), ("999999999", 6.0 * 3600.0)] {
            let answer = Answer::status(503).header("retry-after", asked);
            let receiver = Receiver::always(answer).await;
            let endpoint = app.endpoint(&receiver.url()).create().await;
            let id = app.publish("a.b", "{}").accepted().await;
            let attempts = app
                .attempts_until(&id, "this endpoint's", |all| {
                    all.iter().any(|one| one["endpointId"] == endpoint.id.as_str())
                })
                .await;
            let own = attempts.iter().find(|one| one["endpointId"] == endpoint.id.as_str());
            let wait = planned(own.unwrap());
            assert!((wait - expected).abs() < expected / 8.0 + 2.0, "{asked}: {wait}");
            endpoint.delete().await;
        }
    }

    async fn what_cannot_be_reached_follows_the_schedule_too(engine: Engine) {
        let nobody = Nobody::refusing();
        let server = Server::on(engine).set("RETRY_SCHEDULE", "0").start().await;
        let app = server.client().app().await;
        let cases = [
            ("connect", nobody.url()),
            // RFC 6761: never a name.
            ("dns", "http://nobody.invalid/hook".to_owned()),
            // The port is open to the test alone, and 10.0.0.0/8 to nobody here.
            ("refused_address", "http://10.1.2.3/hook".to_owned()),
        ];
        for (failure, url) in cases {
            let endpoint = app.endpoint(&url).create().await;
            let id = app.publish("a.b", "{}").accepted().await;
            let attempts = app.attempts_reach(&id, 2).await;
            for attempt in attempts {
                assert_eq!(attempt["failure"], failure, "{attempt}");
                assert_eq!(attempt["responseStatusCode"], 0);
            }
            endpoint.delete().await;
        }
    }

    async fn a_resend_is_one_more_attempt_at_once(engine: Engine) {
        let receiver = Receiver::in_turn([Answer::status(500), Answer::status(200)]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.attempts_reach(&id, 1).await;
        assert_eq!(endpoint.resend(&id).await.expect(202), json!({}));
        let requests = receiver.received(2).await;
        assert_eq!(requests[1].message_id(), id);
        let attempts = app.attempts_reach(&id, 2).await;
        assert_eq!(attempts[1]["triggerType"], 1, "{}", attempts[1]);
        app.ends(&id, "success").await;
        // After success, too.
        endpoint.resend(&id).await.expect(202);
        receiver.received(3).await;
        tokio::time::timeout(Duration::from_mins(1), app.attempts_reach(&id, 3)).await.unwrap();
    }
}
