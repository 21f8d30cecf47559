//! What a publisher is told, and what it may rely on.

use std::collections::HashSet;

use futures_util::future::join_all;
use postrider_testkit::{Receiver, Server, on_both_engines};

on_both_engines! {
    async fn sixty_four_posts_under_one_key_make_one_message(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let posts = (0..64).map(|_| {
            let draft = app.publish("a.b", r#"{"n":1}"#).idempotency_key("order-1");
            async move { draft.accepted().await }
        });
        let ids: HashSet<String> = join_all(posts).await.into_iter().collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        // Another message after it: when that has arrived, a second copy would have too.
        app.publish("a.b", r#"{"n":2}"#).accepted().await;
        assert_eq!(receiver.received(2).await.len(), 2);
        let other = app.publish("a.b", r#"{"n":3}"#).idempotency_key("order-1");
        assert_eq!(other.send().await.code(409), "idempotency_mismatch");
    }

    async fn the_same_key_gives_the_same_answer_after_a_crash(engine: Engine) {
        let receiver = Receiver::start().await;
        let mut server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let draft = app.publish("a.b", r#"{"n":1}"#).idempotency_key("order-1").event_id("e-1");
        let first = draft.send().await;
        first.expect(202);
        receiver.received(1).await;
        server.kill9().await;
        server.restart().await;
        let again = draft.send().await;
        again.expect(202);
        assert_eq!(first.text, again.text, "the whole answer is the same");
    }

    async fn an_event_id_is_taken_once(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let posts = (0..32).map(|n| {
            let draft = app.publish("a.b", &format!("{{\"n\":{n}}}")).event_id("e-1");
            async move { draft.send().await.status.as_u16() }
        });
        let mut statuses = join_all(posts).await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 202);
        assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    }

    async fn a_poison_row_among_strangers_fails_alone(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        for statement in poison(engine) {
            server.database().execute(statement).await;
        }
        let posts = (0..200).map(|n| {
            let kind = if n == 77 { "poison" } else { "a.b" };
            let draft = app.publish(kind, &format!("{{\"n\":{n}}}"));
            async move { draft.send().await }
        });
        for (n, reply) in join_all(posts).await.into_iter().enumerate() {
            let status = reply.status.as_u16();
            assert_eq!(status == 202, n != 77, "{n}: {reply:?}");
        }
        // Nor does it hold up what comes later.
        app.publish("a.b", "{}").accepted().await;
    }
}

/// What makes the database refuse messages of the type `poison`.
fn poison(engine: postrider_testkit::Engine) -> &'static [&'static str] {
    match engine {
        postrider_testkit::Engine::Sqlite => &[
            "create trigger poison before insert on message when new.event_type = 'poison' \
             begin select raise(abort, 'poison'); end",
        ],
        postrider_testkit::Engine::Postgres => &[
            "create function refuse() returns trigger language plpgsql as \
             $$ begin raise check_violation using message = 'poison'; end $$",
            "create trigger poison before insert on message for each row \
             when (new.event_type = 'poison') execute function refuse()",
        ],
    }
}

#[test]
fn a_full_ingest_queue_answers_429_with_retry_after_and_loses_nothing() {
    postrider_testkit::run(async {
        let receiver = Receiver::start().await;
        let server = Server::on(postrider_testkit::Engine::Postgres)
            .set("INGEST_QUEUE", "16")
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        // The committer waits for a lock on the table; the queue fills meanwhile.
        let lock = tokio::spawn({
            let database = server.database().clone();
            async move {
                database
                    .execute("do $$ begin lock table message in exclusive mode; perform pg_sleep(3); end $$")
                    .await
            }
        });
        postrider_testkit::eventually("the lock", async || {
            let held = "select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'message'::regclass";
            match server.database().number(held).await {
                0 => Err("not yet"),
                _ => Ok(()),
            }
        })
        .await;
        let posts = (0..200).map(|n| {
            let draft = app.publish("a.b", &format!("{{\"n\":{n}}}"));
            async move { draft.send().await }
        });
        let replies = join_all(posts).await;
        lock.await.unwrap();
        let accepted = replies.iter().filter(|reply| reply.status == 202).count();
        let refused: Vec<_> = replies.iter().filter(|reply| reply.status == 429).collect();
        assert_eq!(accepted + refused.len(), 200, "{replies:?}");
        assert!(!refused.is_empty() && accepted > 0, "{accepted} accepted");
        assert!(
            refused
                .iter()
                .all(|reply| reply.header("retry-after").is_some())
        );
        assert_eq!(receiver.received(accepted).await.len(), accepted);
    });
}
