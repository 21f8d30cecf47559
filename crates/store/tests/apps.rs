//! Applications and organisations, on both engines.

#[macro_use]
mod support;

use postrider_store::{AppFilter, AppUpdate, NewApp, Order, Start, StoreError};
use support::{after, before, first, new_app};

both_engines! {
    async fn an_organisation_is_made_once_and_found_by_name_and_by_external_id(db) {
        let org = db.store.ensure_org("Acme").await.unwrap();
        assert_eq!(db.store.ensure_org("Acme").await.unwrap(), org);
        assert_eq!(db.store.org_by_name("Acme").await.unwrap(), org);
        assert_eq!(db.store.org_by_external_id(&org.external_id).await.unwrap(), org);
        let other = db.store.ensure_external_org("org_23rb8YdGqMT0qIzpgGwdXfHirMu").await.unwrap();
        assert_eq!(db.store.ensure_external_org(&other.external_id).await.unwrap(), other);
        assert!(matches!(db.store.org_by_name("nobody").await, Err(StoreError::NotFound(_))));
    }

    async fn get_or_create_makes_one_application_however_many_ask_at_once(db) {
        let org = db.org().await;
        let ask = || db.store.app_or_create(org, new_app(Some("customer-1")));
        let answers = tokio::join!(ask(), ask(), ask(), ask());
        let answers = [answers.0, answers.1, answers.2, answers.3].map(Result::unwrap);
        assert_eq!(answers.iter().filter(|(_, created)| *created).count(), 1);
        assert!(answers.iter().all(|(app, _)| app.id == answers[0].0.id));
    }

    async fn a_change_made_from_an_older_version_is_a_conflict_and_changes_nothing(db) {
        let org = db.org().await;
        let app = db.store.create_app(org, new_app(None)).await.unwrap();
        let update = |name: &str, config_version| AppUpdate {
            settings: NewApp { name: name.to_owned(), ..new_app(None) },
            config_version,
        };
        let changed = db.store.update_app(org, app.id, update("first", app.config_version)).await.unwrap();
        let late = db.store.update_app(org, app.id, update("late", app.config_version)).await;
        assert!(matches!(late, Err(StoreError::Conflict("app_version"))), "{late:?}");
        assert_eq!(db.store.app(org, &app.id.to_string()).await.unwrap(), changed);
        db.store.delete_app(org, app.id).await.unwrap();
        let gone = db.store.update_app(org, app.id, update("gone", changed.config_version)).await;
        assert!(matches!(gone, Err(StoreError::NotFound(_))), "{gone:?}");
    }

    async fn a_deleted_application_frees_its_uid_and_cancels_what_waits(db) {
        let org = db.org().await;
        let (app, _) = db.store.app_or_create(org, new_app(Some("customer-1"))).await.unwrap();
        let endpoint = db.endpoint(app.id).await;
        db.publish(app.id, "invoice.paid", &[(endpoint, Start::Due)]).await;
        db.store.delete_app(org, app.id).await.unwrap();
        assert!(matches!(db.store.app(org, "customer-1").await, Err(StoreError::NotFound(_))));
        assert!(matches!(db.store.delete_app(org, app.id).await, Err(StoreError::NotFound(_))));
        assert!(matches!(db.store.endpoint(app.id, &endpoint.to_string()).await, Err(StoreError::NotFound(_))));
        assert_eq!(db.number("select count(*) from delivery where state = 3 and due_at is null").await, 1);
        assert_eq!(db.number("select count(*) from lane").await, 0);
        assert_eq!(db.number("select count(*) from endpoint_secret").await, 0);
        assert!(db.store.app_or_create(org, new_app(Some("customer-1"))).await.unwrap().1);
    }

    async fn pages_run_both_ways_and_keep_the_order(db) {
        let org = db.org().await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(db.store.create_app(org, new_app(None)).await.unwrap().id);
        }
        let pages = [
            (first(2, Order::Ascending), vec![0, 1], false),
            (after(ids[1], 2, Order::Ascending), vec![2, 3], false),
            (after(ids[3], 2, Order::Ascending), vec![4], true),
            (before(ids[3], 2, Order::Ascending), vec![1, 2], false),
            (before(ids[2], 2, Order::Ascending), vec![0, 1], true),
            (first(2, Order::Descending), vec![4, 3], false),
            (after(ids[3], 9, Order::Descending), vec![2, 1, 0], true),
            (before(ids[1], 2, Order::Descending), vec![3, 2], false),
        ];
        for (request, wanted, done) in pages {
            let page = db.store.apps(org, AppFilter::default(), request.clone()).await.unwrap();
            let wanted: Vec<_> = wanted.into_iter().map(|index: usize| ids[index]).collect();
            let found: Vec<_> = page.rows.iter().map(|app| app.id).collect();
            assert_eq!((found, page.done), (wanted, done), "{request:?}");
        }
    }
}
