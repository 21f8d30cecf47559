//! What is kept for how long, on a clock that the test moves.

use std::time::Duration;

use postrider_testkit::{Answer, Receiver, TestApp, eventually, on_both_engines};
use serde_json::json;

const DAY: Duration = Duration::from_hours(24);

on_both_engines! {
    async fn a_payload_goes_after_its_days_and_one_still_to_be_delivered_stays(engine: Engine) {
        let (well, ill) = (Receiver::start().await, Receiver::always(Answer::status(500)).await);
        let server = TestApp::start(engine).await;
        let app = server.client().app().await;
        for name in ["done", "waits"] {
            let path = format!("/event-type/{name}");
            server.client().put(&path, &json!({"description": name})).await.ok();
        }
        app.endpoint(&well.url()).event_types(&["done"]).create().await;
        // Its next attempt is due long after the payload's day.
        app.endpoint(&ill.url()).event_types(&["waits"]).retries(&[6 * 86_400]).create().await;
        let done = app.publish("done", r#"{"n":1}"#).set("payloadRetentionPeriod", 5).accepted().await;
        let waits = app.publish("waits", r#"{"n":2}"#).set("payloadRetentionPeriod", 5).accepted().await;
        app.ends(&done, "success").await;
        app.attempts_reach(&waits, 1).await;
        let path = |id: &str| app.path(&format!("/msg/{id}"));
        assert_eq!(server.client().get(&path(&done)).await.ok()["payload"], json!({"n": 1}));
        server.clock().advance(DAY * 6 + Duration::from_mins(10));
        eventually("the payload has expired", async || {
            let message = server.client().get(&path(&done)).await.ok();
            if message["payload"] == json!({"expired": true}) { Ok(()) } else { Err(message) }
        })
        .await;
        app.attempts_reach(&waits, 2).await;
        assert_eq!(ill.received(2).await[1].body, br#"{"n":2}"#[..], "sent whole although past its day");
    }

    async fn the_organisations_retention_counts_unless_the_message_says(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let before = app.publish("a", r#"{"n":0}"#).accepted().await;
        client.patch("/settings", &json!({"payloadRetentionDays": 2})).await.expect(200);
        let short = app.publish("a", r#"{"n":1}"#).accepted().await;
        let long = app.publish("a", r#"{"n":2}"#).set("payloadRetentionHours", 24 * 20).accepted().await;
        let payload = async |id: &str| {
            client.get(&app.path(&format!("/msg/{id}"))).await.ok()["payload"].clone()
        };
        assert_eq!(payload(&short).await, json!({"n": 1}));
        server.clock().advance(DAY * 4);
        assert_eq!(payload(&short).await, json!({"expired": true}));
        assert_eq!((payload(&before).await, payload(&long).await), (json!({"n": 0}), json!({"n": 2})));
        if server.database().file().is_some() {
            // PostgreSQL drops whole weeks.
            let rows = || server.database().number("select count(*) from payload");
            eventually("the janitor removes it", async || match rows().await {
                2 => Ok(()),
                other => Err(other),
            })
            .await;
        }
    }
}
