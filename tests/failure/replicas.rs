//! Replicas of PostgreSQL: a standby that is away, that comes back, that takes over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use postrider_testkit::{
    Answer, App, Engine, Gate, PostgresServer, Receiver, Request, Server, ServerBuilder, Stop,
    TestDatabase, eventually, run,
};
use postrider_tests::{Ledger, becomes_well, nothing_is_owed, now};

/// Longer than anything in memory remembers a commit that nobody answered.
const FROZEN: Duration = Duration::from_secs(75);
/// A message that was acknowledged is on its way.
const SOON: Duration = Duration::from_secs(10);
/// Between two attempts; a 400 says nothing of the receiver's health, so no breaker waits.
const RETRIES: &str = "1,1,1,1,1,1,1,1";

fn on(database: &Arc<TestDatabase>) -> ServerBuilder {
    Server::on(Engine::Postgres)
        .database(Arc::clone(database))
        .set("RETRY_SCHEDULE", RETRIES)
        .set("REQUEST_TIMEOUT", "5")
        .set("NODE_LEASE", "10")
}

fn times(requests: &[Request], id: &str) -> usize {
    requests.iter().filter(|one| one.message_id() == id).count()
}

/// Publishes once with this key, and gives the status; 0 for no answer at all.
async fn try_key(app: &App, key: &str) -> u16 {
    let draft = app.publish("a.b", "{}").idempotency_key(key);
    draft
        .try_send()
        .await
        .map_or(0, |reply| reply.status.as_u16())
}

/// Publishes with this key until it is acknowledged, and gives the id.
async fn insist(app: &App, key: &str) -> String {
    eventually("the key to be acknowledged", async || {
        let draft = app.publish("a.b", "{}").idempotency_key(key);
        match draft.try_send().await {
            Ok(reply) if reply.status == 202 => Ok(reply.field("id")),
            other => Err(other),
        }
    })
    .await
}

#[test]
fn what_a_frozen_commit_has_stored_is_delivered_once_the_standby_is_back() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        primary.wait_for(Some("one")).await;
        let database = Arc::new(TestDatabase::on(&primary));
        let receiver = Receiver::start().await;
        // Each node has a commit of its own under way when the standby is lost.
        let server = on(&database).start().await;
        let other = server.second().start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let there = app.through(&other.client());
        for app in [&app, &there] {
            app.publish("a.b", "{}").accepted().await;
        }
        receiver.received(2).await;

        standby.fall_behind().await;
        let frozen = now();
        let (repeated, left) = tokio::join!(try_key(&app, "repeated"), try_key(&there, "left"));
        assert_eq!((repeated, left), (503, 503), "no standby has it");
        // How long it takes is what this is about: nothing tells when it is long enough.
        tokio::time::sleep(FROZEN.saturating_sub(frozen.elapsed())).await;

        standby.catch_up();
        let id = insist(&app, "repeated").await;
        let acknowledged = now();
        receiver
            .received_until("what was acknowledged", |all| times(all, &id) >= 1)
            .await;
        let took = acknowledged.elapsed();
        assert!(took < SOON, "delivered {took:?} after it was acknowledged");
        // The other publisher never came again: its message is stored all the same.
        eventually("all that is stored to arrive", async || {
            let stored = database.number("select count(*) from message").await;
            let arrived = receiver.message_ids().len();
            if (stored, arrived) == (4, 4) {
                Ok(())
            } else {
                Err((stored, arrived))
            }
        })
        .await;
        becomes_well(&server).await;
        nothing_is_owed(&server).await;
    });
}

#[test]
fn a_lost_standby_a_killed_primary_and_a_promotion_lose_nothing_acknowledged() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        primary.wait_for(Some("one")).await;
        let database = Arc::new(TestDatabase::on(&primary));
        let good = Receiver::start().await;
        let fickle = fails_first().await;
        let server = on(&database).start().await;
        let app = server.client().app().await;
        app.endpoint(&good.url()).create().await;
        app.endpoint(&fickle.url()).create().await;
        let ledger = Ledger::open(&[app], 8);
        ledger.goes_on().await;

        standby.fall_behind().await;
        // What was under way may still be answered, and nothing after it.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = ledger.acknowledged();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(
            ledger.acknowledged(),
            before,
            "acknowledged, and on one disk only"
        );
        standby.catch_up();
        ledger.goes_on().await;

        primary.stop(Stop::Kill).await;
        primary.start().await;
        ledger.goes_on().await;

        primary.stop(Stop::Kill).await;
        standby.promote().await;
        database.move_to(&standby);
        ledger.goes_on().await;

        let closed = ledger.close().await;
        closed.arrived(&good, 1).await;
        closed.arrived(&fickle, 2).await;
        nothing_is_owed(&server).await;
        becomes_well(&server).await;
    });
}

/// Answers 400 to each message's first attempt.
async fn fails_first() -> Receiver {
    let mut seen = HashSet::new();
    Receiver::scripted(move |request, _| {
        let is_new = seen.insert(request.message_id().to_owned());
        Answer::status(if is_new { 400 } else { 204 })
    })
    .await
}

#[test]
fn a_repeated_key_is_not_acknowledged_by_what_no_standby_has() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        primary.wait_for(Some("one")).await;
        let database = Arc::new(TestDatabase::on(&primary));
        let receiver = Receiver::start().await;
        let server = on(&database).start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        app.publish("a.b", "{}").accepted().await;
        receiver.received(1).await;
        standby.caught_up_with(&primary).await;
        standby.fall_behind().await;
        assert_eq!(try_key(&app, "key").await, 503);
        // After a restart the primary shows what it has on its own disk.
        primary.stop(Stop::Kill).await;
        primary.start().await;
        eventually("the message to be seen", async || {
            match database.number("select count(*) from message").await {
                2 => Ok(()),
                found => Err(found),
            }
        })
        .await;
        for _ in 0..2 {
            assert_ne!(try_key(&app, "key").await, 202, "no standby has it");
        }
        primary.stop(Stop::Kill).await;
        standby.promote().await;
        database.move_to(&standby);
        let id = insist(&app, "key").await;
        receiver
            .received_until("what was acknowledged", |all| times(all, &id) >= 1)
            .await;
        nothing_is_owed(&server).await;
    });
}

#[test]
fn what_a_lagging_standby_owes_is_delivered_by_the_node_that_ran_on() {
    run(async {
        const MESSAGES: usize = 5;
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        let database = Arc::new(TestDatabase::on(&primary));
        let gate = Gate::closed();
        let good = Receiver::always(Answer::status(204).behind(&gate)).await;
        let bad = Receiver::always(Answer::status(400).behind(&gate)).await;
        let server = on(&database).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        app.endpoint(&good.url()).create().await;
        app.endpoint(&bad.url()).create().await;
        for _ in 0..MESSAGES {
            app.publish("a.b", "{}").accepted().await;
        }
        for receiver in [&good, &bad] {
            receiver.received(MESSAGES).await;
        }
        standby.caught_up_with(&primary).await;
        standby.fall_behind().await;
        gate.open();
        eventually(
            "the outcomes to be stored where they will be lost",
            async || match primary.number("select count(*) from attempt").await {
                10 => Ok(()),
                found => Err(found),
            },
        )
        .await;
        bad.now_answer(Answer::status(204));
        primary.stop(Stop::Kill).await;
        standby.promote().await;
        database.move_to(&standby);

        // What the database that took over says is owed: all ten.
        for receiver in [&good, &bad] {
            receiver.received(2 * MESSAGES).await;
        }
        let new = insist(&app, "after").await;
        for receiver in [&good, &bad] {
            receiver
                .received_until("the new one", |all| times(all, &new) >= 1)
                .await;
        }
        nothing_is_owed(&server).await;
        becomes_well(&server).await;
    });
}
