//! How many may listen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::KeyId;

use super::Scope;
use crate::counts::leave;
use crate::error::{ApiError, ApiResult, Code};

/// Streams of one node.
const ALL: usize = 512;
/// Streams of one key or token on one node: some tabs of a browser.
const OF_ONE: usize = 32;
/// Streams of one application on one node: its customer can come by many tokens, each from
/// a link of its own, and must leave places to others.
const OF_APP: usize = 64;

/// Who listens.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    keys: HashMap<KeyId, usize>,
    scopes: HashMap<Scope, usize>,
}

/// One listener's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<Places>,
    key: KeyId,
    scope: Scope,
}

impl Places {
    /// Takes a place, if there is one.
    pub(crate) fn take(places: &Arc<Self>, key: KeyId, scope: Scope) -> ApiResult<Place> {
        let mut taken = places.0.lock();
        let mine = taken.keys.get(&key).copied().unwrap_or_default();
        let same = taken.scopes.get(&scope).copied().unwrap_or_default();
        let too_many = if taken.all >= ALL {
            Some("This node has as many streams of events as it can have")
        } else if mine >= OF_ONE {
            Some("This key or token has 32 streams of events on this node")
        } else if scope.app.is_some() && same >= OF_APP {
            Some("This application has 64 streams of events on this node")
        } else {
            None
        };
        if let Some(what) = too_many {
            let detail = format!("{what}: close one, or try again later");
            let error = ApiError::new(Code::RateLimited, detail);
            return Err(error.retry_after(Duration::from_secs(5)));
        }
        taken.all += 1;
        *taken.keys.entry(key).or_default() += 1;
        *taken.scopes.entry(scope).or_default() += 1;
        drop(taken);
        Ok(Place {
            of: Arc::clone(places),
            key,
            scope,
        })
    }

    /// What somebody listens to.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        self.0.lock().scopes.keys().copied().collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.0.lock();
        taken.all -= 1;
        leave(&mut taken.keys, &self.key);
        leave(&mut taken.scopes, &self.scope);
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::{AppId, OrgId, Timestamp};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1);

    fn of_org() -> Scope {
        Scope {
            org: OrgId::mint(NOW),
            app: None,
        }
    }

    #[test]
    fn a_key_has_a_bounded_number_of_places_and_gets_them_back() {
        let places = Arc::new(Places::default());
        let (key, scope) = (KeyId::mint(NOW), of_org());
        let mut held: Vec<Place> = (0..OF_ONE)
            .map(|_| Places::take(&places, key, scope).unwrap())
            .collect();
        assert_eq!(
            Places::take(&places, key, scope).unwrap_err().code(),
            Code::RateLimited
        );
        assert!(Places::take(&places, KeyId::mint(NOW), scope).is_ok());
        held.pop();
        assert!(Places::take(&places, key, scope).is_ok());
        held.clear();
        assert!(places.scopes().is_empty());
    }

    #[test]
    fn a_node_has_a_bounded_number_of_places() {
        let places = Arc::new(Places::default());
        let held: Vec<Place> = (0..ALL)
            .map(|_| Places::take(&places, KeyId::mint(NOW), of_org()).unwrap())
            .collect();
        assert!(Places::take(&places, KeyId::mint(NOW), of_org()).is_err());
        drop(held);
        assert!(Places::take(&places, KeyId::mint(NOW), of_org()).is_ok());
    }

    #[test]
    fn many_tokens_of_one_application_leave_places_to_others() {
        let places = Arc::new(Places::default());
        let mine = Scope {
            app: Some(AppId::mint(NOW)),
            ..of_org()
        };
        let held: Vec<Place> = (0..OF_APP)
            .map(|_| Places::take(&places, KeyId::mint(NOW), mine).unwrap())
            .collect();
        assert!(Places::take(&places, KeyId::mint(NOW), mine).is_err());
        let other = Scope {
            app: Some(AppId::mint(NOW)),
            ..mine
        };
        assert!(Places::take(&places, KeyId::mint(NOW), other).is_ok());
        let all = Scope { app: None, ..mine };
        assert!(Places::take(&places, KeyId::mint(NOW), all).is_ok());
        drop(held);
    }
}
