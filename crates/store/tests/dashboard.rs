//! What the dashboard asks for: found messages, an overview, inboxes, sessions.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{DeliveryState, InboxRequestId, MessageId};
use postrider_store::{
    Cursor, DeliveryStatus, InboxRequest, InboxUpdate, MessageQuery, MonitorFilter, NewInbox,
    Order, PageRequest, Start, StoreError, Verification,
};
use support::{after, first};

fn text(text: &str) -> MessageQuery {
    MessageQuery {
        text: Some(text.to_owned()),
        ..MessageQuery::default()
    }
}

fn standing(status: DeliveryStatus) -> MessageQuery {
    MessageQuery {
        status: Some(status),
        ..MessageQuery::default()
    }
}

async fn found(
    db: &support::Database,
    app: postrider_domain::AppId,
    query: MessageQuery,
) -> Vec<MessageId> {
    let page = first(50, Order::Descending);
    let found = db.store.search_messages(app, query, page).await.unwrap();
    assert!(found.page.done && found.reached.is_none());
    found.page.rows.iter().map(|row| row.message.id).collect()
}

fn request(db: &support::Database, body: &[u8]) -> InboxRequest {
    InboxRequest {
        id: InboxRequestId::mint(db.clock.now()),
        method: "POST".to_owned(),
        target: "x?y=1".to_owned(),
        headers: vec![
            ("a".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ],
        body: body.to_vec(),
        answer_status: 204,
        verification: Verification::Failed("no".to_owned()),
    }
}

both_engines! {
    async fn messages_are_found_by_name_tag_beginning_and_standing(db) {
        let app = db.app().await;
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        let both = [(good, Start::Owned), (bad, Start::Owned)];
        let delivered = db.publish_with(app, "invoice.paid", &both, Some("mine"), Some(&["eu"])).await;
        db.attempt(app, delivered, good, DeliveryState::Succeeded).await;
        db.attempt(app, delivered, bad, DeliveryState::Succeeded).await;
        let failing = db.publish(app, "invoice.sent", &both).await;
        db.attempt(app, failing, good, DeliveryState::Succeeded).await;
        db.attempt(app, failing, bad, DeliveryState::Pending).await;
        let given_up = db.publish(app, "order.made", &both).await;
        db.attempt(app, given_up, good, DeliveryState::Succeeded).await;
        db.attempt(app, given_up, bad, DeliveryState::Exhausted).await;
        let fresh = db.publish(app, "order.made", &[(good, Start::Owned)]).await;
        let skipped = db.publish(app, "order.made", &[(bad, Start::Skipped)]).await;
        let all = [skipped, fresh, given_up, failing, delivered];
        assert_eq!(found(db, app, MessageQuery::default()).await, all);
        assert_eq!(found(db, app, text("mine")).await, [delivered]);
        assert_eq!(found(db, app, text(&failing.to_string())).await, [failing]);
        assert_eq!(found(db, app, text("invoice.")).await, [failing, delivered]);
        assert_eq!(found(db, app, text("nvoice.")).await, []);
        assert_eq!(found(db, app, text("%")).await, []);
        for (status, wanted) in [
            (DeliveryStatus::Succeeded, &[delivered][..]),
            (DeliveryStatus::Failing, &[failing]),
            (DeliveryStatus::Exhausted, &[given_up]),
            (DeliveryStatus::Pending, &[fresh]),
            (DeliveryStatus::Canceled, &[skipped]),
        ] {
            assert_eq!(found(db, app, standing(status)).await, wanted, "{status:?}");
        }
        // What is named has to fit the rest all the same.
        for (status, wanted) in [(DeliveryStatus::Failing, &[][..]), (DeliveryStatus::Succeeded, &[delivered])] {
            let named = MessageQuery { status: Some(status), ..text("mine") };
            assert_eq!(found(db, app, named).await, wanted, "{status:?}");
        }
        let of_good = MessageQuery { endpoint: Some(good), ..standing(DeliveryStatus::Succeeded) };
        assert_eq!(found(db, app, of_good).await, [given_up, failing, delivered]);
        let of_bad = MessageQuery { endpoint: Some(bad), ..MessageQuery::default() };
        assert_eq!(found(db, app, of_bad).await, [skipped, given_up, failing, delivered]);
        let channel = MessageQuery { channel: Some("eu".to_owned()), ..MessageQuery::default() };
        assert_eq!(found(db, app, channel).await, [delivered]);
        let page = first(1, Order::Descending);
        let one = db.store.search_messages(app, standing(DeliveryStatus::Failing), page).await.unwrap();
        let of = one.page.rows[0].standing;
        assert_eq!((of.succeeded, of.failing, of.pending, of.exhausted), (1, 1, 0, 0));
        let other = db.app().await;
        assert_eq!(found(db, other, text("mine")).await, []);
    }

    async fn a_search_goes_on_where_a_look_ended(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let old = db.publish(app, "rare", &[(endpoint, Start::Owned)]).await;
        let random = "insert into message (app_id, id, event_type, payload_key) \
            with recursive n(n) as (select 1 union all select n + 1 from n where n < 6000) ";
        let (id, number) = (old.uuid().simple().to_string(), "n");
        // Six thousand younger messages of another kind: more than one look passes.
        let head = i64::from_str_radix(&id[..12], 16).unwrap() + 5;
        let sqlite = format!("{random} select x'{}', unhex(printf('%012x70008%015x', {head} + {number}, {number})), 'often', 1 from n", app.uuid().simple());
        let postgres = format!("{random} select '{}'::uuid, (lpad(to_hex({head}::bigint + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, 'often', 1 from n", app.uuid());
        let sql = match db.store.engine() {
            postrider_store::Engine::Sqlite => sqlite,
            postrider_store::Engine::Postgres => postgres,
        };
        assert_eq!(db.execute(&sql).await, 6_000);
        db.clock.advance(Duration::from_mins(1));
        let query = MessageQuery { event_types: vec!["rare".to_owned()], ..MessageQuery::default() };
        let page = first(10, Order::Descending);
        let one = db.store.search_messages(app, query.clone(), page).await.unwrap();
        assert!(one.page.rows.is_empty() && !one.page.done);
        let reached = one.reached.expect("where the look ended");
        let page = after(reached, 10, Order::Descending);
        let two = db.store.search_messages(app, query, page).await.unwrap();
        assert!(two.page.done && two.reached.is_none());
        assert_eq!(two.page.rows.len(), 1);
        assert_eq!(two.page.rows[0].message.id, old);
    }

    async fn an_overview_counts_what_waits_and_what_fails(db) {
        let (app, org) = (db.app().await, db.org().await);
        let (good, bad) = (db.endpoint(app).await, db.endpoint(app).await);
        let empty = db.store.overview(org).await.unwrap();
        assert_eq!((empty.backlog, empty.oldest_due, empty.endpoints), (0, None, 2));
        let both = [(good, Start::Due), (bad, Start::Owned)];
        let message = db.publish(app, "a", &both).await;
        let due = db.clock.now();
        db.attempt(app, message, bad, DeliveryState::Pending).await;
        db.clock.advance(Duration::from_mins(1));
        let overview = db.store.overview(org).await.unwrap();
        assert_eq!((overview.backlog, overview.backlog_is_capped), (2, false));
        assert_eq!(overview.oldest_due, Some(due));
        assert_eq!((overview.applications, overview.endpoints, overview.disabled), (1, 2, 0));
        assert_eq!(overview.failing.len(), 1);
        assert_eq!(overview.failing[0].endpoint_id, bad);
        let failing = db.store.monitored_endpoints(org, MonitorFilter { failing: true, ..MonitorFilter::default() }, first(10, Order::Descending)).await.unwrap();
        assert_eq!(failing.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [bad]);
        let all = db.store.monitored_endpoints(org, MonitorFilter { app: Some(app), ..MonitorFilter::default() }, first(10, Order::Descending)).await.unwrap();
        assert_eq!(all.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [bad, good]);
        let one = MonitorFilter { app: Some(app), endpoint: Some(good), failing: false };
        let one = db.store.monitored_endpoints(org, one, first(10, Order::Descending)).await.unwrap();
        assert_eq!(one.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [good]);
        let stranger = db.store.ensure_org("Other").await.unwrap().id;
        assert_eq!(db.store.overview(stranger).await.unwrap().backlog, 0);
        let none = db.store.monitored_endpoints(stranger, MonitorFilter::default(), first(10, Order::Descending)).await.unwrap();
        assert!(none.rows.is_empty());
        assert_eq!(db.store.nodes().await.unwrap().len(), 1);
    }

    async fn an_inbox_keeps_the_last_two_hundred_and_goes_with_its_time(db) {
        let org = db.org().await;
        let new = NewInbox { org_id: org, app_id: None, expires_at: db.clock.now().plus(Duration::from_hours(1)) };
        let inbox = db.store.create_inbox(new, 2, 2).await.unwrap();
        db.store.create_inbox(new, 2, 2).await.unwrap();
        assert!(matches!(db.store.create_inbox(new, 2, 2).await, Err(StoreError::Conflict(_))));
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let update = InboxUpdate { answer_status: Some(503), secret: Some(Some(secret.to_owned())), ..InboxUpdate::default() };
        let changed = db.store.change_inbox(org, inbox.id, update).await.unwrap();
        assert!(changed.has_secret && changed.answer_status == 503);
        let open = db.store.open_inbox(&inbox.token).await.unwrap().expect("it is open");
        assert_eq!(open.secret.as_ref().unwrap().expose(), secret);
        let (first_app, second_app) = (db.app().await, db.app().await);
        for app in [first_app, second_app] {
            let update = InboxUpdate { app: Some(app), ..InboxUpdate::default() };
            assert_eq!(db.store.change_inbox(org, inbox.id, update).await.unwrap().app_id, Some(first_app));
        }
        let open = db.store.open_inbox(&inbox.token).await.unwrap().expect("it is open");
        for n in 0..205_u8 {
            db.store.keep_inbox_request(&open, request(db, &[n])).await.unwrap();
        }
        let page = db.store.inbox_requests(inbox.id, first(250, Order::Descending)).await.unwrap();
        assert_eq!(page.rows.len(), 200);
        assert_eq!((&page.rows[0].body[..], &page.rows[199].body[..]), (&[204][..], &[5][..]));
        assert_eq!(page.rows[0].verification, Verification::Failed("no".to_owned()));
        assert_eq!(page.rows[0].headers.len(), 2);
        db.store.clear_inbox(inbox.id).await.unwrap();
        db.store.keep_inbox_request(&open, request(db, b"")).await.unwrap();
        db.clock.advance(Duration::from_hours(1));
        assert!(db.store.open_inbox(&inbox.token).await.unwrap().is_none());
        assert!(matches!(db.store.inbox(org, inbox.id).await, Err(StoreError::NotFound(_))));
        while db.clean_up(Duration::from_hours(24)).await.unwrap() {}
        assert_eq!(db.number("select count(*) from inbox").await, 0);
        assert_eq!(db.number("select count(*) from inbox_request").await, 0);
    }

    async fn an_inbox_keeps_so_many_bytes_and_shows_them_in_pages(db) {
        let org = db.org().await;
        let new = NewInbox { org_id: org, app_id: None, expires_at: db.clock.now().plus(Duration::from_hours(1)) };
        let inbox = db.store.create_inbox(new, 1, 1).await.unwrap();
        let open = db.store.open_inbox(&inbox.token).await.unwrap().expect("it is open");
        for n in 0..70_u8 {
            db.store.keep_inbox_request(&open, request(db, &vec![n; 256 * 1024])).await.unwrap();
        }
        let bytes = db.number("select cast(sum(octet_length(body)) as bigint) from inbox_request").await;
        assert!((15 << 20..=16 << 20).contains(&bytes), "{bytes}");
        let mut page = first(250, Order::Descending);
        let (mut seen, mut forth) = (Vec::new(), Vec::new());
        loop {
            let got = db.store.inbox_requests(inbox.id, page).await.unwrap();
            assert!(got.rows.len() <= 16, "{}", got.rows.len());
            seen.extend(got.rows.iter().map(|row| row.body[0]));
            forth.extend(got.rows.iter().map(|row| row.id));
            if got.done {
                break;
            }
            page = after(got.rows.last().expect("a request").id, 250, Order::Descending);
        }
        let wanted: Vec<u8> = (70 - seen.len() as u8..70).rev().collect();
        assert_eq!(seen, wanted);
        let back = PageRequest { limit: 250, order: Order::Descending, cursor: Some(Cursor::Before(forth[30])) };
        let got = db.store.inbox_requests(inbox.id, back).await.unwrap();
        let ids: Vec<_> = got.rows.iter().map(|row| row.id).collect();
        assert_eq!(ids, forth[30 - ids.len()..30]);
        assert!(!got.done && !ids.is_empty());
    }

    async fn nothing_is_kept_for_an_inbox_that_goes_meanwhile(db) {
        let org = db.org().await;
        let new = NewInbox { org_id: org, app_id: None, expires_at: db.clock.now().plus(Duration::from_hours(1)) };
        let inbox = db.store.create_inbox(new, 1, 1).await.unwrap();
        let open = db.store.open_inbox(&inbox.token).await.unwrap().expect("it is open");
        db.store.delete_inbox(inbox.id).await.unwrap();
        let kept = db.store.keep_inbox_request(&open, request(db, b"")).await;
        assert!(matches!(kept, Err(StoreError::NotFound(_))));
        assert_eq!(db.number("select count(*) from inbox_request").await, 0);
    }

    async fn one_application_leaves_inboxes_to_others(db) {
        let (app, org) = (db.app().await, db.org().await);
        let of = |app_id| NewInbox { org_id: org, app_id, expires_at: db.clock.now().plus(Duration::from_hours(1)) };
        db.store.create_inbox(of(Some(app)), 3, 1).await.unwrap();
        let more = db.store.create_inbox(of(Some(app)), 3, 1).await;
        assert!(matches!(more, Err(StoreError::Conflict(_))));
        db.store.create_inbox(of(Some(db.app().await)), 3, 1).await.unwrap();
        db.store.create_inbox(of(None), 3, 1).await.unwrap();
        assert!(matches!(db.store.create_inbox(of(None), 3, 1).await, Err(StoreError::Conflict(_))));
    }

    async fn a_sign_in_code_gives_one_session_that_ends(db) {
        let org = db.org().await;
        let now = db.clock.now();
        let code = db.store.create_console_code(org, now.plus(Duration::from_mins(10))).await.unwrap();
        let ends = now.plus(Duration::from_hours(12));
        let (session, token) = db.store.exchange_console_code(code.expose(), ends).await.unwrap();
        assert_eq!(session.org_id, org);
        assert!(matches!(db.store.exchange_console_code(code.expose(), ends).await, Err(StoreError::NotFound(_))));
        assert_eq!(db.store.console_session(token.expose()).await.unwrap(), Some(session.clone()));
        let late = db.store.create_console_code(org, now.plus(Duration::from_mins(10))).await.unwrap();
        let (other, second) = {
            let code = db.store.create_console_code(org, now.plus(Duration::from_mins(10))).await.unwrap();
            db.store.exchange_console_code(code.expose(), ends).await.unwrap()
        };
        db.store.end_console_session(other.id).await.unwrap();
        assert_eq!(db.store.console_session(second.expose()).await.unwrap(), None);
        db.clock.advance(Duration::from_mins(10));
        assert!(db.store.exchange_console_code(late.expose(), ends).await.is_err());
        assert!(db.store.console_session(token.expose()).await.unwrap().is_some());
        db.clock.advance(Duration::from_hours(12));
        assert_eq!(db.store.console_session(token.expose()).await.unwrap(), None);
        while db.clean_up(Duration::from_hours(24)).await.unwrap() {}
        assert_eq!(db.number("select count(*) from console_session").await, 0);
        assert_eq!(db.number("select count(*) from console_code").await, 0);
    }
}
