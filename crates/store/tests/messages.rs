//! Messages and attempts as lists show them, on both engines.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{AttemptStatus, DeliveryState, FailureKind, MessageId};
use postrider_store::{
    AttemptFilter, DeliveryFilter, EXPUNGED, EndpointStats, Entity, MessageFilter, Order, Start,
    StoreError,
};
use support::{after, before, first};

both_engines! {
    async fn a_message_is_found_by_its_id_and_by_its_event_id(db) {
        let app = db.app().await;
        let id = db.publish_with(app, "invoice.paid", &[], Some("evt-1"), Some(&["eu"])).await;
        let message = db.store.message(app, &id.to_string(), true).await.unwrap();
        assert_eq!(message.payload.as_deref(), Some(br#"{"n":1}"#.as_slice()));
        assert_eq!(message.channels, Some(vec!["eu".to_owned()]));
        assert_eq!(db.store.message(app, "evt-1", true).await.unwrap(), message);
        assert_eq!(db.store.message(app, "evt-1", false).await.unwrap().payload, None);
        let other = db.app().await;
        for (app, id) in [(other, id.to_string()), (other, "evt-1".to_owned()), (app, "evt-2".to_owned())] {
            assert!(matches!(db.store.message(app, &id, true).await, Err(StoreError::NotFound(Entity::Message))));
        }
    }

    async fn a_payload_goes_when_it_is_removed_and_when_its_time_is_over(db) {
        let app = db.app().await;
        let removed = db.publish(app, "a", &[]).await;
        let kept = db.publish(app, "a", &[]).await;
        db.store.delete_payload(app, removed).await.unwrap();
        db.store.delete_payload(app, removed).await.unwrap();
        let unknown = MessageId::mint(db.clock.now());
        assert!(matches!(db.store.delete_payload(app, unknown).await, Err(StoreError::NotFound(_))));
        assert_eq!(db.store.message(app, &removed.to_string(), true).await.unwrap().payload, None);
        let message = db.store.message(app, &kept.to_string(), true).await.unwrap();
        assert!(message.payload.is_some());
        db.clock.advance_to(message.payload_expires_at);
        assert_eq!(db.store.message(app, &kept.to_string(), true).await.unwrap().payload, None);
    }

    async fn messages_are_listed_by_time_window_event_type_and_channel(db) {
        let app = db.app().await;
        let mut ids = Vec::new();
        for (event_type, channels) in [
            ("a", None),
            ("b", Some(&["eu", "us"][..])),
            ("a", Some(&["eu-west"][..])),
            ("c", Some(&["eu"][..])),
        ] {
            ids.push(db.publish_with(app, event_type, &[], None, channels).await);
        }
        db.clock.advance(Duration::from_secs(3));
        let list = async |filter: MessageFilter, page| {
            let page = db.store.messages(app, filter, page).await.unwrap();
            let found = page.rows.iter().map(|row| ids.iter().position(|id| *id == row.id).unwrap());
            (found.collect::<Vec<_>>(), page.done)
        };
        let any = MessageFilter::default();
        let channel = |name: &str| MessageFilter { channel: Some(name.to_owned()), ..any.clone() };
        let newest = || first(9, Order::Descending);
        assert_eq!(list(any.clone(), newest()).await, (vec![3, 2, 1, 0], true));
        assert_eq!(list(any.clone(), after(ids[3], 2, Order::Descending)).await, (vec![2, 1], false));
        assert_eq!(list(any.clone(), before(ids[0], 2, Order::Descending)).await, (vec![2, 1], false));
        assert_eq!(list(channel("eu"), newest()).await.0, [3, 1]);
        assert_eq!(list(channel("e"), newest()).await.0, [] as [usize; 0]);
        let types = MessageFilter { event_types: vec!["a".to_owned(), "c".to_owned()], ..any.clone() };
        assert_eq!(list(types, newest()).await.0, [3, 2, 0]);
        let window = MessageFilter {
            after: Some(ids[1].minted_at()),
            before: Some(ids[3].minted_at()),
            with_payload: true,
            ..any
        };
        assert_eq!(list(window, first(9, Order::Ascending)).await.0, [1, 2]);
    }

    async fn a_page_that_walks_towards_the_newest_leaves_out_what_a_slower_node_may_still_precede(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let mut made = Vec::new();
        for _ in 0..2 {
            let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
            made.push((message, db.attempt(app, message, endpoint, DeliveryState::Pending).await));
        }
        let young = made[1].0.minted_at();
        let (old, newest) = (made[0], first(9, Order::Descending));
        for (milliseconds, messages, attempts) in [(1_999, 0, 0), (2_001, 1, 0), (31_999, 1, 0), (32_001, 1, 1)] {
            db.clock.advance_to(young.plus(Duration::from_millis(milliseconds)));
            let forth = before(old.0, 9, Order::Descending);
            let listed = db.store.messages(app, MessageFilter::default(), forth.clone()).await.unwrap();
            assert_eq!(listed.rows.len(), messages, "{milliseconds}");
            let listed = db.store.endpoint_messages(app, endpoint, DeliveryFilter::default(), forth).await.unwrap();
            assert_eq!(listed.rows.len(), messages, "{milliseconds}");
            let forth = before(old.1, 9, Order::Descending);
            let listed = db.store.attempts_by_endpoint(app, endpoint, AttemptFilter::default(), forth).await.unwrap();
            assert_eq!(listed.rows.len(), attempts, "{milliseconds}");
            let listed = db.store.messages(app, MessageFilter::default(), newest.clone()).await.unwrap();
            assert_eq!(listed.rows.len(), 2, "the newest first are all there");
        }
    }

    async fn attempts_are_listed_by_message_and_by_endpoint(db) {
        let app = db.app().await;
        let (one, two) = (db.endpoint(app).await, db.endpoint(app).await);
        let both = [(one, Start::Owned), (two, Start::Owned)];
        let first_message = db.publish_with(app, "a", &both, None, Some(&["eu"])).await;
        let failed = db.attempt(app, first_message, one, DeliveryState::Pending).await;
        let succeeded = db.attempt(app, first_message, two, DeliveryState::Succeeded).await;
        let second_message = db.publish(app, "b", &[(one, Start::Owned)]).await;
        let later = db.attempt(app, second_message, one, DeliveryState::Succeeded).await;

        let by_message = async |filter| {
            let page = db.store.attempts_by_message(app, first_message, filter, first(9, Order::Descending)).await.unwrap();
            page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        let any = AttemptFilter::default();
        assert_eq!(by_message(any.clone()).await, [succeeded, failed]);
        assert_eq!(by_message(AttemptFilter { endpoint: Some(one), ..any.clone() }).await, [failed]);
        assert_eq!(by_message(AttemptFilter { status: Some(AttemptStatus::Success), ..any.clone() }).await, [succeeded]);
        assert_eq!(by_message(AttemptFilter { status_class: Some(500), ..any.clone() }).await, [failed]);
        assert_eq!(by_message(AttemptFilter { status_class: Some(0), ..any.clone() }).await, []);

        let by_endpoint = async |filter| {
            let page = db.store.attempts_by_endpoint(app, one, filter, first(9, Order::Descending)).await.unwrap();
            page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(by_endpoint(any.clone()).await, [later, failed]);
        assert_eq!(by_endpoint(AttemptFilter { channel: Some("eu".to_owned()), ..any.clone() }).await, [failed]);
        assert_eq!(by_endpoint(AttemptFilter { event_types: vec!["b".to_owned()], ..any.clone() }).await, [later]);
        assert_eq!(by_endpoint(AttemptFilter { after: Some(later.minted_at()), ..any.clone() }).await, [later]);
        let other = db.app().await;
        let page = db.store.attempts_by_endpoint(other, one, any, first(9, Order::Descending)).await.unwrap();
        assert!(page.rows.is_empty());
    }

    async fn an_attempt_tells_what_was_sent_and_what_came_back_until_that_is_removed(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        let id = db.attempt(app, message, endpoint, DeliveryState::Pending).await;
        let attempt = db.store.attempt(app, message, id).await.unwrap();
        assert_eq!(attempt.url, "https://customer.example/hook");
        assert_eq!((attempt.status, attempt.http_status), (AttemptStatus::Fail, 503));
        assert_eq!(attempt.failure, Some(FailureKind::Http));
        assert_eq!(attempt.response_body.as_deref(), Some(b"thank you".as_slice()));
        assert_eq!(attempt.response_headers, Some(vec![("content-type".to_owned(), "text/plain".to_owned())]));
        assert_eq!(attempt.duration, Duration::from_millis(12));
        let other = db.app().await;
        assert!(matches!(db.store.attempt(other, message, id).await, Err(StoreError::NotFound(_))));
        assert!(matches!(db.store.expunge_attempt(other, message, id).await, Err(StoreError::NotFound(_))));
        db.store.expunge_attempt(app, message, id).await.unwrap();
        let attempt = db.store.attempt(app, message, id).await.unwrap();
        assert_eq!((attempt.response_body.as_deref(), attempt.response_headers), (Some(EXPUNGED), None));
    }

    async fn an_endpoints_messages_tell_where_each_stands(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let owned = [(endpoint, Start::Owned)];
        let mut ids = Vec::new();
        for state in [DeliveryState::Succeeded, DeliveryState::Pending, DeliveryState::Exhausted] {
            let id = db.publish(app, "a", &owned).await;
            db.attempt(app, id, endpoint, state).await;
            ids.push(id);
        }
        let due = db.clock.now().minus(Duration::from_secs(1)).plus(Duration::from_secs(5));
        ids.push(db.publish(app, "b", &owned).await);
        ids.push(db.publish(app, "b", &[(endpoint, Start::Skipped)]).await);
        let list = async |filter| {
            let page = db.store.endpoint_messages(app, endpoint, filter, first(9, Order::Descending)).await.unwrap();
            page.rows.into_iter().map(|(message, status, next)| (message.id, status, next)).collect::<Vec<_>>()
        };
        let all = [
            (ids[4], AttemptStatus::Canceled, None),
            (ids[3], AttemptStatus::Pending, None),
            (ids[2], AttemptStatus::Fail, None),
            (ids[1], AttemptStatus::Sending, Some(due)),
            (ids[0], AttemptStatus::Success, None),
        ];
        assert_eq!(list(DeliveryFilter::default()).await, all);
        for row in all {
            assert_eq!(list(DeliveryFilter { status: Some(row.1), ..DeliveryFilter::default() }).await, [row]);
        }
        let message = MessageFilter { event_types: vec!["b".to_owned()], with_payload: true, ..MessageFilter::default() };
        assert_eq!(list(DeliveryFilter { message, ..DeliveryFilter::default() }).await, all[..2]);
    }

    async fn a_messages_endpoints_are_listed_with_their_last_attempt_deleted_ones_too(db) {
        let app = db.app().await;
        let (one, two, three) = (db.endpoint(app).await, db.endpoint(app).await, db.endpoint(app).await);
        let message = db.publish(app, "a", &[(one, Start::Owned), (two, Start::Owned)]).await;
        db.attempt(app, message, one, DeliveryState::Pending).await;
        db.store.delete_endpoint(app, two).await.unwrap();
        let page = db.store.message_endpoints(app, message, first(9, Order::Ascending)).await.unwrap();
        let rows: Vec<_> = page.rows.iter().map(|(endpoint, status, next)| (endpoint.id, *status, next.is_some())).collect();
        assert_eq!(rows[0], (one, AttemptStatus::Fail, true));
        assert_eq!(rows[1].0, two);
        assert_eq!(rows.len(), 2, "not {three}");
        let page = db.store.message_endpoints(app, message, after(one, 9, Order::Ascending)).await.unwrap();
        assert_eq!(page.rows.len(), 1);
    }

    async fn attempts_are_counted_by_how_they_ended_within_a_window(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let begin = db.clock.now();
        for state in [DeliveryState::Succeeded, DeliveryState::Succeeded, DeliveryState::Exhausted] {
            let id = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
            db.attempt(app, id, endpoint, state).await;
        }
        let end = db.clock.now();
        let stats = db.store.endpoint_stats(endpoint, begin, end.plus(Duration::from_secs(1))).await.unwrap();
        assert_eq!(stats, EndpointStats { success: 2, fail: 1, ..EndpointStats::default() });
        let stats = db.store.endpoint_stats(endpoint, begin, end).await.unwrap();
        assert_eq!(stats, EndpointStats { success: 2, ..EndpointStats::default() });
    }
}
