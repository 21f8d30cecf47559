//! A database that went back, as after a fail-over to a standby that lagged: what it says
//! is what every node does, whatever the node remembers of what is gone.

use std::collections::HashSet;
use std::sync::Arc;

use postrider_testkit::{
    App, Client, Endpoint, Engine, PostgresServer, Receiver, Reply, Server, ServerBuilder, Stop,
    TestDatabase, eventually, run,
};
use postrider_tests::nothing_is_owed;
use serde_json::{Value, json};

/// A primary with a standby that will not hear of what comes.
struct Pair {
    primary: PostgresServer,
    standby: PostgresServer,
    database: Arc<TestDatabase>,
}

impl Pair {
    async fn start() -> Self {
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        let database = Arc::new(TestDatabase::on(&primary));
        Self {
            primary,
            standby,
            database,
        }
    }

    fn node(&self) -> ServerBuilder {
        Server::on(Engine::Postgres)
            .database(Arc::clone(&self.database))
            .set("RETRY_SCHEDULE", "1,1,1,1,1,1,1,1")
    }

    /// From now on all is written on the primary alone.
    async fn part(&self) {
        self.standby.caught_up_with(&self.primary).await;
        self.standby.fall_behind().await;
    }

    async fn fail_over(&self) {
        self.primary.stop(Stop::Kill).await;
        self.standby.promote().await;
        self.database.move_to(&self.standby);
    }
}

/// Waits until a request is answered with this status.
async fn becomes(what: &str, status: u16, ask: impl AsyncFn() -> Reply) -> Reply {
    eventually(what, async || {
        let reply = ask().await;
        if reply.status == status {
            Ok(reply)
        } else {
            Err(reply)
        }
    })
    .await
}

async fn insist(app: &App, payload: &str) -> String {
    let send = async || app.publish("a.b", payload).send().await;
    becomes("a publish to be taken", 202, send)
        .await
        .field("id")
}

async fn new_key(client: &Client) -> (String, Client) {
    let made = client
        .post("/key", &json!({"name": "ci"}))
        .await
        .expect(201);
    let text = |field: &str| made[field].as_str().expect("text").to_owned();
    (text("id"), client.with_key(&text("key")))
}

async fn arrives(receiver: &Receiver, id: &str) {
    let what = format!("{id} to arrive");
    receiver
        .received_until(&what, |all| all.iter().any(|one| one.message_id() == id))
        .await;
}

fn url(endpoint: &Value) -> &str {
    endpoint["url"].as_str().unwrap_or_default()
}

async fn move_to(endpoint: &Endpoint, receiver: &Receiver) {
    endpoint.patch(&json!({ "url": receiver.url() })).await;
}

/// Waits until a node has heard of all changes so far: of one that another makes last.
async fn hears(node: &Server, other: &Server) {
    let (id, key) = new_key(&node.client()).await;
    key.get("/app").await.expect(200);
    let path = format!("/key/{id}");
    other.client().delete(&path).await.expect(204);
    becomes("the change to be heard of", 401, async || {
        key.get("/app").await
    })
    .await;
}

#[test]
fn what_was_configured_since_is_forgotten_by_the_node_that_ran_on() {
    run(async {
        let pair = Pair::start().await;
        let server = pair.node().start().await;
        let client = server.client();
        let (before, since, deleted) = (
            Receiver::start().await,
            Receiver::start().await,
            Receiver::start().await,
        );
        let app = client.app().await;
        let kept = app.endpoint(&before.url()).create().await;
        let gone = app.endpoint(&deleted.url()).create().await;
        let (id, revoked) = new_key(&client).await;
        revoked.get("/app").await.expect(200);
        hears(&server, &pair.node().start().await).await;
        pair.part().await;

        // Each of these is in the node's memory, and on no standby.
        move_to(&kept, &since).await;
        gone.delete().await;
        client.delete(&format!("/key/{id}")).await.expect(204);
        revoked.get("/app").await.expect(401);
        let (_, unknown) = new_key(&client).await;
        unknown.get("/app").await.expect(200);
        let lost = client.app().await;
        lost.endpoint(&since.url()).create().await;
        arrives(&since, &insist(&lost, "{}").await).await;
        arrives(&since, &insist(&app, "{}").await).await;
        pair.fail_over().await;

        becomes("a key made since to be refused", 401, async || {
            unknown.get("/app").await
        })
        .await;
        becomes("a key revoked since to be good", 200, async || {
            revoked.get("/app").await
        })
        .await;
        let publish = async || lost.publish("a.b", "{}").send().await;
        becomes("an application made since to be unknown", 404, publish).await;
        let after = insist(&app, "{}").await;
        for receiver in [&before, &deleted] {
            arrives(receiver, &after).await;
        }
        assert!(!since.message_ids().contains(&after), "the new URL is gone");
        assert_eq!(url(&kept.now().await), before.url());
        nothing_is_owed(&server).await;
    });
}

#[test]
fn a_node_that_ran_on_hears_of_changes_that_have_the_numbers_of_lost_ones() {
    run(async {
        let pair = Pair::start().await;
        let one = pair.node().start().await;
        let two = pair.node().start().await;
        let (before, lost, other) = (
            Receiver::start().await,
            Receiver::start().await,
            Receiver::start().await,
        );
        let app = one.client().app().await;
        let endpoint = app.endpoint(&before.url()).create().await;
        let (id, key) = new_key(&one.client()).await;
        pair.part().await;
        // The application's version and the feed's numbers run ahead of the standby's. A
        // sequence is logged 32 numbers ahead, so fewer changes would not show it.
        move_to(&endpoint, &lost).await;
        for n in 0..80 {
            let body = json!({"name": format!("lost.{n}"), "description": "lost"});
            one.client().post("/event-type", &body).await.expect(201);
        }
        arrives(&lost, &insist(&app, "{}").await).await;
        key.get("/app").await.expect(200);
        pair.fail_over().await;

        // The same version says another thing now, and another node says it.
        let there = two.client().with_key(one.key()).app_of(app.id());
        let path = there.path(&format!("/endpoint/{}", endpoint.id));
        let body = json!({ "url": other.url() });
        let change = async || there.client().patch(&path, &body).await;
        becomes("a change to be taken", 200, change).await;
        let revoke = format!("/key/{id}");
        there.client().delete(&revoke).await.expect(204);
        becomes("the revoked key to be refused", 401, async || {
            key.get("/app").await
        })
        .await;
        let after = insist(&app, "{}").await;
        arrives(&other, &after).await;
        assert!(
            !lost.message_ids().contains(&after),
            "what was changed since is gone"
        );
        nothing_is_owed(&one).await;
    });
}

#[test]
fn two_nodes_that_got_the_same_payload_keys_refuse_no_message_and_mix_none_up() {
    run(async {
        const MESSAGES: usize = 40;
        let pair = Pair::start().await;
        let one = pair.node().start().await;
        let receiver = Receiver::start().await;
        let app = one.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        pair.part().await;
        // Its number and its keys are in no database that is left.
        let two = pair.node().start().await;
        let second = two.client().with_key(one.key()).app_of(app.id());
        insist(&second, r#"{"n":"lost"}"#).await;
        pair.fail_over().await;
        let three = one.second().start().await;
        let third = app.through(&three.client());

        for app in [&app, &second, &third] {
            insist(app, "{}").await;
        }
        let mut published = HashSet::new();
        for n in 0..MESSAGES {
            for (node, app) in [("one", &app), ("two", &second), ("three", &third)] {
                let payload = format!(r#"{{"n":"{node} {n}"}}"#);
                let id = app.publish("a.b", &payload).accepted().await;
                published.insert((id, payload));
            }
        }
        receiver
            .received_until("each message with its own payload", |all| {
                let seen: HashSet<_> = all
                    .iter()
                    .map(|one| (one.message_id().to_owned(), one.text().to_owned()))
                    .collect();
                published.is_subset(&seen)
            })
            .await;
        nothing_is_owed(&one).await;
        let twice = "select count(*) - count(distinct number) from node";
        assert_eq!(one.database().number(twice).await, 0);
    });
}
