//! What this node holds, from before the commit that writes it as owned until the
//! commit of its outcome: for the sweep that finds rows nobody holds, and for the
//! floor that spares an heir from reading old rows.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use postrider_domain::{EndpointId, MessageId};
use tokio::time::Instant;

const SHARDS: usize = 16;

/// How often a delivery is held (a manual send can stand beside a scheduled one), and
/// whether it came fresh from a publish.
#[derive(Debug, Default)]
struct Hold {
    count: u32,
    fresh: bool,
}

type Shard = Mutex<HashMap<(EndpointId, MessageId), Hold>>;

/// Messages of batches of which it is not known whether they were stored.
#[derive(Debug)]
struct Doubt {
    oldest: MessageId,
    latest: Instant,
}

/// The deliveries in this node's hand.
#[derive(Debug)]
pub(crate) struct Held {
    hasher: RandomState,
    shards: [Shard; SHARDS],
    doubt: Mutex<Option<Doubt>>,
}

impl Held {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: Default::default(),
            doubt: Mutex::new(None),
        }
    }

    fn shard(&self, key: (EndpointId, MessageId)) -> &Shard {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    pub(crate) fn insert(&self, endpoint: EndpointId, message: MessageId, fresh: bool) {
        let mut shard = self.shard((endpoint, message)).lock();
        let hold = shard.entry((endpoint, message)).or_default();
        hold.count += 1;
        hold.fresh |= fresh;
    }

    pub(crate) fn remove(&self, endpoint: EndpointId, message: MessageId) {
        let key = (endpoint, message);
        let mut shard = self.shard(key).lock();
        if let Some(hold) = shard.get_mut(&key) {
            hold.count -= 1;
            if hold.count == 0 {
                shard.remove(&key);
            }
        }
    }

    pub(crate) fn contains(&self, endpoint: EndpointId, message: MessageId) -> bool {
        self.shard((endpoint, message))
            .lock()
            .contains_key(&(endpoint, message))
    }

    /// It is not known whether this message was stored.
    pub(crate) fn doubt(&self, message: MessageId, now: Instant) {
        let mut doubt = self.doubt.lock();
        let oldest = doubt
            .as_ref()
            .map_or(message, |doubt| doubt.oldest.min(message));
        *doubt = Some(Doubt {
            oldest,
            latest: now,
        });
    }

    /// A sweep has looked at every message that was in doubt at `since`.
    pub(crate) fn settle_doubts(&self, since: Instant) {
        let mut doubt = self.doubt.lock();
        if doubt.as_ref().is_some_and(|doubt| doubt.latest <= since) {
            *doubt = None;
        }
    }

    /// The oldest message that is held fresh, or is in doubt.
    pub(crate) fn floor(&self) -> Option<MessageId> {
        let fresh = self.shards.iter().filter_map(|shard| {
            shard
                .lock()
                .iter()
                .filter(|(_, hold)| hold.fresh)
                .map(|(key, _)| key.1)
                .min()
        });
        let doubt = self.doubt.lock().as_ref().map(|doubt| doubt.oldest);
        fresh.chain(doubt).min()
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
        let message = |second| MessageId::mint(Timestamp::from_seconds(second));
        let (claimed, old, young) = (message(1), message(5), message(9));
        held.insert(endpoint, claimed, false);
        for message in [old, young, young] {
            held.insert(endpoint, message, true);
        }
        assert_eq!(
            held.floor(),
            Some(old),
            "claimed deliveries have an index of their own"
        );
        held.remove(endpoint, old);
        held.remove(endpoint, young);
        assert!(held.contains(endpoint, young));
        held.remove(endpoint, young);
        assert_eq!((held.floor(), held.len()), (None, 1));
    }
}
