//! Endpoints and their secrets, on both engines.

#[macro_use]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_domain::{
    AppId, DeliveryState, DisabledReason, EndpointId, HeaderFamily, MessageId, NodeId, RetryPolicy,
    SchemeKind, Schemes,
};
use postrider_store::{
    AppCache, ChangeKind, Endpoint, EndpointSettings, EndpointUpdate, Entity, NewEndpoint, Order,
    Refusal, Start, StoreError,
};
use support::{Database, first, new_endpoint, new_secret};

fn schemes(text: &str) -> Schemes {
    serde_json::from_str(text).unwrap()
}

fn full() -> EndpointSettings {
    EndpointSettings {
        uid: Some("hook".to_owned()),
        url: "https://customer.example/hook?key=hunter2".to_owned(),
        description: "Billing".to_owned(),
        metadata: r#"{"tier":"gold"}"#.to_owned(),
        version: 3,
        event_types: Some(vec!["invoice.paid".to_owned()]),
        channels: Some(vec!["eu".to_owned(), "us".to_owned()]),
        throttle_rate: Some(50),
        timeout_seconds: Some(30),
        retry_policy: Some(RetryPolicy::Schedule(vec![Duration::from_secs(7)])),
        header_family: HeaderFamily::Svix,
        signature_scheme: schemes(r#"["github","standard"]"#),
        headers: BTreeMap::from([("x-token".to_owned(), "hunter2".to_owned())]),
        ..EndpointSettings::default()
    }
}

async fn update(
    db: &Database,
    app: AppId,
    endpoint: &Endpoint,
    change: impl FnOnce(&mut EndpointSettings),
) -> Endpoint {
    let mut settings = endpoint.settings.clone();
    change(&mut settings);
    let update = EndpointUpdate {
        settings,
        revision: endpoint.revision,
        secrets: Vec::new(),
    };
    db.store
        .update_endpoint(app, endpoint.id, update)
        .await
        .unwrap()
}

async fn disable(db: &Database, app: AppId, id: EndpointId, disabled: bool) -> Endpoint {
    let endpoint = db.store.endpoint(app, &id.to_string()).await.unwrap();
    update(db, app, &endpoint, |settings| settings.disabled = disabled).await
}

both_engines! {
    async fn an_endpoint_survives_with_all_its_fields_and_shows_no_secret(db) {
        let app = db.app().await;
        let new = NewEndpoint { settings: full(), ..new_endpoint() };
        let made = db.store.create_endpoint(app, new.clone()).await.unwrap();
        assert_eq!(made.settings, full());
        assert_eq!(db.store.endpoint(app, "hook").await.unwrap(), made);
        assert_eq!(db.store.endpoint(app, &made.id.to_string()).await.unwrap(), made);
        let shown = format!("{made:?} {new:?} {:?}", db.store.secrets(made.id).await.unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains("MfKQ"), "{shown}");
        let taken = db.store.create_endpoint(app, new).await;
        assert!(matches!(taken, Err(StoreError::Conflict(Refusal::EndpointUid))));
        let other = db.app().await;
        assert!(matches!(db.store.endpoint(other, &made.id.to_string()).await, Err(StoreError::NotFound(_))));
        let nowhere = db.store.create_endpoint(AppId::mint(db.clock.now()), new_endpoint()).await;
        assert!(matches!(nowhere, Err(StoreError::NotFound(Entity::Application))));
    }

    async fn each_change_raises_the_revision_and_the_version_and_is_told(db) {
        let app = db.app().await;
        let org = db.org().await;
        let mut news = db.store.subscribe();
        let made = db.store.create_endpoint(app, new_endpoint()).await.unwrap();
        let changed = update(db, app, &made, |settings| *settings = full()).await;
        assert_eq!((made.revision, changed.revision), (1, 2));
        assert_eq!(changed.settings, full());
        db.store.set_endpoint_headers(app, made.id, None, BTreeMap::new()).await.unwrap();
        let read = db.store.endpoint(app, "hook").await.unwrap();
        assert_eq!((read.revision, read.settings.headers.len()), (3, 0));
        assert_eq!(db.store.app(org, &app.to_string()).await.unwrap().config_version, 4);
        assert_eq!(db.number("select count(*) from endpoint_revision").await, 3);
        assert_eq!(
            db.number("select count(*) from endpoint_revision where header_names = '[\"x-token\"]' and revision = 2").await,
            1
        );
        for _ in 0..3 {
            let change = news.recv().await.unwrap();
            assert_eq!((change.kind, change.id), (ChangeKind::App, app.uuid()));
        }
        assert_eq!(db.store.changes(made.created_at).await.unwrap().len(), 3);
    }

    async fn a_change_made_from_an_old_revision_is_a_conflict(db) {
        let app = db.app().await;
        let made = db.store.create_endpoint(app, new_endpoint()).await.unwrap();
        update(db, app, &made, |settings| "first".clone_into(&mut settings.description)).await;
        let late = EndpointUpdate { settings: full(), revision: made.revision, secrets: Vec::new() };
        let refused = db.store.update_endpoint(app, made.id, late).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Refusal::EndpointRevision))));
        assert_eq!(db.store.endpoint(app, &made.id.to_string()).await.unwrap().settings.description, "first");
    }

    async fn disabling_cancels_what_waits_and_what_is_in_hand_but_not_what_has_ended(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let other = db.endpoint(app).await;
        db.store.register_node(NodeId::mint(db.clock.now()), "all", Duration::from_secs(10)).await.unwrap();
        let ended = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        db.attempt(app, ended, endpoint, DeliveryState::Succeeded).await;
        let retry = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        db.attempt(app, retry, endpoint, DeliveryState::Pending).await;
        db.publish(app, "a", &[(endpoint, Start::Owned), (other, Start::Due)]).await;
        db.publish(app, "a", &[(endpoint, Start::Due)]).await;
        let disabled = disable(db, app, endpoint, true).await;
        assert_eq!(disabled.disabled_reason, Some(DisabledReason::Manual));
        assert_eq!(disabled.disabled_at, Some(db.clock.now()));
        assert_eq!(
            db.number("select count(*) from delivery where state = 3 and due_at is null and owner is null and token > 0").await,
            3
        );
        assert_eq!(db.number("select count(*) from delivery where state = 1").await, 1);
        assert_eq!(db.number("select count(*) from delivery where state = 0 and due_at is not null").await, 1);
        assert_eq!(db.number("select count(*) from lane").await, 1);
    }

    async fn more_than_one_chunk_is_cancelled_to_the_end(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        for _ in 0..2 {
            db.publish(app, "a", &[(endpoint, Start::Due)]).await;
        }
        assert_eq!(db.multiply_deliveries(2100).await, 2100);
        disable(db, app, endpoint, true).await;
        assert_eq!(db.number("select count(*) from delivery where state = 0").await, 0);
    }

    async fn enabling_forgets_the_failures_and_the_reason(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        db.attempt(app, message, endpoint, DeliveryState::Exhausted).await;
        assert_eq!(db.number("select count(*) from endpoint_health").await, 1);
        assert!(db.store.disable_endpoint(endpoint, DisabledReason::Failing).await.unwrap());
        assert!(!db.store.disable_endpoint(endpoint, DisabledReason::Gone).await.unwrap());
        let read = db.store.endpoint(app, &endpoint.to_string()).await.unwrap();
        assert_eq!(read.disabled_reason, Some(DisabledReason::Failing));
        let enabled = disable(db, app, endpoint, false).await;
        assert_eq!((enabled.settings.disabled, enabled.disabled_reason, enabled.disabled_at), (false, None, None));
        assert_eq!(db.number("select count(*) from endpoint_health").await, 0);
    }

    async fn a_deleted_endpoint_frees_its_uid_and_takes_its_secrets_along(db) {
        let app = db.app().await;
        let new = NewEndpoint { settings: full(), ..new_endpoint() };
        let made = db.store.create_endpoint(app, new.clone()).await.unwrap();
        db.publish(app, "a", &[(made.id, Start::Due)]).await;
        db.store.delete_endpoint(app, made.id).await.unwrap();
        assert!(matches!(db.store.delete_endpoint(app, made.id).await, Err(StoreError::NotFound(Entity::Endpoint))));
        assert!(db.store.endpoints(app, first(9, Order::Descending)).await.unwrap().rows.is_empty());
        assert!(db.store.secrets(made.id).await.unwrap().is_empty());
        assert_eq!(db.number("select count(*) from delivery where state = 3").await, 1);
        assert!(!db.store.disable_endpoint(made.id, DisabledReason::Gone).await.unwrap());
        db.store.create_endpoint(app, new).await.unwrap();
    }

    async fn a_replaced_secret_signs_for_its_grace_whatever_comes_after(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let rotate = async |text: &str, hours| {
            let new = new_secret(SchemeKind::Standard, text);
            db.store.rotate_secret(app, endpoint, &new, Duration::from_hours(hours)).await
        };
        let live = async || {
            let secrets = db.store.secrets(endpoint).await.unwrap();
            secrets.iter().map(|secret| secret.text.expose()[..7].to_owned()).collect::<Vec<_>>()
        };
        rotate("whsec_2", 24).await.unwrap();
        assert_eq!(live().await, ["whsec_2", "whsec_M"]);
        db.clock.advance(Duration::from_hours(1));
        rotate("whsec_3", 1).await.unwrap();
        assert_eq!(live().await, ["whsec_3", "whsec_M", "whsec_2"]);
        db.clock.advance(Duration::from_hours(1));
        assert_eq!(live().await, ["whsec_3", "whsec_M"]);
        rotate("whsec_4", 0).await.unwrap();
        assert_eq!(live().await, ["whsec_4", "whsec_M"]);
        db.clock.advance(Duration::from_hours(22));
        assert_eq!(live().await, ["whsec_4"]);
    }

    async fn an_eleventh_replaced_secret_is_refused_until_one_has_expired(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let next = new_secret(SchemeKind::Standard, "whsec_next");
        let rotate = || db.store.rotate_secret(app, endpoint, &next, Duration::from_hours(1));
        for _ in 0..10 {
            rotate().await.unwrap();
        }
        assert!(matches!(rotate().await, Err(StoreError::Conflict(Refusal::LiveSecrets))));
        assert_eq!(db.store.secrets(endpoint).await.unwrap().len(), 11);
        db.clock.advance(Duration::from_hours(1));
        rotate().await.unwrap();
        let unknown = EndpointId::mint(db.clock.now());
        let refused = db.store.rotate_secret(app, unknown, &next, Duration::ZERO).await;
        assert!(matches!(refused, Err(StoreError::NotFound(Entity::Endpoint))));
    }

    async fn each_kind_of_scheme_has_secrets_of_its_own(db) {
        let app = db.app().await;
        let made = db.store.create_endpoint(app, new_endpoint()).await.unwrap();
        let both = schemes(r#"["stripe","standard"]"#);
        let update = EndpointUpdate {
            settings: EndpointSettings { signature_scheme: both.clone(), ..made.settings.clone() },
            revision: made.revision,
            secrets: vec![new_secret(SchemeKind::Stripe, "the receiver's old secret")],
        };
        let made = db.store.update_endpoint(app, made.id, update).await.unwrap();
        assert_eq!(made.settings.signature_scheme, both);
        assert_eq!(db.store.endpoint(app, &made.id.to_string()).await.unwrap(), made);
        let next = new_secret(SchemeKind::Stripe, "the receiver's new secret");
        db.store.rotate_secret(app, made.id, &next, Duration::from_hours(1)).await.unwrap();
        let secrets = db.store.secrets(made.id).await.unwrap();
        let of = |scheme| -> Vec<_> {
            let secrets = secrets.iter().filter(move |secret| secret.scheme == scheme);
            secrets.map(|secret| (secret.text.expose(), secret.expires_at.is_some())).collect()
        };
        let stripe = [("the receiver's new secret", false), ("the receiver's old secret", true)];
        assert_eq!(of(SchemeKind::Stripe), stripe);
        assert_eq!(of(SchemeKind::Standard), [("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false)]);

        let config = AppCache::new(db.store.clone()).app_at_least(app, 0).await.unwrap();
        let config = config.endpoint(made.id).unwrap();
        assert_eq!(config.settings.signature_scheme, both);
        let found: Vec<_> = config.secrets.iter().map(|secret| (secret.scheme, secret.text.expose())).collect();
        assert_eq!(found.len(), 3);
        let first = found.iter().find(|(scheme, _)| *scheme == SchemeKind::Stripe);
        assert_eq!(first, Some(&(SchemeKind::Stripe, "the receiver's new secret")));
    }

    async fn an_attempt_knows_the_schemes_of_its_time(db) {
        let app = db.app().await;
        let github = schemes(r#""github""#);
        let mut new = new_endpoint();
        new.settings.signature_scheme = github.clone();
        let made = db.store.create_endpoint(app, new).await.unwrap();
        db.store.register_node(NodeId::mint(db.clock.now()), "all", Duration::from_secs(10)).await.unwrap();
        let message = db.publish(app, "a.b", &[(made.id, Start::Owned)]).await;
        let attempt = db.attempt(app, message, made.id, DeliveryState::Succeeded).await;
        update(db, app, &made, |settings| settings.signature_scheme = Schemes::default()).await;
        let attempt = db.store.attempt(app, message, attempt).await.unwrap();
        assert_eq!((attempt.event_type.as_str(), &attempt.signature_scheme), ("a.b", &github));
    }

    async fn a_resend_wakes_the_lane_and_makes_the_delivery_known(db) {
        let app = db.app().await;
        let message = db.publish(app, "a", &[]).await;
        let endpoint = db.endpoint(app).await;
        db.store.resend(app, message, endpoint).await.unwrap();
        assert_eq!(db.number("select count(*) from resend where owner is null").await, 1);
        assert_eq!(db.number("select count(*) from delivery where state = 4 and due_at is null").await, 1);
        assert_eq!(db.number("select wake_at from lane").await, db.clock.now().micros());
        db.store.lane_hint().notified().await;
        let unknown = MessageId::mint(db.clock.now());
        assert!(matches!(db.store.resend(app, unknown, endpoint).await, Err(StoreError::NotFound(_))));
    }

    async fn a_resend_needs_the_payload_and_an_enabled_endpoint(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let message = db.publish(app, "a", &[(endpoint, Start::Skipped)]).await;
        let expunged = db.publish(app, "a", &[]).await;
        db.store.delete_payload(app, expunged).await.unwrap();
        let refused = db.store.resend(app, expunged, endpoint).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Refusal::PayloadGone))));
        disable(db, app, endpoint, true).await;
        let refused = db.store.resend(app, message, endpoint).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Refusal::EndpointDisabled))));
        disable(db, app, endpoint, false).await;
        db.clock.advance(Duration::from_hours(24 * 7));
        let refused = db.store.resend(app, message, endpoint).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Refusal::PayloadGone))));
        assert_eq!(db.number("select count(*) from resend").await, 0);
    }
}
