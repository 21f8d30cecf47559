//! Partitions of PostgreSQL that go: unless something in them is still to be delivered, and not
//! while they are read.

mod support;

use std::time::Duration;

use postrider_store::Start;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use support::Database;

const DAY: Duration = Duration::from_hours(24);

/// Which partitions there are of what was made on the first day.
async fn of_the_first_day(db: &Database, parents: &str) -> i64 {
    db.number(&format!(
        "select count(*) from pg_class where relname in ({parents})"
    ))
    .await
}

#[tokio::test]
async fn what_is_still_to_be_delivered_keeps_its_partitions() {
    let db = Database::postgres().await;
    let app = db.app().await;
    let endpoint = db.endpoint(app).await;
    let message = db.publish(app, "a", &[(endpoint, Start::Due)]).await;
    let day = db.clock.now().seconds() / 86_400;
    let week = db
        .number("select payload_key >> 47 from message limit 1")
        .await
        / 7;
    let kept = format!("'message_d{day}', 'attempt_d{day}', 'payload_w{week}'");
    assert_eq!(of_the_first_day(&db, &kept).await, 3, "{message}");
    db.clock.advance(DAY * 200);
    let now = db.clock.now();
    assert!(db.store.drop_partitions(now.minus(DAY), now).await.unwrap() > 3);
    assert_eq!(of_the_first_day(&db, &kept).await, 3);
    db.execute("update delivery set state = 1, due_at = null")
        .await;
    assert_eq!(
        db.store.drop_partitions(now.minus(DAY), now).await.unwrap(),
        3
    );
    assert_eq!(of_the_first_day(&db, &kept).await, 0);
}

#[tokio::test]
async fn what_is_being_read_stays_and_holds_nobody_up() {
    let db = Database::postgres().await;
    db.clock.advance(DAY * 200);
    let now = db.clock.now();
    let mut backup = PgConnection::connect(db.url()).await.unwrap();
    let mut reading = backup.begin().await.unwrap();
    reading
        .execute("select count(*) from message, attempt, payload")
        .await
        .unwrap();
    let dropping = db.store.drop_partitions(now.minus(DAY), now);
    let dropped = tokio::time::timeout(Duration::from_mins(1), dropping);
    assert_eq!(dropped.await.unwrap().unwrap(), 0);
    reading.rollback().await.unwrap();
    assert!(db.store.drop_partitions(now.minus(DAY), now).await.unwrap() > 0);
}
