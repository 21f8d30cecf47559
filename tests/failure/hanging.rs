//! A database that neither answers nor ends the connection: a commit that waits for a
//! standby, a server that stands still.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use postrider_testkit::{
    Answer, App, Engine, PostgresServer, Receiver, Reply, Server, ServerBuilder, TestDatabase,
    eventually, run,
};
use postrider_tests::now;
use serde_json::json;
use sqlx::Connection;
use tokio::process::Command;

fn on(primary: &PostgresServer) -> ServerBuilder {
    Server::on(Engine::Postgres).database(Arc::new(TestDatabase::on(primary)))
}

/// Sends a signal to every process of a PostgreSQL server.
async fn signal(server: &PostgresServer, name: &str) {
    let pid = std::fs::read_to_string(server.data().join("postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap();
    let children = format!("kill -{name} {pid} $(ps -o pid= --ppid {pid})");
    let sent = Command::new("sh").args(["-c", &children]).status().await;
    assert!(sent.unwrap().success(), "{children}");
}

/// The answer, and how many seconds it took.
async fn timed(publish: impl Future<Output = Reply>) -> (u16, f64) {
    let asked = now();
    let reply = publish.await;
    (reply.status.as_u16(), asked.elapsed().as_secs_f64())
}

/// Publishes ten messages at once.
async fn batch(app: &App) -> Reply {
    let messages = vec![json!({"eventType": "a.b", "payload": {}}); 10];
    let body = json!({ "messages": messages });
    app.client().post(&app.path("/msg/batch"), &body).await
}

fn assert_told_in_time((status, seconds): (u16, f64)) {
    assert_eq!(status, 503);
    assert!(seconds < 5.5, "told after {seconds} s");
}

async fn delivered_once(app: &App, receiver: &Receiver, id: &str) {
    app.ends(id, "success").await;
    let times = receiver
        .requests()
        .iter()
        .filter(|request| request.message_id() == id)
        .count();
    assert_eq!(times, 1, "{id}");
}

const WAITING: &str = "select count(*) from pg_stat_activity \
    where usename = 'postrider' and wait_event = 'SyncRep'";

#[test]
fn a_commit_that_waits_for_a_standby_is_waited_for_and_nothing_piles_up_behind_it() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let receiver = Receiver::start().await;
        let server = on(&primary).start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let before = app.publish("a.b", "{}").accepted().await;
        app.ends(&before, "success").await;

        primary.wait_for(Some("nobody")).await;
        let keyed = || app.publish("a.b", "{}").idempotency_key("the-first");
        let first = tokio::spawn(timed({
            let draft = keyed();
            async move { draft.send().await }
        }));
        let stored = "select count(*) from pg_stat_activity \
            where wait_event = 'SyncRep' and query like '%insert into message%'";
        eventually("the first to wait", async || {
            match primary.number(stored).await {
                1 => Ok(()),
                found => Err(found),
            }
        })
        .await;
        let drafts: Vec<_> = (0..30).map(|_| app.publish("a.b", "{}")).collect();
        let others = join_all(drafts.iter().map(|draft| timed(draft.send()))).await;
        let batches = join_all((0..3).map(|_| timed(batch(&app)))).await;
        assert_told_in_time(first.await.unwrap());
        batches.into_iter().for_each(assert_told_in_time);
        others.into_iter().for_each(assert_told_in_time);
        // Two for commits, and two that the test's pool for small writes may have.
        let waiting = primary.number(WAITING).await;
        assert!((1..=4).contains(&waiting), "{waiting} back-ends wait");
        let refused = keyed().send().await;
        assert_eq!(refused.status, 503, "{refused:?}");
        let still = primary.number(WAITING).await;
        assert!(still <= 4, "{still} back-ends wait");

        primary.wait_for(None).await;
        let id = eventually("the key to be answered", async || {
            let reply = keyed().send().await;
            if reply.status == 202 {
                Ok(reply.field("id"))
            } else {
                Err(reply)
            }
        })
        .await;
        delivered_once(&app, &receiver, &id).await;
        // Those who had left are not stored.
        assert_eq!(primary.number("select count(*) from message").await, 2);
        let after = app.publish("a.b", "{}").accepted().await;
        delivered_once(&app, &receiver, &after).await;
    });
}

#[test]
fn a_publish_hears_503_in_time_when_the_database_stands_still() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let receiver = Receiver::start().await;
        let server = on(&primary).start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let before = app.publish("a.b", "{}").accepted().await;
        app.ends(&before, "success").await;
        signal(&primary, "STOP").await;
        let drafts = [
            app.publish("a.b", "{}"),
            app.publish("a.b", "{}"),
            // A key that has to be looked up first.
            app.through(&server.client().with_key("prk_nobodys"))
                .publish("a.b", "{}"),
        ];
        let singles = join_all(drafts.iter().map(|draft| timed(draft.send())));
        let batches = join_all((0..3).map(|_| timed(batch(&app))));
        let (mut answers, batches) = tokio::join!(singles, batches);
        answers.extend(batches);
        signal(&primary, "CONT").await;
        answers.into_iter().for_each(assert_told_in_time);
        let after = eventually("publishing to go on", async || {
            let reply = app.publish("a.b", "{}").send().await;
            if reply.status == 202 {
                Ok(reply.field("id"))
            } else {
                Err(reply)
            }
        })
        .await;
        delivered_once(&app, &receiver, &after).await;
    });
}

#[test]
fn the_process_ends_within_a_minute_of_sigterm_though_database_and_receiver_hang() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let receiver = Receiver::always(Answer::hang()).await;
        let mut server = on(&primary).set("REQUEST_TIMEOUT", "10").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        app.publish("a.b", "{}").accepted().await;
        receiver.received(1).await;
        signal(&primary, "STOP").await;
        let asked = now();
        server.signal("TERM").await;
        let status = server.stopped().await;
        let took = asked.elapsed();
        signal(&primary, "CONT").await;
        assert!(status.success(), "{status}");
        // What it takes beyond the receiver's deadline has a bound of its own.
        assert!(took < Duration::from_secs(40), "{took:?}");
    });
}

#[test]
fn the_process_ends_soon_after_sigterm_though_its_tables_are_locked() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let mut server = on(&primary).start().await;
        let app = server.client().app().await;
        let mut held = sqlx::PgConnection::connect(&primary.url()).await.unwrap();
        sqlx::raw_sql("begin; lock table node, delivery, message, lane")
            .execute(&mut held)
            .await
            .unwrap();
        let publish = app.publish("a.b", "{}");
        let unheard = tokio::spawn(async move { publish.try_send().await });
        let asked = now();
        let status = server.terminate().await;
        let took = asked.elapsed();
        drop((held, unheard));
        assert!(status.success(), "{status}");
        assert!(took < Duration::from_secs(40), "{took:?}");
    });
}
