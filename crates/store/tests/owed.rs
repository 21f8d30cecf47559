//! What is owed is found by the word of the database alone.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, NodeId};
use postrider_store::{Rollup, Settled, Start};

/// The deliveries that stand in no index, and the commits that owe.
async fn fresh_and_owing(db: &support::Database) -> (i64, i64) {
    (
        db.number("select count(*) from delivery where state = 0 and due_at is null")
            .await,
        db.number("select count(*) from journal where owes").await,
    )
}

/// Deliveries that anybody may claim now.
async fn due(db: &support::Database) -> i64 {
    db.number(
        "select count(*) from delivery where state = 0 and owner is null and due_at is not null",
    )
    .await
}

async fn rolled(db: &support::Database, rollup: &mut Rollup) {
    while db.store.roll_up(rollup).await.unwrap() {}
}

/// A look of a node that holds everything.
async fn settled(db: &support::Database, rollup: &mut Rollup) -> Settled {
    let ledger = &mut rollup.ledger;
    db.store.settle_owed(ledger, |_, _| true).await.unwrap()
}

/// How many deliveries node 1 has claimed.
async fn claims(db: &support::Database) -> usize {
    let all = db.store.claimed_by(1, |_, _| true, 100);
    all.await.unwrap().len()
}

/// An application with two endpoints, and a message for both in the hand of node 1.
async fn published(db: &support::Database) -> (AppId, [EndpointId; 2], MessageId) {
    let app = db.app().await;
    let endpoints = [db.endpoint(app).await, db.endpoint(app).await];
    let both = endpoints.map(|endpoint| (endpoint, Start::Owned));
    let message = db.publish(app, "a", &both).await;
    (app, endpoints, message)
}

/// Another node, whose lease lasts.
async fn other_node(db: &support::Database) -> i64 {
    let id = NodeId::mint(db.clock.now());
    let lease = Duration::from_hours(1);
    db.store.register_node(id, "all", lease).await.unwrap()
}

both_engines! {
    async fn a_commit_owes_until_the_journal_says_that_all_its_deliveries_have_moved(db) {
        let (app, [first, second], message) = published(db).await;
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        assert_eq!((fresh_and_owing(db).await, rollup.ledger.left()), ((2, 1), 2));
        db.attempt(app, message, first, DeliveryState::Succeeded).await;
        rolled(db, &mut rollup).await;
        assert_eq!((fresh_and_owing(db).await, rollup.ledger.left()), ((1, 1), 1));
        // One that is due again stands in an index.
        db.attempt(app, message, second, DeliveryState::Pending).await;
        assert_eq!(fresh_and_owing(db).await, (0, 1), "closed later than the outcome");
        rolled(db, &mut rollup).await;
        assert_eq!((fresh_and_owing(db).await, rollup.ledger.left()), ((0, 0), 0));
        assert_eq!(db.store.unaccounted().await.unwrap().sum(), 0);
    }

    async fn what_is_in_nobodys_hand_at_once_owes_nothing(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        for start in [Start::Due, Start::Skipped] {
            db.publish(app, "a", &[(endpoint, start)]).await;
        }
        db.publish(app, "a", &[]).await;
        assert_eq!(fresh_and_owing(db).await, (0, 0));
    }

    async fn outcomes_that_moved_nothing_close_nothing(db) {
        let (app, [first, second], message) = published(db).await;
        // The database has them under another token than the outcomes name, still fresh.
        db.execute("update delivery set token = 7").await;
        let outcomes = [
            db.outcome(app, message, first, DeliveryState::Succeeded),
            db.outcome(app, message, second, DeliveryState::Pending),
        ];
        for applied in db.record(&outcomes).await {
            assert!(!applied.moved);
        }
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        assert_eq!((fresh_and_owing(db).await, rollup.ledger.left()), ((2, 1), 2));
        let unheld = rollup.ledger.unheld(db.clock.now().plus(Duration::from_secs(2)), |_, _| false);
        assert_eq!(db.store.free_unheld(&mut rollup.ledger, &unheld).await.unwrap(), 2);
        assert_eq!((fresh_and_owing(db).await, due(db).await), ((0, 0), 2));
        assert_eq!(db.number("select count(*) from lane").await, 2);
    }

    async fn what_a_node_does_not_hold_is_freed_and_what_it_holds_is_not(db) {
        let (app, [held, lost], message) = published(db).await;
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        let later = db.clock.now().plus(Duration::from_secs(2));
        let unheld = rollup.ledger.unheld(later, |endpoint, _| endpoint == held);
        assert_eq!(unheld, [(lost, message)]);
        assert_eq!(db.store.free_unheld(&mut rollup.ledger, &unheld).await.unwrap(), 1);
        assert_eq!((fresh_and_owing(db).await, due(db).await), ((1, 1), 1));
        let claim = db.store.claim(1, app, lost, db.clock.now(), 10).await.unwrap();
        assert_eq!(claim.jobs.len(), 1);
        db.attempt(app, message, held, DeliveryState::Succeeded).await;
        rolled(db, &mut rollup).await;
        assert_eq!(fresh_and_owing(db).await, (0, 0));
    }

    async fn what_ended_meanwhile_is_not_freed(db) {
        let (app, [first, second], message) = published(db).await;
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        let unheld = rollup.ledger.unheld(db.clock.now().plus(Duration::from_secs(2)), |_, _| false);
        db.attempt(app, message, first, DeliveryState::Succeeded).await;
        db.attempt(app, message, second, DeliveryState::Pending).await;
        assert_eq!(db.store.free_unheld(&mut rollup.ledger, &unheld).await.unwrap(), 0);
        assert_eq!(fresh_and_owing(db).await, (0, 0));
        assert_eq!(db.number("select count(*) from delivery where state = 1").await, 1);
    }

    async fn what_stays_fresh_becomes_an_ordinary_claim_that_its_outcome_still_moves(db) {
        let (app, [first, _], message) = published(db).await;
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        db.clock.advance(Duration::from_secs(29));
        assert_eq!(settled(db, &mut rollup).await, Settled::default());
        db.clock.advance(Duration::from_secs(2));
        assert_eq!(settled(db, &mut rollup).await.claimed, 2);
        assert_eq!((fresh_and_owing(db).await, due(db).await, rollup.ledger.left()), ((0, 0), 0, 0));
        assert_eq!(claims(db).await, 2);
        db.attempt(app, message, first, DeliveryState::Succeeded).await;
        assert_eq!(claims(db).await, 1);
    }

    async fn a_claim_that_nobody_holds_is_found_however_many_are_held(db) {
        let mut rollup = Rollup::new(1);
        let mut endpoints = Vec::new();
        for _ in 0..3 {
            endpoints.extend(published(db).await.1);
        }
        rolled(db, &mut rollup).await;
        db.clock.advance(Duration::from_secs(31));
        assert_eq!(settled(db, &mut rollup).await.claimed, 6);
        for lost in endpoints {
            // Whichever it is: first or last of all.
            let found = db.store.claimed_by(1, |endpoint, _| endpoint == lost, 1);
            let found: Vec<_> = found.await.unwrap().into_iter().map(|claim| claim.0).collect();
            assert_eq!(found, [lost]);
        }
        assert_eq!(db.store.claimed_by(1, |_, _| true, 4).await.unwrap().len(), 4);
    }

    async fn a_commit_that_becomes_visible_late_is_found_however_old_it_is(db) {
        let (.., message) = published(db).await;
        let mut rollup = Rollup::new(1);
        // Nothing was rolled up before, and hours have passed: as if it had just appeared.
        db.clock.advance(Duration::from_hours(5));
        let other = db.app().await;
        let elsewhere = db.endpoint(other).await;
        db.publish(other, "a", &[(elsewhere, Start::Owned)]).await;
        rolled(db, &mut rollup).await;
        let unheld = rollup.ledger.unheld(db.clock.now(), |_, _| false);
        assert_eq!(unheld.len(), 2);
        assert!(unheld.iter().all(|key| key.1 == message));
        assert_eq!(db.store.free_unheld(&mut rollup.ledger, &unheld).await.unwrap(), 2);
        assert_eq!(due(db).await, 2);
    }

    async fn what_is_old_and_not_held_is_freed_at_once(db) {
        let (_, [held, _], _) = published(db).await;
        let mut rollup = Rollup::new(1);
        db.clock.advance(Duration::from_mins(2));
        // The very look that sees it for the first time.
        rolled(db, &mut rollup).await;
        let settled = db.store.settle_owed(&mut rollup.ledger, |endpoint, _| endpoint == held).await.unwrap();
        assert_eq!((settled.freed, settled.claimed), (1, 1));
        assert_eq!((fresh_and_owing(db).await, due(db).await, rollup.ledger.left()), ((0, 0), 1, 0));
        // Another node's hand is not known: they are its claims.
        let (_, [..], _) = published(db).await;
        let other = other_node(db).await;
        db.clock.advance(Duration::from_mins(2));
        let elsewhere = db.store.settle_owed(&mut Rollup::new(other).ledger, |_, _| false).await.unwrap();
        assert_eq!((elsewhere.freed, elsewhere.claimed), (0, 2));
    }

    async fn a_dead_nodes_deliveries_are_freed_whatever_it_held(db) {
        let (app, [first, second], message) = published(db).await;
        db.attempt(app, message, first, DeliveryState::Succeeded).await;
        db.clock.advance(Duration::from_hours(2));
        let rescuer = other_node(db).await;
        assert_eq!(db.store.dead_nodes(rescuer, true).await.unwrap(), [1]);
        assert_eq!(db.store.take_over(1).await.unwrap(), Some(1));
        assert_eq!((fresh_and_owing(db).await, due(db).await), ((0, 0), 1));
        let late = db.outcome(app, message, second, DeliveryState::Succeeded);
        assert!(!db.record(&[late]).await[0].moved, "its token has passed");
        assert_eq!(db.store.take_over(1).await.unwrap(), Some(0), "twice does no harm");
    }

    async fn what_names_a_node_without_a_row_is_freed_by_any(db) {
        let (app, [first, second], message) = published(db).await;
        let claimed = db.publish(app, "a", &[(first, Start::Due)]).await;
        db.store.claim(1, app, first, db.clock.now(), 10).await.unwrap();
        db.store.resend(app, message, second).await.unwrap();
        db.execute("update resend set owner = 1").await;
        let any = other_node(db).await;
        // A fail-over to before it was entered.
        db.execute("delete from node where number = 1").await;
        let unaccounted = db.store.unaccounted().await.unwrap();
        assert_eq!((unaccounted.claims, unaccounted.resends), (1, 1), "{claimed}");
        assert_eq!(db.store.free_orphans().await.unwrap(), 2);
        assert_eq!(settled(db, &mut Rollup::new(any)).await.freed, 2);
        assert_eq!((fresh_and_owing(db).await, due(db).await), ((0, 0), 3));
        assert_eq!(db.number("select count(*) from resend where owner is null").await, 1);
        assert_eq!(db.store.unaccounted().await.unwrap().sum(), 0);
    }

    async fn a_database_that_went_back_has_its_account_begun_anew(db) {
        let (app, [first, second], message) = published(db).await;
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        db.attempt(app, message, first, DeliveryState::Succeeded).await;
        rolled(db, &mut rollup).await;
        assert_eq!(rollup.ledger.left(), 1);
        // Back to before the outcome and the roll-up that read it.
        for text in [
            "delete from attempt",
            "update delivery set state = 0, attempts = 0, sends = 0, last_status = null",
            "delete from journal where not owes",
            "update node set rolled = 1",
        ] {
            db.execute(text).await;
        }
        db.attempt(app, message, second, DeliveryState::Succeeded).await;
        rolled(db, &mut rollup).await;
        assert_eq!(fresh_and_owing(db).await, (1, 1), "memory knew of both, the database of one");
        while db.store.adopt_owed(&mut rollup.ledger).await.unwrap() {}
        rolled(db, &mut rollup).await;
        let unheld = rollup.ledger.unheld(db.clock.now().plus(Duration::from_secs(9)), |_, _| false);
        assert_eq!(unheld, [(first, message)]);
        assert_eq!(db.store.free_unheld(&mut rollup.ledger, &unheld).await.unwrap(), 1);
        assert_eq!((fresh_and_owing(db).await, due(db).await), ((0, 0), 1));
    }

    async fn a_number_that_a_fail_over_gave_to_another_commit_is_not_taken_for_the_same(db) {
        for freed in [false, true] {
            let (app, endpoints, message) = published(db).await;
            let mut rollup = Rollup::new(1);
            rolled(db, &mut rollup).await;
            db.execute("update journal set at = at + 1 where owes").await;
            if freed {
                let unheld = rollup.ledger.unheld(db.clock.now().plus(Duration::from_secs(9)), |_, _| false);
                assert_eq!(db.store.free_unheld(&mut rollup.ledger, &unheld).await.unwrap(), 2);
            } else {
                for endpoint in endpoints {
                    db.attempt(app, message, endpoint, DeliveryState::Succeeded).await;
                }
                rolled(db, &mut rollup).await;
            }
            assert_eq!((fresh_and_owing(db).await, rollup.ledger.left()), ((0, 1), 0), "freed: {freed}");
            db.clock.advance(Duration::from_mins(1));
            settled(db, &mut rollup).await;
            assert_eq!(fresh_and_owing(db).await, (0, 0));
        }
    }

    async fn a_commit_of_the_version_before_is_resolved_through_its_applications_endpoints(db) {
        let (app, [first, _], message) = published(db).await;
        db.attempt(app, message, first, DeliveryState::Succeeded).await;
        db.execute("update journal set node = null, owned = null, owes = true").await;
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        assert_eq!(fresh_and_owing(db).await, (1, 2));
        db.clock.advance(Duration::from_secs(46));
        assert_eq!(settled(db, &mut rollup).await.claimed, 1);
        assert_eq!(fresh_and_owing(db).await, (0, 0));
        assert_eq!(claims(db).await, 1);
    }

    async fn a_row_that_cannot_be_read_stays_open_is_counted_and_holds_nobody_up(db) {
        // A newer version's body, and a list of deliveries that is damaged.
        for text in [
            "update journal set body = substr(owned, 1, 0) || owned",
            "update journal set owned = body",
        ] {
            let (app, [first, second], message) = published(db).await;
            db.execute(&format!("{text} where owes")).await;
            let healthy = db.publish(app, "a", &[(first, Start::Owned)]).await;
            let mut rollup = Rollup::new(1);
            rolled(db, &mut rollup).await;
            db.attempt(app, healthy, first, DeliveryState::Succeeded).await;
            rolled(db, &mut rollup).await;
            assert_eq!(fresh_and_owing(db).await, (2, 1), "{text}");
            db.clock.advance(Duration::from_mins(10));
            for _ in 0..3 {
                settled(db, &mut rollup).await;
            }
            while db.store.trim_journal().await.unwrap() {}
            assert_eq!(fresh_and_owing(db).await, (2, 1), "{text}: never taken for empty");
            assert_eq!(db.store.unaccounted().await.unwrap().commits, 1, "{text}");
            for endpoint in [first, second] {
                db.attempt(app, message, endpoint, DeliveryState::Succeeded).await;
            }
            db.execute("update journal set owes = false, rolled = true").await;
        }
    }

    async fn cancelling_finds_what_is_fresh_in_any_nodes_hand(db) {
        let (app, [first, second], message) = published(db).await;
        db.store.delete_endpoint(app, first).await.unwrap();
        let state = |endpoint: EndpointId| {
            let hex = endpoint.uuid().simple().to_string();
            format!("select state from delivery where {}", match db.store.engine() {
                postrider_store::Engine::Sqlite => format!("endpoint_id = x'{hex}'"),
                postrider_store::Engine::Postgres => format!("endpoint_id = '{hex}'"),
            })
        };
        assert_eq!(db.number(&state(first)).await, 3, "{message}");
        assert_eq!(db.number(&state(second)).await, 0);
    }

    async fn what_a_look_reads_follows_what_happened_and_not_how_much_history_there_is(db) {
        let (app, [first, second], message) = published(db).await;
        db.multiply_deliveries(20_000).await;
        for endpoint in [first, second] {
            db.attempt(app, message, endpoint, DeliveryState::Succeeded).await;
        }
        let mut rollup = Rollup::new(1);
        rolled(db, &mut rollup).await;
        db.clock.advance(Duration::from_mins(1));
        // History is not looked at: all that owes is what was published a moment ago.
        assert_eq!(settled(db, &mut rollup).await, Settled::default());
        let again = db.publish(app, "a", &[(first, Start::Owned)]).await;
        db.clock.advance(Duration::from_mins(1));
        assert_eq!(settled(db, &mut rollup).await.claimed, 1, "{again}");
    }
}
