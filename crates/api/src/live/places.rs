//! How many may listen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::{KeyId, OrgId};

use crate::error::{ApiError, ApiResult, Code};

/// Streams of one node.
const ALL: usize = 512;
/// Streams of one key or token on one node: some tabs of a browser.
const OF_ONE: usize = 32;

/// Who listens.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    keys: HashMap<KeyId, usize>,
    orgs: HashMap<OrgId, usize>,
}

/// One listener's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Places>,
    key: KeyId,
    org: OrgId,
}

impl Places {
    /// Takes a place, if there is one.
    pub(super) fn take(places: &Arc<Self>, key: KeyId, org: OrgId) -> ApiResult<Place> {
        let mut taken = places.0.lock();
        let mine = taken.keys.get(&key).copied().unwrap_or_default();
        let too_many = if taken.all >= ALL {
            Some("This node has as many streams of events as it can have")
        } else if mine >= OF_ONE {
            Some("This key or token has 32 streams of events on this node")
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
        *taken.orgs.entry(org).or_default() += 1;
        drop(taken);
        Ok(Place {
            of: Arc::clone(places),
            key,
            org,
        })
    }

    /// Organisations that somebody listens for, and how many do.
    pub(super) fn orgs(&self) -> HashMap<OrgId, usize> {
        self.0.lock().orgs.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.0.lock();
        taken.all -= 1;
        leave(&mut taken.keys, &self.key);
        leave(&mut taken.orgs, &self.org);
    }
}

fn leave<K: std::hash::Hash + Eq>(map: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = map.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::Timestamp;

    use super::*;

    #[test]
    fn a_key_has_a_bounded_number_of_places_and_gets_them_back() {
        let places = Arc::new(Places::default());
        let now = Timestamp::from_seconds(1);
        let (key, org) = (KeyId::mint(now), OrgId::mint(now));
        let mut held: Vec<Place> = (0..OF_ONE)
            .map(|_| Places::take(&places, key, org).unwrap())
            .collect();
        assert_eq!(
            Places::take(&places, key, org).unwrap_err().code(),
            Code::RateLimited
        );
        assert!(Places::take(&places, KeyId::mint(now), org).is_ok());
        held.pop();
        assert!(Places::take(&places, key, org).is_ok());
        held.clear();
        assert!(places.orgs().is_empty());
    }

    #[test]
    fn a_node_has_a_bounded_number_of_places() {
        let places = Arc::new(Places::default());
        let now = Timestamp::from_seconds(1);
        let org = OrgId::mint(now);
        let held: Vec<Place> = (0..ALL)
            .map(|_| Places::take(&places, KeyId::mint(now), org).unwrap())
            .collect();
        assert!(Places::take(&places, KeyId::mint(now), org).is_err());
        drop(held);
        assert!(Places::take(&places, KeyId::mint(now), org).is_ok());
    }
}
