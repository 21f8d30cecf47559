//! Receivers that do their worst: the attempt is recorded, the schedule goes on, and the
//! others do not notice.

use std::time::Duration;

use postrider_testkit::{Answer, Nobody, Receiver, Server, on_both_engines};

on_both_engines! {
    async fn every_way_to_misbehave_is_a_recorded_failure(engine: Engine) {
        let server = Server::on(engine)
            .set("REQUEST_TIMEOUT", "5")
            .set("RETRY_SCHEDULE", "")
            .start()
            .await;
        let app = server.client().app().await;
        let cases: Vec<(&str, Answer, &[&str])> = vec![
            ("hang", Answer::hang(), &["timeout"]),
            ("trickle", Answer::trickle(), &["timeout"]),
            ("reset", Answer::reset(), &["reset"]),
            ("reset in body", Answer::reset_in_body(), &["reset"]),
            ("garbage", Answer::garbage(), &["reset", "http"]),
            ("endless headers", Answer::endless_headers(), &["oversized", "reset", "http"]),
            ("redirect", Answer::redirect("http://127.0.0.1:9/"), &["http"]),
            ("server error", Answer::status(599), &["http"]),
        ];
        let mut receivers = Vec::new();
        let mut endpoints = Vec::new();
        for (_, answer, _) in &cases {
            let receiver = Receiver::always(answer.clone()).await;
            endpoints.push(app.endpoint(&receiver.url()).create().await);
            receivers.push(receiver);
        }
        let silent = Nobody::silent().await;
        endpoints.push(app.endpoint(&silent.url()).create().await);
        let id = app.publish("a.b", "{}").accepted().await;
        let attempts = app.attempts_reach(&id, cases.len() + 1).await;
        let of = |number: usize| {
            let id = endpoints[number].id.as_str();
            attempts.iter().find(|one| one["endpointId"] == id).expect("each has its attempt")
        };
        for (number, (name, _, expected)) in cases.iter().enumerate() {
            let attempt = of(number);
            assert_eq!(attempt["statusText"], "fail", "{name}: {attempt}");
            let failure = attempt["failure"].as_str().unwrap_or_default();
            assert!(expected.contains(&failure), "{name}: {attempt}");
            // One attempt is one request on the wire, with no second try of the client's own.
            assert_eq!(receivers[number].count(), 1, "{name}");
            let took = attempt["responseDurationMs"].as_u64().unwrap();
            assert!(took < 6_500, "{name}: within the deadline: {attempt}");
        }
        assert_eq!(of(cases.len())["failure"], "timeout", "no connection");
    }

    async fn an_endless_body_is_read_no_further_than_needed(engine: Engine) {
        let receiver = Receiver::always(Answer::endless_body()).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        let kept = attempt["response"].as_str().unwrap().len();
        assert!(kept <= 16 << 10, "{kept} bytes kept");
        // What the kernel buffers on both sides is beyond the sender's power.
        let sent = receiver.endless_bytes_sent();
        assert!(sent < 16 << 20, "{sent} bytes sent");
    }

    async fn a_large_answer_is_kept_in_part_and_does_not_stop_the_schedule(engine: Engine) {
        let answer = Answer::status(500).body(vec![b'x'; 10 << 20]);
        let receiver = Receiver::always(answer).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "0").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let attempts = app.attempts_reach(&id, 2).await;
        for attempt in attempts {
            assert_eq!(attempt["responseStatusCode"], 500, "{attempt}");
            assert!(attempt["response"].as_str().unwrap().len() <= 16 << 10);
        }
        app.ends(&id, "fail").await;
    }

    async fn an_answer_that_is_not_text_is_kept_and_shown(engine: Engine) {
        let receiver = Receiver::always(Answer::status(200).body(&b"\0\xff\xfe{\"a\":\0}"[..])).await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        assert!(attempt["response"].as_str().unwrap().contains("{\"a\":"), "{attempt}");
    }

    async fn one_endpoint_that_hangs_does_not_hold_up_the_others(engine: Engine) {
        let hanging = Receiver::always(Answer::hang()).await;
        let healthy = Receiver::start().await;
        let server = Server::on(engine)
            .set("REQUEST_TIMEOUT", "5")
            .set("MAX_IN_FLIGHT", "64")
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&hanging.url()).create().await;
        app.endpoint(&healthy.url()).create().await;
        let start = tokio::time::timeout(Duration::from_secs(20), async {
            for _ in 0..300 {
                app.publish("a.b", "{}").accepted().await;
            }
            healthy.received(300).await;
        });
        assert!(start.await.is_ok(), "{healthy:?}");
        assert!(hanging.most_in_flight() < 64, "{}", hanging.most_in_flight());
    }
}
