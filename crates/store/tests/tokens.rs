//! Tokens of applications and the codes of portal links, on both engines.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{AppId, Capabilities, Timestamp};
use postrider_store::{Entity, NewAppToken, StoreError};

const HOUR: Duration = Duration::from_hours(1);

fn new(app_id: AppId, session: Option<&str>, expires_at: Timestamp) -> NewAppToken {
    NewAppToken {
        app_id,
        session_id: session.map(str::to_owned),
        read_only: true,
        capabilities: Capabilities::VIEW,
        feature_flags: vec!["beta".to_owned()],
        expires_at,
    }
}

both_engines! {
    async fn a_token_and_what_its_code_gives_open_the_same_until_they_end(db) {
        let (org, app) = (db.org().await, db.app().await);
        let end = db.clock.now().plus(HOUR);
        let code_end = db.clock.now().plus(HOUR / 6);
        let access = db.store.create_portal_access(org, new(app, Some("s"), end), code_end).await.unwrap();
        let found = db.store.app_token_by_secret(access.secret.expose()).await.unwrap();
        assert_eq!(found, Some(access.token.clone()));
        let (other, secret) = db.store.exchange_portal_code(access.code.expose()).await.unwrap();
        assert_ne!(secret, access.secret);
        assert_eq!(db.store.app_token_by_secret(secret.expose()).await.unwrap(), Some(other.clone()));
        let same = (other.app_id, other.session_id, other.read_only, other.capabilities, other.expires_at);
        let token = &access.token;
        let first = (token.app_id, token.session_id.clone(), token.read_only, token.capabilities, end);
        assert_eq!(same, first);
        let again = db.store.exchange_portal_code(access.code.expose()).await;
        assert!(matches!(again, Err(StoreError::NotFound(Entity::Code))));
        // Neither's text is in the database.
        assert_eq!(db.number("select count(*) from app_token where length(hash) = 32").await, 2);
        db.clock.advance(HOUR);
        assert_eq!(db.store.app_token_by_secret(secret.expose()).await.unwrap(), None);
    }

    async fn what_has_expired_is_forgotten(db) {
        let (org, app) = (db.org().await, db.app().await);
        let now = db.clock.now();
        for end in [now.plus(HOUR), now.plus(HOUR * 3)] {
            db.store.create_portal_access(org, new(app, None, end), now.plus(HOUR / 6)).await.unwrap();
        }
        db.store.revoke_jwt([1; 32], Some(now.plus(HOUR))).await.unwrap();
        db.store.revoke_jwt([2; 32], None).await.unwrap();
        db.clock.advance(HOUR);
        while db.clean_up(HOUR * 24).await.unwrap() {}
        assert_eq!(db.number("select count(*) from app_token").await, 1);
        assert_eq!(db.number("select count(*) from portal_code").await, 0);
        assert_eq!(db.number("select count(*) from jwt_revoked").await, 1);
    }

    async fn a_token_is_made_for_an_application_of_the_organisation_only(db) {
        let app = db.app().await;
        let other = db.store.ensure_org("Other").await.unwrap().id;
        let end = db.clock.now().plus(HOUR);
        let refused = db.store.create_portal_access(other, new(app, None, end), end).await;
        assert!(matches!(refused, Err(StoreError::NotFound(Entity::Application))));
    }

    async fn a_cut_ends_what_was_issued_before_it_and_never_later_than_an_earlier_cut(db) {
        let app = db.app().await;
        let start = db.clock.now();
        let end = |issued_at| db.store.jwt_end([0; 32], Some(app), issued_at);
        assert_eq!(end(None).await.unwrap(), None);
        db.clock.advance(HOUR);
        let first = db.clock.now();
        db.store.end_app_tokens(app, &[], first).await.unwrap();
        assert_eq!(end(Some(start)).await.unwrap(), Some(first));
        assert_eq!(end(None).await.unwrap(), Some(first));
        assert_eq!(end(Some(first)).await.unwrap(), None);
        db.clock.advance(HOUR);
        let grace = db.clock.now().plus(HOUR);
        db.store.end_app_tokens(app, &[], grace).await.unwrap();
        assert_eq!(end(Some(start)).await.unwrap(), Some(first));
        assert_eq!(end(Some(first)).await.unwrap(), Some(grace));
        db.clock.advance(HOUR * 2);
        for _ in 0..3 {
            db.store.end_app_tokens(app, &[], db.clock.now()).await.unwrap();
        }
        // The last says all that the others said.
        assert_eq!(db.number("select count(*) from jwt_cutoff").await, 1);
        db.store.revoke_jwt([0; 32], None).await.unwrap();
        assert_eq!(end(Some(db.clock.now())).await.unwrap(), Some(Timestamp::from_seconds(0)));
    }

    async fn an_organisation_of_a_token_is_made_also_if_its_id_is_anothers_name(db) {
        db.store.ensure_org("org_x").await.unwrap();
        let made = db.store.ensure_external_org("org_x").await.unwrap();
        assert_eq!(db.store.ensure_external_org("org_x").await.unwrap(), made);
        assert!(made.name.starts_with("org_x ("), "{made:?}");
    }
}
