//! Deliveries that end otherwise than by success or by their schedule.

use postrider_testkit::{Answer, Gate, Receiver, Server, eventually, on_both_engines};
use serde_json::json;

on_both_engines! {
    async fn gone_disables_the_endpoint_and_cancels_what_waits(engine: Engine) {
        let receiver = Receiver::in_turn([Answer::status(500), Answer::status(410)]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let waiting = app.publish("a.b", "{}").accepted().await;
        app.attempts_reach(&waiting, 1).await;
        let gone = app.publish("a.b", "{}").accepted().await;
        let now = endpoint.until("disabled", |now| now["disabled"] == true).await;
        assert_eq!(now["disabledReason"], "gone", "{now}");
        assert!(now["disabledAt"].is_string(), "{now}");
        endpoint.delivery_becomes(&waiting, "canceled").await;
        let attempts = app.attempts_reach(&gone, 1).await;
        assert_eq!(attempts[0]["responseStatusCode"], 410);
        assert_eq!(attempts[0]["nextAttemptAt"], json!(null));
    }

    async fn an_endpoint_deleted_with_queued_work_gets_nothing_more(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let other = Receiver::start().await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "1,1,1,1,1,1").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        app.endpoint(&other.url()).create().await;
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(app.publish("a.b", "{}").accepted().await);
        }
        receiver.received(1).await;
        endpoint.delete().await;
        for id in &ids {
            eventually("its delivery to be cancelled", async || {
                let all = app.destinations(id).await;
                let own = all.iter().find(|one| one["id"] == endpoint.id.as_str()).cloned();
                match own {
                    Some(one) if one["nextAttempt"].is_null() => Ok(()),
                    other => Err(other),
                }
            })
            .await;
        }
        // What was in flight at the deletion may still have arrived; nothing does later.
        let seen = receiver.count();
        for _ in 0..5 {
            app.publish("a.b", "{}").accepted().await;
        }
        other.received(25).await;
        assert!(receiver.count() <= seen + 1, "{} after {seen}", receiver.count());
        // The server goes on as before, also after a restart over the same rows.
        assert_eq!(server.client().get("/health").await.status.as_u16(), 200);
    }

    async fn a_disabled_endpoint_gets_nothing_and_its_waiting_deliveries_are_cancelled(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let waiting = app.publish("a.b", "{}").accepted().await;
        app.attempts_reach(&waiting, 1).await;
        let now = endpoint.patch(&json!({ "disabled": true })).await;
        assert_eq!(now["disabledReason"], "manual", "{now}");
        endpoint.delivery_becomes(&waiting, "canceled").await;
        let skipped = app.publish("a.b", "{}").accepted().await;
        endpoint.delivery_becomes(&skipped, "canceled").await;
        endpoint.resend(&skipped).await.code(400);
        // Enabled again, a cancelled delivery can be made after all.
        endpoint.patch(&json!({ "disabled": false })).await;
        receiver.now_answer(Answer::status(200));
        for id in [&waiting, &skipped] {
            endpoint.resend(id).await.expect(202);
            app.ends(id, "success").await;
        }
        assert_eq!(receiver.count(), 3);
    }

    async fn a_send_in_flight_when_its_endpoint_is_disabled_is_recorded(engine: Engine) {
        let gate = Gate::closed();
        let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        receiver.received(1).await;
        endpoint.patch(&json!({ "disabled": true })).await;
        gate.open();
        let attempts = app.attempts_reach(&id, 1).await;
        assert_eq!(attempts[0]["responseStatusCode"], 200);
    }
}
