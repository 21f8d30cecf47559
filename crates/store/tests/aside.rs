//! What fails is put aside, and does not hold up the rest.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::MessageId;
use postrider_store::{Entity, StoreError};
use support::Database;

/// Two messages of two applications that are still to be unfolded, the older one of which
/// cannot be read.
async fn two_with_a_broken_one(db: &Database) -> (MessageId, MessageId) {
    let (one, two) = (db.app().await, db.app().await);
    let broken = db.publish_with(one, "a", &[], None, Some(&["eu"])).await;
    let whole = db.publish(two, "a", &[]).await;
    db.execute(
        "insert into expansion (message_id, app_id, created_at) select id, app_id, 1 from message",
    )
    .await;
    db.execute("update message set channels = '[\"eu' where channels is not null")
        .await;
    (broken, whole)
}

async fn mend(db: &Database) {
    db.execute("update message set channels = '[\"eu\"]' where channels is not null")
        .await;
}

both_engines! {
    async fn an_expansion_that_cannot_be_read_holds_up_no_other(db) {
        let (broken, whole) = two_with_a_broken_one(db).await;
        let next = db.store.next_expansion().await.unwrap().expect("the other one");
        assert_eq!(next.message_id, whole);
        assert_eq!(db.store.expansions_aside().await.unwrap(), 1);
        db.store.unfold(&next, &[], None).await.unwrap();
        // It is tried again, later each time.
        for failures in 2..6 {
            assert_eq!(db.store.next_expansion().await.unwrap(), None);
            db.clock.advance(Duration::from_secs(1 << (failures - 2)));
            assert_eq!(db.store.next_expansion().await.unwrap(), None);
            assert_eq!(db.number("select failures from expansion").await, failures);
        }
        let told = "select count(*) from expansion where error like '%channels%'";
        assert_eq!(db.number(told).await, 1);
        mend(db).await;
        assert_eq!(db.store.next_expansion().await.unwrap(), None, "it rests");
        db.clock.advance(Duration::from_mins(5));
        let next = db.store.next_expansion().await.unwrap().expect("it can be read again");
        assert_eq!((next.message_id, &next.channels), (broken, &vec!["eu".to_owned()]));
        db.store.unfold(&next, &[], None).await.unwrap();
        assert_eq!(db.store.expansions_aside().await.unwrap(), 0);
    }

    async fn an_expansion_that_fails_is_put_aside_with_its_error(db) {
        let (_, whole) = two_with_a_broken_one(db).await;
        mend(db).await;
        let next = db.store.next_expansion().await.unwrap().expect("the older one");
        assert_ne!(next.message_id, whole);
        let error = StoreError::NotFound(Entity::Message);
        db.store.put_expansion_aside(next.message_id, &error).await.unwrap();
        let next = db.store.next_expansion().await.unwrap().expect("the other one");
        assert_eq!(next.message_id, whole);
        assert_eq!(db.number("select count(*) from expansion where error = 'message not found'").await, 1);
    }

    async fn an_expansion_of_a_message_that_is_gone_is_ended(db) {
        two_with_a_broken_one(db).await;
        mend(db).await;
        db.execute("delete from message").await;
        assert_eq!(db.store.next_expansion().await.unwrap(), None);
        assert_eq!(db.number("select count(*) from expansion").await, 0);
        assert_eq!(db.store.expansions_aside().await.unwrap(), 0);
    }

    async fn an_operational_event_that_fails_holds_up_no_other(db) {
        let org = db.org().await;
        let app = db.store.ensure_operational_app(org).await.unwrap();
        db.endpoint(app).await;
        let told = db.app().await;
        db.endpoint(told).await;
        db.endpoint(told).await;
        let events = db.store.operational_events(10).await.unwrap();
        assert!(events.len() > 1, "{events:?}");
        db.store.put_operational_event_aside(events[0].id, "it was refused").await.unwrap();
        let rest = db.store.operational_events(10).await.unwrap();
        assert_eq!(rest[..], events[1..]);
        assert_eq!(db.store.operational_events_aside().await.unwrap(), 1);
        db.clock.advance(Duration::from_secs(1));
        assert_eq!(db.store.operational_events(10).await.unwrap(), events);
        db.store.operational_event_published(events[0].id).await.unwrap();
        assert_eq!(db.store.operational_events_aside().await.unwrap(), 0);
    }
}
