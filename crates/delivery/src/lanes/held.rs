//! What this node holds, from before the commit that writes it as owned until the
//! commit of its outcome: for the looks that find rows nobody holds.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use postrider_domain::{EndpointId, MessageId};

const SHARDS: usize = 16;

/// How often each delivery is held: a manual send can stand beside a scheduled one.
type Shard = Mutex<HashMap<(EndpointId, MessageId), u32>>;

/// The deliveries in this node's hand.
#[derive(Debug)]
pub(crate) struct Held {
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

impl Held {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: Default::default(),
        }
    }

    fn shard(&self, key: (EndpointId, MessageId)) -> &Shard {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    pub(crate) fn insert(&self, endpoint: EndpointId, message: MessageId) {
        let mut shard = self.shard((endpoint, message)).lock();
        *shard.entry((endpoint, message)).or_default() += 1;
    }

    pub(crate) fn remove(&self, endpoint: EndpointId, message: MessageId) {
        let key = (endpoint, message);
        let mut shard = self.shard(key).lock();
        if let Some(count) = shard.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                shard.remove(&key);
            }
        }
    }

    pub(crate) fn contains(&self, endpoint: EndpointId, message: MessageId) -> bool {
        self.shard((endpoint, message))
            .lock()
            .contains_key(&(endpoint, message))
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::Timestamp;

    use super::*;

    #[test]
    fn what_is_held_twice_is_held_until_it_is_given_up_twice() {
        let held = Held::new();
        let endpoint = EndpointId::mint(Timestamp::from_seconds(1));
        let message = MessageId::mint(Timestamp::from_seconds(5));
        held.insert(endpoint, message);
        held.insert(endpoint, message);
        held.remove(endpoint, message);
        assert!(held.contains(endpoint, message));
        assert_eq!(held.len(), 1);
        held.remove(endpoint, message);
        held.remove(endpoint, message);
        assert!(!held.contains(endpoint, message));
        assert_eq!(held.len(), 0);
    }
}
