//! What this node holds, from before the commit that writes it as owned until the
//! commit of its outcome: for the sweep that finds rows nobody holds, and for the
//! floor that spares an heir from reading old rows.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use postrider_domain::{EndpointId, MessageId};

const SHARDS: usize = 16;

type Shard = Mutex<HashMap<(EndpointId, MessageId), u32>>;

/// The deliveries in this node's hand, counted: a manual send can stand beside a
/// scheduled one.
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
        *self
            .shard((endpoint, message))
            .lock()
            .entry((endpoint, message))
            .or_insert(0) += 1;
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

    /// The oldest message held.
    pub(crate) fn floor(&self) -> Option<MessageId> {
        self.shards
            .iter()
            .filter_map(|shard| shard.lock().keys().map(|key| key.1).min())
            .min()
    }

    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.lock().clear();
        }
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
        let (old, young) = (
            MessageId::mint(Timestamp::from_seconds(1)),
            MessageId::mint(Timestamp::from_seconds(9)),
        );
        for message in [old, young, young] {
            held.insert(endpoint, message);
        }
        assert_eq!(held.floor(), Some(old));
        held.remove(endpoint, old);
        held.remove(endpoint, young);
        assert!(held.contains(endpoint, young));
        held.remove(endpoint, young);
        assert_eq!((held.floor(), held.len()), (None, 0));
    }
}
