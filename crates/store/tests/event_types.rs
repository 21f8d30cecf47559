//! Event types, on both engines.

#[macro_use]
mod support;

use postrider_store::{NewEventType, Order, Refusal, StoreError};
use support::{after, before, first};

fn named(name: &str) -> NewEventType {
    NewEventType {
        name: name.to_owned(),
        description: "Something happened".to_owned(),
        ..NewEventType::default()
    }
}

both_engines! {
    async fn an_event_type_survives_with_all_its_fields(db) {
        let org = db.org().await;
        let new = NewEventType {
            deprecated: true,
            schemas: Some(r#"{"1":{"type":"object"}}"#.to_owned()),
            feature_flags: Some(vec!["beta".to_owned()]),
            group_name: Some("billing".to_owned()),
            ..named("invoice.paid")
        };
        let made = db.store.create_event_type(org, new.clone()).await.unwrap();
        assert_eq!(db.store.event_type(org, "invoice.paid").await.unwrap(), made);
        assert_eq!((made.schemas, made.feature_flags, made.group_name), (new.schemas, new.feature_flags, new.group_name));
    }

    async fn a_live_name_is_a_conflict_and_an_archived_one_is_revived(db) {
        let org = db.org().await;
        let made = db.store.create_event_type(org, named("a")).await.unwrap();
        let again = db.store.create_event_type(org, named("a")).await;
        assert!(matches!(again, Err(StoreError::Conflict(Refusal::EventTypeName))));
        db.store.delete_event_type(org, "a", false).await.unwrap();
        assert!(db.store.event_type(org, "a").await.unwrap().archived);
        let revived = db.store.create_event_type(org, named("a")).await.unwrap();
        assert_eq!((revived.id, revived.archived), (made.id, false));
        db.store.delete_event_type(org, "a", true).await.unwrap();
        assert!(matches!(db.store.event_type(org, "a").await, Err(StoreError::NotFound(_))));
        assert!(matches!(db.store.delete_event_type(org, "a", true).await, Err(StoreError::NotFound(_))));
    }

    async fn put_says_whether_it_made_one(db) {
        let org = db.org().await;
        let (made, created) = db.store.put_event_type(org, named("a")).await.unwrap();
        assert!(created);
        let new = NewEventType { description: "Other".to_owned(), ..named("a") };
        let (put, created) = db.store.put_event_type(org, new).await.unwrap();
        assert!(!created);
        assert_eq!((put.id, put.description.as_str()), (made.id, "Other"));
    }

    async fn lists_run_by_the_bytes_of_names_and_hide_archived_ones(db) {
        let org = db.org().await;
        for name in ["b", "a.b", "a-b", "B", "a_b", "old"] {
            db.store.create_event_type(org, named(name)).await.unwrap();
        }
        db.store.delete_event_type(org, "old", false).await.unwrap();
        let names = async |archived, page| {
            let page = db.store.event_types(org, archived, page).await.unwrap();
            page.rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names(false, first(9, Order::Ascending)).await, ["B", "a-b", "a.b", "a_b", "b"]);
        assert_eq!(names(true, first(9, Order::Ascending)).await.len(), 6);
        assert_eq!(names(false, after("a-b".to_owned(), 2, Order::Ascending)).await, ["a.b", "a_b"]);
        assert_eq!(names(false, before("a_b".to_owned(), 2, Order::Ascending)).await, ["a-b", "a.b"]);
        let known = ["a.b", "old", "none"].map(str::to_owned);
        assert_eq!(db.store.known_event_types(org, &known, None).await.unwrap(), ["a.b"]);
        assert!(db.store.known_event_types(org, &[], None).await.unwrap().is_empty());
    }
}
