//! PostgreSQL servers of a test's own do what tests ask of them.

use postrider_testkit::{PostgresServer, Stop, TestDatabase, eventually, run};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Error};

async fn things(server: &PostgresServer) -> i64 {
    server.number("select count(*) from thing").await
}

#[test]
fn a_standby_follows_falls_behind_and_takes_over_with_what_it_has() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        let database = TestDatabase::on(&primary);
        database.execute("create table thing (id bigint)").await;
        database.execute("insert into thing values (1)").await;
        standby.caught_up_with(&primary).await;
        assert_eq!(things(&standby).await, 1);
        standby.fall_behind().await;
        database.execute("insert into thing values (2)").await;
        primary.stop(Stop::Kill).await;
        standby.promote().await;
        database.move_to(&standby);
        assert_eq!(database.number("select count(*) from thing").await, 1);
        database.execute("insert into thing values (3)").await;
        primary.start().await;
        assert_eq!((things(&primary).await, things(&standby).await), (2, 2));
    });
}

#[test]
fn a_commit_waits_for_a_synchronous_standby() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let standby = primary.standby("one").await;
        primary.execute("create table thing (id bigint)").await;
        primary.wait_for(Some("one")).await;
        standby.fall_behind().await;
        let database = TestDatabase::on(&primary);
        let insert =
            tokio::spawn(async move { database.execute("insert into thing values (1)").await });
        let waits = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        eventually("the commit to wait", async || {
            match primary.number(waits).await {
                1 => Ok(()),
                found => Err(found),
            }
        })
        .await;
        assert_eq!(things(&primary).await, 0);
        standby.catch_up();
        assert_eq!(insert.await.expect("no panic"), 1);
    });
}

#[test]
fn a_role_without_connections_is_refused_and_the_test_is_not() {
    run(async {
        let server = PostgresServer::start_new().await;
        server.limit_connections(0).await;
        assert!(connects(&server).await.is_err());
        assert_eq!(server.number("select 1").await, 1);
        server.limit_connections(-1).await;
        connects(&server).await.expect("a connection");
    });
}

async fn connects(server: &PostgresServer) -> Result<(), Error> {
    PgConnection::connect(&server.url()).await?.close().await
}
