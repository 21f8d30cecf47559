//! What every store of handled messages promises, on all four of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use postrider_testkit::{Engine, TestDatabase, run};
use postrider_verify::Verifier;
use postrider_verify::seen::{
    Claim, Lease, MemoryStore, PostgresStore, RedisStore, SeenStore, SqliteStore, Terms,
};
use postrider_verify::testing::TestSender;
use postrider_verify::web::{OnceLayer, VerifyLayer};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::sync::Notify;
use tower::{Layer, ServiceExt};

use crate::redis::Redis;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_700_000_000;
const DELIVERIES: usize = 64;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn terms() -> Terms {
    Terms {
        lease: MINUTE,
        ..Terms::default()
    }
}

/// Two nodes' views of one store, and what must live as long.
struct Nodes<S, K> {
    one: Arc<S>,
    two: Arc<S>,
    kept: K,
}

fn memory() -> Nodes<impl SeenStore + 'static, ()> {
    let store = Arc::new(MemoryStore::with_terms(1000, terms()));
    Nodes {
        one: Arc::clone(&store),
        two: store,
        kept: (),
    }
}

async fn sqlite_pool(database: &TestDatabase) -> sqlx::SqlitePool {
    let url = format!("{}?mode=rwc", database.url());
    let pool = SqlitePoolOptions::new().max_connections(8).connect(&url);
    pool.await.unwrap()
}

async fn sqlite() -> Nodes<SqliteStore, TestDatabase> {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let (one, two) = (sqlite_pool(&database).await, sqlite_pool(&database).await);
    let (one, two) = (SqliteStore::new(one), SqliteStore::new(two));
    let nodes = Nodes {
        one: Arc::new(one.with_terms(terms())),
        two: Arc::new(two.with_terms(terms())),
        kept: database,
    };
    let made = tokio::join!(nodes.one.create_table(), nodes.two.create_table());
    made.0.and(made.1).unwrap();
    nodes
}

async fn postgres() -> Nodes<PostgresStore, TestDatabase> {
    let database = TestDatabase::empty(Engine::Postgres).await;
    let pool = || {
        PgPoolOptions::new()
            .max_connections(8)
            .connect(database.url())
    };
    let (one, two) = (pool().await.unwrap(), pool().await.unwrap());
    let (one, two) = (PostgresStore::new(one), PostgresStore::new(two));
    let nodes = Nodes {
        one: Arc::new(one.with_terms(terms())),
        two: Arc::new(two.with_terms(terms())),
        kept: database,
    };
    let made = tokio::join!(nodes.one.create_table(), nodes.two.create_table());
    made.0.and(made.1).unwrap();
    nodes
}

async fn redis() -> Nodes<impl SeenStore + 'static, Redis> {
    let server = Redis::start().await;
    // Its own keys, on a server that others may use.
    let prefix = format!("postrider-test:{}:", std::process::id());
    let store = |connection| {
        RedisStore::new(connection)
            .with_prefix(&prefix)
            .with_terms(terms())
    };
    Nodes {
        one: Arc::new(store(server.connect().await)),
        two: Arc::new(store(server.connect().await)),
        kept: server,
    }
}

/// Makes a test of each body for each store.
macro_rules! on_every_store {
    ($(async fn $name:ident($one:ident, $two:ident) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn check<S: SeenStore + 'static, K>(nodes: Nodes<S, K>) {
                let ($one, $two) = (&nodes.one, &nodes.two);
                $body
            }

            #[test]
            fn in_memory() { run(async { check(memory()).await }); }
            #[test]
            fn on_sqlite() { run(async { check(sqlite().await).await }); }
            #[test]
            fn on_postgres() { run(async { check(postgres().await).await }); }
            #[test]
            fn on_redis() { run(async { check(redis().await).await }); }
        }
    )* };
}

async fn fresh(store: &impl SeenStore, id: &str, now: SystemTime) -> Lease {
    match store.claim_at(id, now).await.unwrap() {
        Claim::Fresh(lease) => lease,
        other => panic!("{id}: {other:?}"),
    }
}

async fn claimed(store: &impl SeenStore, id: &str, now: SystemTime) -> Claim {
    store.claim_at(id, now).await.unwrap()
}

on_every_store! {
    async fn of_64_deliveries_at_once_one_is_handled(one, two) {
        let runs = Arc::new(AtomicUsize::new(0));
        let others = Arc::new(AtomicUsize::new(0));
        let answered = Arc::new(Notify::new());
        let mut deliveries = Vec::new();
        for number in 0..DELIVERIES {
            let store = Arc::clone(if number % 2 == 0 { one } else { two });
            let (runs, waiting) = (Arc::clone(&runs), Arc::clone(&answered));
            let done = Arc::clone(&others);
            // The handler ends once all other deliveries were answered.
            let handler = tower::service_fn(move |_: Request<Full<Bytes>>| {
                let (runs, waiting, done) = (Arc::clone(&runs), Arc::clone(&waiting), Arc::clone(&done));
                async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    while done.load(Ordering::SeqCst) < DELIVERIES - 1 {
                        waiting.notified().await;
                    }
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
                }
            });
            let service = VerifyLayer::new(verifier()).layer(OnceLayer::shared(store).layer(handler));
            let (others, answered) = (Arc::clone(&others), Arc::clone(&answered));
            deliveries.push(tokio::spawn(async move {
                let status = service.oneshot(delivery()).await.unwrap().status();
                others.fetch_add(1, Ordering::SeqCst);
                answered.notify_one();
                status
            }));
        }
        let mut statuses = Vec::new();
        for delivery in deliveries {
            statuses.push(delivery.await.unwrap());
        }
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(count(StatusCode::OK), 1);
        assert_eq!(count(StatusCode::CONFLICT), DELIVERIES - 1);
        assert_eq!(two.claim("msg_1").await.unwrap(), Claim::Done);
    }

    async fn a_holder_that_is_gone_lets_the_retry_in_when_its_lease_runs_out(one, two) {
        let lost = fresh(one, "msg_1", start()).await;
        let almost = start() + MINUTE - Duration::from_millis(1);
        assert_eq!(claimed(two, "msg_1", almost).await, Claim::InFlight);
        let next = fresh(two, "msg_1", start() + MINUTE).await;
        assert_eq!((lost.attempt(), next.attempt()), (1, 2));
        // The first one is alive after all; what it says of its lease no longer counts.
        one.release(&lost).await.unwrap();
        assert_eq!(claimed(one, "msg_1", start() + MINUTE).await, Claim::InFlight);
        assert!(!one.confirm_at(&lost, start() + MINUTE).await.unwrap());
        assert_eq!(claimed(two, "msg_1", start() + MINUTE).await, Claim::Done);
        assert!(two.confirm_at(&next, start() + MINUTE).await.unwrap());
        two.release(&next).await.unwrap();
        assert_eq!(claimed(one, "msg_1", start() + MINUTE).await, Claim::Done);
    }

    async fn a_released_message_is_fresh_at_once(one, two) {
        let lease = fresh(one, "msg_1", start()).await;
        one.release(&lease).await.unwrap();
        let again = fresh(two, "msg_1", start()).await;
        assert!(two.confirm_at(&again, start()).await.unwrap());
    }

    async fn records_outlive_the_sender_s_three_days_and_end_after_seven(one, two) {
        let lease = fresh(one, "msg_1", start()).await;
        assert!(one.confirm_at(&lease, start()).await.unwrap());
        for hours in [0, 1, 72, 73, 7 * 24 - 1] {
            assert_eq!(claimed(two, "msg_1", start() + HOUR * hours).await, Claim::Done, "{hours} h");
        }
        let _again = fresh(two, "msg_1", start() + HOUR * 24 * 7).await;
    }

    async fn ids_are_told_apart_byte_by_byte(one, two) {
        for id in ["a", "A", "a ", "a'--", "%", "_", "a\"", "ä", &"x".repeat(256)] {
            let lease = fresh(one, id, start()).await;
            assert_eq!(lease.id(), id);
            assert_eq!(claimed(two, id, start()).await, Claim::InFlight, "{id}");
        }
    }
}

fn verifier() -> Verifier {
    let builder = Verifier::builder().secret(SECRET).unwrap();
    builder.clock(|| NOW).build().unwrap()
}

fn delivery() -> Request<Full<Bytes>> {
    let sender = TestSender::standard(SECRET).unwrap();
    let signed = sender.request("msg_1", NOW, b"{}");
    let mut request = Request::post("/");
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(signed.body.into())).unwrap()
}

#[test]
fn redis_keeps_what_was_handled_for_longer_than_three_days() {
    run(async {
        let server = Redis::start().await;
        let mut connection = server.connect().await;
        let prefix = format!("postrider-test:{}:ttl:", std::process::id());
        let store = RedisStore::new(connection.clone()).with_prefix(&prefix);
        let Claim::Fresh(lease) = store.claim("msg_1").await.unwrap() else {
            panic!("the first claim is fresh");
        };
        assert!(store.confirm(&lease).await.unwrap());
        let left: u64 = ::redis::cmd("PTTL")
            .arg(format!("{prefix}msg_1"))
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(Duration::from_millis(left) > HOUR * 72, "{left} ms");
    });
}

/// What both stores on SQL have beside: senders apart, pruning, the receiver's own transactions.
macro_rules! on_both_databases {
    ($(async fn $name:ident($store:ident: $pool:ident) $body:block)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn on_sqlite() {
                run(async {
                    let nodes = sqlite().await;
                    let $pool = sqlite_pool(&nodes.kept).await;
                    let $store = SqliteStore::clone(&nodes.one);
                    $body
                });
            }

            #[test]
            fn on_postgres() {
                run(async {
                    let nodes = postgres().await;
                    let $pool = PgPoolOptions::new().connect(nodes.kept.url()).await.unwrap();
                    let $store = PostgresStore::clone(&nodes.one);
                    $body
                });
            }
        }
    )* };
}

on_both_databases! {
    async fn senders_with_the_same_ids_are_kept_apart(store: _pool) {
        let other = store.clone().for_sender("stripe");
        let _one = fresh(&store, "1", start()).await;
        let _two = fresh(&other, "1", start()).await;
    }

    async fn what_is_past_is_pruned_and_what_is_not_stays(store: pool) {
        for number in 0..300 {
            let lease = fresh(&store, &format!("old {number}"), start()).await;
            store.confirm_at(&lease, start()).await.unwrap();
        }
        let later = start() + HOUR * 24 * 7;
        let held = fresh(&store, "held", later).await;
        // Claims prune by themselves, now and then.
        for number in 0..300 {
            let _lease = fresh(&store, &format!("new {number}"), later).await;
        }
        let count = "select count(*) from postrider_seen";
        let left: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.unwrap();
        assert_eq!(left, 301);
        assert_eq!(store.prune(later).await.unwrap(), 0);
        assert!(store.confirm_at(&held, later).await.unwrap());
        assert_eq!(store.prune(later + HOUR * 24 * 14).await.unwrap(), 301);
    }

    async fn a_confirmation_holds_if_and_only_if_the_receiver_s_transaction_does(store: pool) {
        let lease = fresh(&store, "msg_1", start()).await;
        let mut transaction = pool.begin().await.unwrap();
        assert!(store.confirm_within(&mut transaction, &lease, start()).await.unwrap());
        transaction.rollback().await.unwrap();
        assert_eq!(claimed(&store, "msg_1", start()).await, Claim::InFlight);

        let mut transaction = pool.begin().await.unwrap();
        assert!(store.confirm_within(&mut transaction, &lease, start()).await.unwrap());
        transaction.commit().await.unwrap();
        assert_eq!(claimed(&store, "msg_1", start()).await, Claim::Done);
    }
}
