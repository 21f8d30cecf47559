//! Applications and organisations, on both engines.

#[macro_use]
mod support;

use postrider_domain::{AppId, OrgId};
use postrider_store::{AppFilter, AppUpdate, Engine, NewApp, Order, Refusal, Start, StoreError};
use support::{Database, after, before, first, new_app};

/// The applications that a text finds, oldest first.
async fn called(db: &Database, org: OrgId, text: &str) -> Vec<AppId> {
    let filter = AppFilter {
        text: Some(text.to_owned()),
        ..AppFilter::default()
    };
    let page = first(50, Order::Ascending);
    let found = db.store.apps(org, filter, page).await.unwrap();
    assert!(found.page.done && found.reached.is_none());
    found.page.rows.iter().map(|app| app.id).collect()
}

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
        assert!(matches!(late, Err(StoreError::Conflict(Refusal::AppVersion))), "{late:?}");
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
            let page = db.store.apps(org, AppFilter::default(), request.clone()).await.unwrap().page;
            let wanted: Vec<_> = wanted.into_iter().map(|index: usize| ids[index]).collect();
            let found: Vec<_> = page.rows.iter().map(|app| app.id).collect();
            assert_eq!((found, page.done), (wanted, done), "{request:?}");
        }
    }

    async fn applications_are_found_by_a_piece_of_their_name_or_uid_in_any_case(db) {
        let org = db.org().await;
        let mut ids = Vec::new();
        for (name, uid) in [("Österreichische Post", Some("AT-1")), ("100% Bio_GmbH", Some("bio")), ("ACME", None), ("Яндекс", Some("ya"))] {
            let new = NewApp { name: name.to_owned(), ..new_app(uid) };
            ids.push(db.store.create_app(org, new).await.unwrap().id);
        }
        let other = db.store.ensure_org("Other").await.unwrap().id;
        db.store.create_app(other, NewApp { name: "Acme of others".to_owned(), ..new_app(None) }).await.unwrap();
        let id = ids[3].to_string();
        let known: [(&str, &[usize]); 13] = [
            ("österr", &[0]), ("ÖSTERREICHISCHE p", &[0]), ("at-1", &[0]), ("-1", &[0]),
            ("%", &[1]), ("_g", &[1]), ("acme", &[2]), ("яНД", &[3]), (&id, &[3]),
            ("i", &[0, 1]), ("nothing", &[]), ("'", &[]), ("\\", &[]),
        ];
        for (text, wanted) in known {
            let wanted: Vec<_> = wanted.iter().map(|at| ids[*at]).collect();
            assert_eq!(called(db, org, text).await, wanted, "{text}");
        }
        assert_eq!(called(db, other, &id).await, []);

        let made = db.store.app(org, &ids[2].to_string()).await.unwrap();
        let settings = NewApp { name: "Ärger".to_owned(), ..new_app(Some("now")) };
        let update = AppUpdate { settings, config_version: made.config_version };
        db.store.update_app(org, made.id, update).await.unwrap();
        assert_eq!(called(db, org, "acme").await, []);
        assert_eq!(called(db, org, "ärger now").await, [made.id]);
        db.store.delete_app(org, made.id).await.unwrap();
        assert_eq!(called(db, org, "ärger").await, []);
        assert_eq!(called(db, org, &made.id.to_string()).await, []);
    }

    async fn what_an_older_version_wrote_is_found_as_well(db) {
        let org = db.org().await;
        let app = db.store.create_app(org, NewApp { name: "Before".to_owned(), ..new_app(Some("old-1")) }).await.unwrap();
        db.execute("update app set name = 'Renamed'").await;
        assert_eq!(called(db, org, "renamed").await, [app.id]);
        db.execute("update app set folded = null").await;
        assert_eq!(called(db, org, "RENAMED").await, [app.id]);
        assert_eq!(called(db, org, "OLD-").await, [app.id]);
        assert_eq!(called(db, org, "before").await, []);
    }

    async fn a_look_for_applications_ends_after_100_000_and_goes_on_from_there(db) {
        let org = db.org().await;
        let old = db.store.create_app(org, NewApp { name: "Rare".to_owned(), ..new_app(None) }).await.unwrap();
        let text = old.id.uuid().simple().to_string();
        let head = i64::from_str_radix(&text[..12], 16).unwrap() + 5;
        let (id, of) = match db.store.engine() {
            Engine::Sqlite => (
                format!("unhex(printf('%012x70008%015x', {head} + n, n))"),
                format!("x'{}'", org.uuid().simple()),
            ),
            Engine::Postgres => (
                format!("(lpad(to_hex({head}::bigint + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid"),
                format!("'{}'::uuid", org.uuid()),
            ),
        };
        let sql = format!(
            "insert into app (id, org_id, name, folded, created_at, updated_at) \
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 100000) \
             select {id}, {of}, 'Often', 'often ', 1, 1 from n"
        );
        assert_eq!(db.execute(&sql).await, 100_000);
        let rare = || AppFilter { text: Some("rare".to_owned()), ..AppFilter::default() };
        let one = db.store.apps(org, rare(), first(10, Order::Descending)).await.unwrap();
        assert!(one.page.rows.is_empty() && !one.page.done);
        let reached = one.reached.expect("where the look ended");
        let two = db.store.apps(org, rare(), after(reached, 10, Order::Descending)).await.unwrap();
        assert!(two.page.done && two.reached.is_none());
        assert_eq!(two.page.rows[0].id, old.id);
        // The other way round it is found at once, and the rest may hold more.
        let up = db.store.apps(org, rare(), first(10, Order::Ascending)).await.unwrap();
        assert_eq!((up.page.rows.len(), up.page.done), (1, false));
        let often = AppFilter { text: Some("OFTEN".to_owned()), ..AppFilter::default() };
        let some = db.store.apps(org, often, first(10, Order::Ascending)).await.unwrap();
        assert_eq!((some.page.rows.len(), some.page.done, some.reached), (10, false, None));
    }
}
