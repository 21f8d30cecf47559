//! Several nodes on one PostgreSQL.

use std::collections::HashSet;

use postrider_testkit::{
    Answer, Engine, Gate, Receiver, Request, Server, ServerBuilder, eventually, run,
};
use postrider_tests::Load;
use postrider_verify::SigningKey;
use serde_json::json;

fn node() -> ServerBuilder {
    Server::on(Engine::Postgres)
        .set("REQUEST_TIMEOUT", "5")
        .set("NODE_LEASE", "10")
}

fn ids(requests: &[Request]) -> HashSet<&str> {
    requests.iter().map(Request::message_id).collect()
}

mod on_postgres {
    use super::*;

    #[test]
    fn two_nodes_published_to_both_make_no_delivery_twice() {
        run(async {
            let receiver = Receiver::start().await;
            let one = node().start().await;
            let two = one.second().start().await;
            let app = one.client().app().await;
            app.endpoint(&receiver.url()).create().await;
            let apps = [app.clone(), app.through(&two.client())];
            let acknowledged = Load::start(&apps, 2_000, 8).finished().await;
            let requests = receiver.received(2_000).await;
            assert_eq!(requests.len(), 2_000, "duplicates");
            assert_eq!(ids(&requests).len(), acknowledged.len());
        });
    }

    #[test]
    fn nodes_may_start_at_once_on_an_empty_database() {
        run(async {
            let database =
                std::sync::Arc::new(postrider_testkit::TestDatabase::empty(Engine::Postgres).await);
            let starts = (0..3).map(|_| node().database(database.clone()).start());
            let servers = futures_util::future::join_all(starts).await;
            for server in &servers {
                server.client().app().await;
            }
            let half_built = "select count(*) from pg_index where not indisvalid";
            assert_eq!(database.number(half_built).await, 0);
        });
    }

    #[test]
    fn what_one_node_changes_counts_for_the_others_next_publish() {
        run(async {
            let receiver = Receiver::start().await;
            let one = node().start().await;
            let two = one.second().start().await;
            let app = one.client().app().await;
            let elsewhere = app.through(&two.client());
            // The other node knows the application, without endpoints.
            elsewhere.publish("a.b", "{}").accepted().await;
            let keys: Vec<_> = (1..=3)
                .map(|n| SigningKey::generate_hmac([n; 32]))
                .collect();
            let draft = app
                .endpoint(&receiver.url())
                .secret(&keys[0].to_secret_string());
            let endpoint = draft.create().await;
            elsewhere.publish("a.b", "{}").accepted().await;
            receiver
                .first()
                .await
                .verify(&keys[0].verifying_string())
                .unwrap();
            let mut count = 1;
            for key in &keys[1..] {
                let body = json!({ "key": key.to_secret_string(), "gracePeriodSeconds": 0 });
                endpoint.rotate(&body).await;
                elsewhere.publish("a.b", "{}").accepted().await;
                count += 1;
                let request = receiver.received(count).await.swap_remove(count - 1);
                request.verify(&key.verifying_string()).unwrap();
            }
            endpoint.patch(&json!({ "disabled": true })).await;
            let skipped = elsewhere.publish("a.b", "{}").accepted().await;
            endpoint.delivery_becomes(&skipped, "canceled").await;
            endpoint.patch(&json!({ "disabled": false })).await;
            let after = elsewhere.publish("a.b", "{}").accepted().await;
            let requests = receiver.received(count + 1).await;
            assert_eq!(
                requests[count].message_id(),
                after,
                "the skipped one was not sent"
            );
        });
    }

    #[test]
    fn killing_one_node_leaves_nothing_behind() {
        run(async {
            let gate = Gate::closed();
            let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
            let mut one = node().start().await;
            let two = one.second().start().await;
            let app = one.client().app().await;
            app.endpoint(&receiver.url()).create().await;
            let mut published = HashSet::new();
            for _ in 0..200 {
                published.insert(app.publish("a.b", "{}").accepted().await);
            }
            receiver.received(1).await;
            one.kill9().await;
            gate.open();
            let app = app.through(&two.client());
            let requests = receiver
                .received_until("all 200", |all| ids(all).len() == 200)
                .await;
            let seen: HashSet<_> = ids(&requests).into_iter().map(str::to_owned).collect();
            assert_eq!(seen, published);
            // A cap's worth was in flight at the one that was killed.
            assert!(requests.len() <= 200 + 32, "{} requests", requests.len());
            for id in published.iter().take(20) {
                app.ends(id, "success").await;
            }
        });
    }

    #[test]
    fn a_node_that_was_frozen_past_its_lease_sends_nothing_of_what_others_took_over() {
        run(async {
            let gate = Gate::closed();
            let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
            let one = node().start().await;
            let two = one.second().start().await;
            let app = one.client().app().await;
            app.endpoint(&receiver.url()).create().await;
            for _ in 0..100 {
                app.publish("a.b", "{}").accepted().await;
            }
            receiver.received(1).await;
            one.signal("STOP").await;
            let before = receiver.count();
            gate.open();
            receiver
                .received_until("all 100", |all| ids(all).len() == 100)
                .await;
            one.signal("CONT").await;
            // It works again, and what it held is not sent once more.
            let last = eventually("the node to accept again", async || {
                let reply = app.publish("a.b", "{}").send().await;
                if reply.status == 202 {
                    Ok(reply.field("id"))
                } else {
                    Err(reply)
                }
            })
            .await;
            receiver
                .received_until("the last", |all| ids(all).contains(last.as_str()))
                .await;
            let requests = receiver.requests();
            let twice = requests.len() - ids(&requests).len();
            assert!(
                twice <= before,
                "{twice} twice, {before} in flight at the freeze"
            );
            drop(two);
        });
    }

    #[test]
    fn an_api_node_accepts_and_a_worker_delivers() {
        run(async {
            let receiver = Receiver::start().await;
            let api = node().set("ROLE", "api").start().await;
            let app = api.client().app().await;
            app.endpoint(&receiver.url()).create().await;
            let before = app.publish("a.b", "{}").accepted().await;
            let _worker = api.second().set("ROLE", "worker").start().await;
            assert_eq!(receiver.first().await.message_id(), before);
            for _ in 0..20 {
                app.publish("a.b", "{}").accepted().await;
            }
            assert_eq!(receiver.received(21).await.len(), 21);
        });
    }
}
