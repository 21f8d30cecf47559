//! A database that goes away and comes back.

use std::sync::Arc;
use std::time::Duration;

use postrider_testkit::{
    Answer, Engine, Receiver, Server, ServerBuilder, TestDatabase, eventually, run,
};
use postrider_tests::{ails, becomes_well, now};
use serde_json::json;

async fn severable() -> ServerBuilder {
    Server::on(Engine::Postgres).database(Arc::new(TestDatabase::severable().await))
}

#[test]
fn a_lost_database_is_told_within_seconds_and_nothing_is_lost() {
    run(async {
        let receiver = Receiver::in_turn([Answer::status(500), Answer::status(200)]).await;
        let server = severable()
            .await
            .set("RETRY_SCHEDULE", "3,3,3,3,3,3")
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let waiting = app.publish("a.b", "{}").accepted().await;
        app.attempts_reach(&waiting, 1).await;
        server.database().go_away().await;

        let asked = now();
        let reply = app.publish("a.b", "{}").send().await;
        assert!(
            now() - asked < Duration::from_secs(10),
            "told within seconds"
        );
        assert!(matches!(reply.status.as_u16(), 429 | 503), "{reply:?}");
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
        let body = reply.json();
        assert!(
            body["code"].is_string() && body["detail"].is_string(),
            "{body}"
        );
        assert!(
            !reply.text.to_lowercase().contains("postgres"),
            "no details of ours: {body}"
        );
        ails(&server).await;
        let ping = server.client().get("/health/ping").await;
        assert_eq!(ping.status, 204);

        server.database().come_back();
        becomes_well(&server).await;
        let after = app.publish("a.b", "{}").accepted().await;
        for id in [&waiting, &after] {
            app.ends(id, "success").await;
        }
    });
}

#[test]
fn an_outcome_that_could_not_be_written_at_once_is_written_later() {
    run(async {
        let gate = postrider_testkit::Gate::closed();
        let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
        let server = severable().await.set("REQUEST_TIMEOUT", "30").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        receiver.received(1).await;
        server.database().go_away().await;
        gate.open();
        eventually("the answer to be read", async || {
            match receiver.in_flight() {
                0 => Ok(()),
                left => Err(left),
            }
        })
        .await;
        server.database().come_back();
        app.ends(&id, "success").await;
        assert_eq!(app.attempts(&id).await.len(), receiver.count());
    });
}

/// Waits until this statement, asked behind the server's back, gives `wanted`.
async fn becomes(server: &Server, sql: &str, wanted: i64) {
    eventually(sql, async || match server.database().number(sql).await {
        found if found == wanted => Ok(()),
        found => Err(found),
    })
    .await;
}

#[test]
fn what_was_committed_though_the_answer_was_lost_is_stored_once_and_counted_once() {
    run(async {
        let gate = postrider_testkit::Gate::closed();
        let fine = Answer::status(200);
        let receiver = Receiver::in_turn([fine.clone(), fine.behind(&gate)]).await;
        let server = severable().await.set("REQUEST_TIMEOUT", "30").start().await;
        let database = server.database();
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        // Once through, so that each statement takes one answer from now on.
        let before = app.publish("a.b", "{}").accepted().await;
        app.ends(&before, "success").await;
        let first = app.publish("a.b", "{}").accepted().await;
        receiver.received(2).await;

        // The attempt is committed, and so is a message, but nobody hears of either.
        database.lose_answers();
        let again = || app.publish("a.b", "{}").idempotency_key("key-1");
        let draft = again();
        let unheard = tokio::spawn(async move { draft.send().await });
        gate.open();
        becomes(&server, "select count(*) from attempt", 2).await;
        becomes(&server, "select count(*) from message", 3).await;
        database.go_away().await;
        let refused = unheard.await.expect("an answer");
        assert!(matches!(refused.status.as_u16(), 429 | 503), "{refused:?}");
        database.come_back();

        eventually("the message to be published again", async || {
            let reply = again().send().await;
            if reply.status == 202 {
                Ok(())
            } else {
                Err(reply)
            }
        })
        .await;
        let last = app.publish("a.b", "{}").accepted().await;
        for id in [&first, &last] {
            app.ends(id, "success").await;
        }
        // Outcomes are written in their order: what was tried again has been by now. The
        // message of which nobody heard is in nobody's hand until that is noticed.
        becomes(&server, "select count(*) from journal where not rolled", 0).await;
        eventually("what is counted to be what is stored", async || {
            let stored = database.number("select count(*) from attempt").await;
            let series = server.client().get("/stats/timeseries").await.expect(200);
            let totals = &series["totals"];
            if (&totals["messages"], &totals["succeeded"]) == (&json!(4), &json!(stored)) {
                Ok(())
            } else {
                Err((stored, totals.clone()))
            }
        })
        .await;
    });
}
