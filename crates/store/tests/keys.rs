//! API keys, on both engines.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::AppId;
use postrider_store::{Entity, NewKey, StoreError};

fn named(name: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        ..NewKey::default()
    }
}

both_engines! {
    async fn a_key_opens_with_its_secret_until_it_is_revoked(db) {
        let org = db.org().await;
        assert!(!db.store.has_keys().await.unwrap());
        let (key, secret) = db.store.create_key(org, named("ci")).await.unwrap();
        assert!(db.store.has_keys().await.unwrap());
        assert_eq!(db.store.key_by_secret(secret.expose()).await.unwrap(), Some(key.clone()));
        assert_eq!(db.store.key_by_secret("prk_wrong").await.unwrap(), None);
        assert!(secret.expose().starts_with(&key.hint));
        db.store.revoke_key(Some(org), key.id).await.unwrap();
        db.store.revoke_key(Some(org), key.id).await.unwrap();
        assert_eq!(db.store.key_by_secret(secret.expose()).await.unwrap(), None);
        assert!(!db.store.has_keys().await.unwrap());
        let keys = db.store.keys(org).await.unwrap();
        assert_eq!(keys[0].revoked_at, Some(db.clock.now()));
    }

    async fn a_key_stops_working_when_it_expires(db) {
        let org = db.org().await;
        let expires_at = Some(db.clock.now().plus(Duration::from_mins(1)));
        let (_, secret) = db.store.create_key(org, NewKey { expires_at, ..named("short") }).await.unwrap();
        db.clock.advance(Duration::from_secs(59));
        assert!(db.store.key_by_secret(secret.expose()).await.unwrap().is_some());
        db.clock.advance(Duration::from_secs(1));
        assert!(db.store.key_by_secret(secret.expose()).await.unwrap().is_none());
    }

    async fn a_key_of_another_organisation_or_application_is_out_of_reach(db) {
        let org = db.org().await;
        let other = db.store.ensure_org("Other").await.unwrap().id;
        let app = db.app().await;
        let (key, _) = db.store.create_key(org, NewKey { app_id: Some(app), ..named("app") }).await.unwrap();
        assert_eq!(key.app_id, Some(app));
        for app_id in [app, AppId::mint(db.clock.now())] {
            let refused = db.store.create_key(other, NewKey { app_id: Some(app_id), ..named("app") }).await;
            assert!(matches!(refused, Err(StoreError::NotFound(Entity::Application))));
        }
        assert!(matches!(db.store.revoke_key(Some(other), key.id).await, Err(StoreError::NotFound(Entity::Key))));
        assert!(db.store.keys(other).await.unwrap().is_empty());
        db.store.revoke_key(None, key.id).await.unwrap();
        assert_eq!(db.store.all_keys().await.unwrap().len(), 1);
    }

    async fn the_last_use_is_written_at_most_once_a_minute(db) {
        let org = db.org().await;
        let (key, _) = db.store.create_key(org, named("busy")).await.unwrap();
        let start = db.clock.now();
        for (seconds, written) in [(0, 0), (59, 0), (60, 60), (61, 60)] {
            let at = start.plus(Duration::from_secs(seconds));
            db.store.touch_keys(&[(key.id, at)]).await.unwrap();
            let last = db.store.keys(org).await.unwrap()[0].last_used_at;
            assert_eq!(last, Some(start.plus(Duration::from_secs(written))));
        }
    }

    async fn neither_the_secret_nor_its_hash_is_shown_or_stored_in_clear(db) {
        let org = db.org().await;
        let (key, secret) = db.store.create_key(org, named("quiet")).await.unwrap();
        assert!(!format!("{key:?} {secret:?}").contains(&secret.expose()[9..]));
        assert_eq!(db.number("select count(*) from api_key where length(hash) = 32").await, 1);
    }
}
