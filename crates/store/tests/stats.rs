//! The commit log, and the statistics that are rolled up from it.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{AppId, DeliveryState, EndpointId, Timestamp};
use postrider_store::{Bucket, Counts, Start, StatScope, StatWindow, Store};

/// The whole of what was counted in a scope, hour by hour.
async fn hours(
    store: &Store,
    scope: StatScope,
    event_type: Option<&str>,
) -> Vec<(Timestamp, Counts)> {
    series(store, scope, event_type, Bucket::Hour).await
}

async fn series(
    store: &Store,
    scope: StatScope,
    event_type: Option<&str>,
    bucket: Bucket,
) -> Vec<(Timestamp, Counts)> {
    let now = store.clock().now();
    let window = StatWindow {
        since: now.minus(Duration::from_hours(24 * 365)),
        until: now.plus(Duration::from_hours(1)),
    };
    let series = store.stat_series(scope, event_type, bucket, window);
    series.await.expect("a series")
}

fn sum(series: &[(Timestamp, Counts)]) -> (u64, u64, u64) {
    let mut all = Counts::default();
    for (_, counts) in series {
        all.merge(counts);
    }
    assert_eq!(all.latency.count(), all.succeeded + all.failed);
    (all.messages, all.succeeded, all.failed)
}

/// Publishes a message for two endpoints, of which the second fails.
async fn deliver(db: &support::Database, app: AppId, to: [EndpointId; 2], event_type: &str) {
    let both = to.map(|endpoint| (endpoint, Start::Owned));
    let message = db.publish(app, event_type, &both).await;
    for (endpoint, state) in [
        (to[0], DeliveryState::Succeeded),
        (to[1], DeliveryState::Exhausted),
    ] {
        db.attempt(app, message, endpoint, state).await;
    }
}

both_engines! {
    async fn what_was_written_is_counted_once_in_each_scope(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        let other = db.app().await;
        let elsewhere = db.endpoint(other).await;
        deliver(db, app, [good, bad], "a").await;
        deliver(db, app, [good, bad], "b").await;
        db.publish(other, "a", &[(elsewhere, Start::Owned)]).await;
        for _ in 0..3 {
            db.roll_up().await;
        }
        let org = StatScope::Org(db.org().await);
        for (scope, event_type, wanted) in [
            (org, None, (3, 2, 2)),
            (org, Some("b"), (1, 0, 0)),
            // The test kit's attempts are all of the type "a".
            (org, Some("a"), (2, 2, 2)),
            (StatScope::App(app), None, (2, 2, 2)),
            (StatScope::App(other), None, (1, 0, 0)),
            (StatScope::Endpoint(good), None, (2, 2, 0)),
            (StatScope::Endpoint(bad), None, (2, 0, 2)),
            (StatScope::Endpoint(bad), Some("a"), (2, 0, 2)),
            (StatScope::Endpoint(bad), Some("c"), (0, 0, 0)),
        ] {
            for bucket in [Bucket::Minute, Bucket::Hour, Bucket::Day] {
                if matches!((scope, event_type, bucket), (StatScope::Endpoint(_), Some(_), Bucket::Minute)) {
                    continue;
                }
                let series = series(&db.store, scope, event_type, bucket).await;
                assert_eq!(sum(&series), wanted, "{scope:?} {event_type:?} {bucket:?}");
            }
        }
        let counted = hours(&db.store, StatScope::Endpoint(good), None).await;
        let p50 = counted[0].1.latency.percentile(50.0).unwrap();
        assert!(p50 >= Duration::from_micros(10_500) && p50 <= Duration::from_micros(13_500), "{p50:?}");
        let many = db.store.endpoint_series(&[good, bad], Bucket::Hour, Bucket::Hour.window(
            db.store.clock().now().minus(Duration::from_hours(2)), db.store.clock().now())).await.unwrap();
        assert_eq!((sum(&many[&good]), sum(&many[&bad])), ((2, 2, 0), (2, 0, 2)));
    }

    async fn a_batch_that_is_written_twice_is_counted_once(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        let message = db.publish(app, "a", &[(good, Start::Owned), (bad, Start::Owned)]).await;
        let batch = [
            db.outcome(app, message, good, DeliveryState::Succeeded),
            db.outcome(app, message, bad, DeliveryState::Exhausted),
        ];
        // With a failure in it, and successes alone: they are written in different ways.
        for outcomes in [&batch[..], &batch[..], &batch[..1]] {
            db.record(outcomes).await;
            db.roll_up().await;
        }
        let counted = hours(&db.store, StatScope::App(app), None).await;
        assert_eq!(sum(&counted), (1, 1, 1));
        assert_eq!(db.number("select count(*) from attempt").await, 2);
    }

    async fn two_who_roll_up_at_one_time_count_nothing_twice(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        for _ in 0..5 {
            deliver(db, app, [good, bad], "a").await;
        }
        futures_util::future::join_all((0..8).map(|_| db.roll_up())).await;
        // Whoever was too late has left its share to the next round.
        db.roll_up().await;
        let app = hours(&db.store, StatScope::App(app), None).await;
        assert_eq!(sum(&app), (5, 5, 5));
    }

    async fn a_span_that_cannot_be_read_holds_nobody_up(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        deliver(db, app, [good, bad], "a").await;
        db.roll_up().await;
        let broken = match db.store.engine() {
            postrider_store::Engine::Sqlite => "x'ff'",
            postrider_store::Engine::Postgres => "'\\xff'",
        };
        db.execute(&format!("update stat set latency = {broken}")).await;
        deliver(db, app, [good, bad], "a").await;
        db.roll_up().await;
        let counted = hours(&db.store, StatScope::App(app), None).await;
        let mut all = Counts::default();
        for (_, counts) in &counted {
            all.merge(counts);
        }
        assert_eq!((all.messages, all.succeeded, all.failed), (2, 2, 2));
        assert_eq!(all.latency.count(), 2, "what could not be read began anew");
        assert_eq!(db.number("select count(*) from journal where not rolled or owes").await, 0);
    }

    async fn what_comes_late_counts_in_the_minute_in_which_it_began(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let first = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        db.roll_up().await;
        db.attempt(app, first, endpoint, DeliveryState::Succeeded).await;
        let began = db.clock.now();
        db.clock.advance(Duration::from_mins(10));
        db.roll_up().await;
        let minutes = series(&db.store, StatScope::Endpoint(endpoint), None, Bucket::Minute).await;
        assert_eq!(minutes.len(), 1);
        assert_eq!(minutes[0].0, Bucket::Minute.start(began));
        let of_app = series(&db.store, StatScope::App(app), None, Bucket::Minute).await;
        assert_eq!(sum(&of_app), (1, 1, 0));
    }

    async fn minutes_go_after_days_and_hours_become_days(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        deliver(db, app, [good, bad], "a").await;
        db.clock.advance(Duration::from_hours(25));
        deliver(db, app, [good, bad], "a").await;
        db.roll_up().await;
        let scope = StatScope::App(app);
        let keep = Duration::from_hours(24 * 365);
        db.clock.advance(Duration::from_hours(24 * 10));
        while db.clean_up(keep).await.unwrap() {}
        assert_eq!(sum(&series(&db.store, scope, None, Bucket::Minute).await), (0, 0, 0));
        assert_eq!(sum(&hours(&db.store, scope, None).await), (2, 2, 2));
        let before = series(&db.store, scope, None, Bucket::Day).await;
        db.clock.advance(Duration::from_hours(24 * 100));
        while db.clean_up(keep).await.unwrap() {}
        assert!(hours(&db.store, scope, None).await.is_empty());
        let after = series(&db.store, scope, None, Bucket::Day).await;
        assert_eq!(after.len(), 2);
        assert_eq!(after, before);
        let b = series(&db.store, StatScope::Endpoint(bad), Some("a"), Bucket::Day).await;
        assert_eq!(sum(&b), (2, 0, 2));
    }

    async fn the_journal_tells_what_each_commit_wrote_and_goes_when_it_is_rolled_up(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        let began = db.clock.now();
        deliver(db, app, [good, bad], "a").await;
        let commits = db.store.commits_since(began, 100).await.unwrap();
        let seqs: Vec<i64> = commits.iter().map(|commit| commit.0).collect();
        let logged = db.store.logged(&seqs).await.unwrap();
        assert_eq!(logged.len(), 3);
        let message = &logged[0].messages[0];
        assert_eq!((message.app_id, message.event_type.as_str()), (app, "a"));
        let attempt = &logged[1].attempts[0];
        assert_eq!((attempt.endpoint_id, attempt.message_id), (good, message.id));
        assert!(attempt.succeeded && attempt.first && attempt.http_status == 200);
        assert_eq!(attempt.duration, Duration::from_millis(12));
        assert!(!logged[2].attempts[0].succeeded);
        db.clock.advance(Duration::from_hours(1));
        db.store.trim_journal().await.unwrap();
        assert_eq!(db.store.logged(&seqs).await.unwrap().len(), 3, "not rolled up yet");
        db.roll_up().await;
        db.store.trim_journal().await.unwrap();
        assert!(db.store.logged(&seqs).await.unwrap().is_empty());
    }
}
