//! A fail-over can take back the mark of a node that is being taken over: it is alive there, and
//! nothing more of it is freed.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{NodeId, Timestamp};
use postrider_store::{Engine, NewTask, Replayed, Rollup, Start, Window, Work};
use support::Database;

/// A lease that holds whatever the clock says.
const HOLDS: i64 = i64::MAX / 2;

/// What names node 1 as owner: fresh deliveries, claims, manual sends, tasks; and its row.
async fn owned(db: &Database) -> [i64; 5] {
    let mut found = [0; 5];
    for (count, of) in found.iter_mut().zip([
        "delivery where owner = 1 and due_at is null",
        "delivery where owner = 1 and due_at is not null",
        "resend where owner = 1",
        "task where owner = 1",
        "node where number = 1",
    ]) {
        *count = db.number(&format!("select count(*) from {of}")).await;
    }
    found
}

/// Has each `when`, such as `update on task`, do this too, as a fail-over at that place would.
async fn trigger(db: &Database, when: &str, does: &str) {
    match db.store.engine() {
        Engine::Sqlite => {
            db.execute(&format!(
                "create trigger back after {when} begin {does}; end"
            ))
            .await;
        }
        Engine::Postgres => {
            db.execute(&format!(
                "create function back() returns trigger language plpgsql as \
                 $$ begin {does}; return null; end $$"
            ))
            .await;
            db.execute(&format!(
                "create trigger back after {when} for each row execute function back()"
            ))
            .await;
        }
    }
}

async fn no_trigger(db: &Database, on: &str) {
    match db.store.engine() {
        Engine::Sqlite => db.execute("drop trigger back").await,
        Engine::Postgres => {
            db.execute(&format!("drop trigger back on {on}")).await;
            db.execute("drop function back").await
        }
    };
}

/// Node 1 owns one of each.
async fn busy(db: &Database) {
    let app = db.app().await;
    let [fresh, claimed, resent] = [
        db.endpoint(app).await,
        db.endpoint(app).await,
        db.endpoint(app).await,
    ];
    db.publish(app, "a", &[(fresh, Start::Owned)]).await;
    db.publish(app, "a", &[(claimed, Start::Due)]).await;
    let now = db.clock.now();
    db.store.claim(1, app, claimed, now, 10).await.unwrap();
    let again = db.publish(app, "a", &[(resent, Start::Skipped)]).await;
    db.store.resend(app, again, resent).await.unwrap();
    db.execute("update resend set owner = 1").await;
    let window = Window {
        since: Timestamp::from_micros(0),
        until: now.plus(Duration::from_secs(1)),
    };
    let work = Work::Replay {
        endpoint: fresh,
        window,
        which: Replayed::Failed,
    };
    let new = NewTask {
        org_id: db.org().await,
        app_id: Some(app),
        work,
    };
    db.store.create_task(new).await.unwrap();
    assert_eq!(db.store.tasks_in_hand(1, 4).await.unwrap().len(), 1);
    assert_eq!(owned(db).await, [1, 1, 1, 1, 1]);
}

both_engines! {
    async fn a_take_over_whose_mark_is_taken_back_frees_nothing_from_there_on(db) {
        busy(db).await;
        let back = format!("update node set lease_until = {HOLDS} where number = 1 and lease_until = 0");
        let alive = format!("select count(*) from node where number = 1 and lease_until = {HOLDS}");
        for (table, left) in [
            ("node", [1, 1, 1, 1, 1]),
            ("delivery", [1, 0, 1, 1, 1]),
            ("resend", [1, 0, 0, 1, 1]),
            ("task", [1, 0, 0, 0, 1]),
            ("journal", [0, 0, 0, 0, 1]),
        ] {
            trigger(db, &format!("update on {table}"), &back).await;
            assert_eq!(db.store.take_over(1).await.unwrap(), None, "{table}");
            assert_eq!(owned(db).await, left, "{table}");
            assert_eq!(db.number(&alive).await, 1, "{table}");
            no_trigger(db, table).await;
        }
        assert_eq!(db.store.take_over(1).await.unwrap(), Some(0));
        assert_eq!(owned(db).await, [0; 5]);
    }

    async fn a_node_whose_row_comes_back_keeps_what_is_fresh_in_its_hand(db) {
        let app = db.app().await;
        for _ in 0..2 {
            let endpoint = db.endpoint(app).await;
            db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        }
        let any = NodeId::mint(db.clock.now());
        let lease = Duration::from_hours(1);
        let any = db.store.register_node(any, "all", lease).await.unwrap();
        // The row is away while the look decides, and back for the second commit of the two.
        db.execute("update node set number = -1 where number = 1").await;
        trigger(db, "update on journal", "update node set number = 1 where number = -1").await;
        let mut rollup = Rollup::new(any);
        let settled = db.store.settle_owed(&mut rollup.ledger, |_, _| true).await.unwrap();
        assert_eq!((settled.freed, settled.claimed), (1, 0));
        assert_eq!(owned(db).await, [1, 0, 0, 0, 1]);
        assert_eq!(db.number("select count(*) from journal where owes").await, 1);
    }
}
