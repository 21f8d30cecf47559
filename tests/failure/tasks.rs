//! Long work through `kill -9`: it goes on where it was, and ends once.

use std::collections::HashSet;
use std::time::Duration;

use postrider_domain::DeliveryState;
use postrider_testkit::{
    Answer, Client, Endpoint, Engine, Receiver, Request, Server, days_ago, eventually,
    on_both_engines, run,
};
use postrider_tests::{Seed, now};
use serde_json::{Value, json};

const MESSAGES: usize = 100_000;
/// Killed when so many have arrived.
const KILLS: [usize; 4] = [1, 17_000, 41_000, 83_000];
/// What one node has in flight to one endpoint, and what it has sent and not recorded yet.
const IN_FLIGHT: usize = 256 + 512;

async fn arrive(receiver: &Receiver, from: usize, count: usize) {
    // Each step has the whole patience.
    for step in (from..count).step_by(2_000).skip(1).chain([count]) {
        eventually(&format!("{step} to arrive"), async || {
            match receiver.count() {
                now if now >= step => Ok(()),
                now => Err(now),
            }
        })
        .await;
    }
}

fn server(engine: Engine) -> postrider_testkit::ServerBuilder {
    Server::on(engine)
        .set("REQUEST_TIMEOUT", "5")
        .set("NODE_LEASE", "10")
        .set("LOG", "warn")
}

/// Never decreases, and never passes the total.
fn check(task: &Value, before: i64) -> i64 {
    let (done, total) = (&task["data"]["done"], &task["data"]["total"]);
    let done = done.as_i64().expect("a count");
    assert!(done >= before, "{task} after {before}");
    assert!(total.is_null() || Some(done) <= total.as_i64(), "{task}");
    done
}

async fn done_once(server: &Server, receiver: &Receiver, task: &Value) {
    let all = MESSAGES as i64;
    let data = json!({"total": all, "done": all, "messagesSent": all, "unrecoverable": 0});
    assert_eq!(task["data"], data);
    let left = format!(
        "select (select count(*) from delivery where state <> 1) * {all} + (select count(*) from delivery)"
    );
    eventually("every delivery to have succeeded", async || {
        match server.database().number(&left).await {
            left if left == all => Ok(()),
            left => Err(left),
        }
    })
    .await;
    let requests = receiver.requests();
    let ids: HashSet<&str> = requests.iter().map(Request::message_id).collect();
    assert_eq!(ids.len(), MESSAGES);
    let again = requests.len() - MESSAGES;
    eprintln!("{again} requests twice after {} kills", KILLS.len());
    assert!(again < KILLS.len() * IN_FLIGHT, "{again} duplicates");
    let lanes = server.database().number("select count(*) from lane").await;
    assert_eq!(lanes, 0, "lanes with nothing in them");
}

/// Begins a task over 100,000 messages, kills the server again and again while it runs, and
/// checks what has come of it.
async fn survives(engine: Engine, what: &str, state: Option<DeliveryState>) {
    let receiver = Receiver::start().await;
    let mut server = server(engine).start().await;
    let client = server.client();
    let app = client.app().await;
    let endpoint = app.endpoint(&receiver.url()).create().await;
    let seed = Seed::new(MESSAGES as i64);
    seed.messages(&server, &app).await;
    if let Some(state) = state {
        seed.deliveries(&server, &endpoint, state).await;
    }
    let id = endpoint.begin(what, &json!({"since": days_ago(2)})).await;
    let (mut arrived, mut done) = (0, 0);
    for kill in KILLS {
        arrive(&receiver, arrived, kill).await;
        arrived = kill;
        server.kill9().await;
        server.restart().await;
        done = check(&client.task(&id).await, done);
    }
    arrive(&receiver, arrived, MESSAGES).await;
    check(&client.task(&id).await, done);
    let task = client.task_becomes(&id, "finished").await;
    done_once(&server, &receiver, &task).await;
}

on_both_engines! {
    async fn a_recovery_of_100_000_survives_kills_and_ends_once(engine: Engine) {
        survives(engine, "recover", Some(DeliveryState::Skipped)).await;
    }

    async fn a_replay_of_100_000_missing_survives_kills_and_ends_once(engine: Engine) {
        survives(engine, "replay-missing", None).await;
    }

    async fn a_bulk_replay_of_100_000_survives_kills_and_ends_once(engine: Engine) {
        survives(engine, "bulk-replay", Some(DeliveryState::Succeeded)).await;
    }

    async fn whole_machine_a_cancelled_recovery_of_100_000_stops_within_2_s(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = server(engine).start().await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let seed = Seed::new(MESSAGES as i64);
        seed.messages(&server, &app).await;
        seed.deliveries(&server, &endpoint, DeliveryState::Exhausted).await;
        let id = endpoint.begin("recover", &json!({"since": days_ago(2)})).await;
        arrive(&receiver, 0, 3_000).await;
        stop(&client, &id).await;
        let asked = now();
        // Nothing that was queued is left, so that nothing more can be sent.
        eventually("what was queued to be taken back", async || {
            match server.database().number("select count(*) from delivery where state = 0").await {
                0 => Ok(()),
                left => Err(left),
            }
        })
        .await;
        let took = now() - asked;
        eprintln!("stopped after {took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        let sent = receiver.count();
        let succeeded = server.database().number("select count(*) from delivery where state = 1").await;
        assert_eq!(i64::try_from(sent).expect("few"), succeeded, "sent, and counted as sent");
        assert!(sent < MESSAGES / 2, "{sent}");
        let task = client.task(&id).await;
        assert_eq!((&task["status"], &task["data"]["canceled"]), (&json!("failed"), &json!(true)), "{task}");
        // A publish goes through at once: nothing stands before it.
        let fresh = app.publish("a.b", "{}").accepted().await;
        app.ends(&fresh, "success").await;
        assert_eq!(receiver.count(), sent + 1);
    }
}

async fn stop(client: &Client, id: &str) {
    let stopped = client
        .post(&format!("/background-task/{id}/cancel"), &json!({}))
        .await;
    stopped.expect(200);
}

async fn seeded(server: &Server, url: &str, count: i64) -> Endpoint {
    let app = server.client().app().await;
    let endpoint = app.endpoint(url).create().await;
    let seed = Seed::new(count);
    seed.messages(server, &app).await;
    seed.deliveries(server, &endpoint, DeliveryState::Skipped)
        .await;
    endpoint
}

mod on_postgres {
    use super::*;

    #[test]
    fn another_node_goes_on_with_the_task_of_one_that_was_killed() {
        run(async {
            const COUNT: usize = 6_000;
            let receiver = Receiver::start().await;
            let mut one = server(Engine::Postgres).start().await;
            let endpoint = seeded(&one, &receiver.url(), COUNT as i64).await;
            let task = endpoint
                .begin("recover", &json!({"since": days_ago(2)}))
                .await;
            receiver.received(1).await;
            let two = one.second().start().await;
            one.kill9().await;
            let client = two.client();
            arrive(&receiver, 0, COUNT).await;
            let task = client.task_becomes(&task, "finished").await;
            assert_eq!(task["data"]["messagesSent"], COUNT, "{task}");
            receiver
                .received_until("every message", |all| {
                    let ids: HashSet<&str> = all.iter().map(Request::message_id).collect();
                    ids.len() == COUNT
                })
                .await;
            assert!(
                receiver.count() < COUNT + IN_FLIGHT,
                "{} requests",
                receiver.count()
            );
        });
    }

    #[test]
    fn a_task_over_a_failing_endpoint_waits_and_holds_up_no_other() {
        run(async {
            let (ill, well) = (
                Receiver::always(Answer::status(503)).await,
                Receiver::start().await,
            );
            let server = server(Engine::Postgres).start().await;
            let slow = seeded(&server, &ill.url(), 3_000).await;
            let body = json!({"since": days_ago(2)});
            let waiting = slow.begin("recover", &body).await;
            ill.received(5).await;
            let other = slow.app.endpoint(&well.url()).create().await;
            let quick = other.begin("replay-missing", &body).await;
            let client = server.client();
            client.task_becomes(&quick, "finished").await;
            arrive(&well, 0, 3_000).await;
            let task = client.task(&waiting).await;
            assert_eq!(task["status"], "running", "{task}");
            slow.patch(&json!({"disabled": true})).await;
            let task = client.task_becomes(&waiting, "failed").await;
            let error = task["data"]["error"].as_str().expect("a reason");
            assert!(error.contains("disabled"), "{task}");
        });
    }
}
