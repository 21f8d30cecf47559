//! What bounds the inboxes of a node: requests under way, and each inbox's rate.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::{Bucket, InboxId, Timestamp};

use crate::counts::leave;
use crate::error::{ApiError, ApiResult, Code};

/// Requests under way at one time, over all inboxes of a node, and to one of them: the
/// pause that one was told to make is not to be felt by another.
const WAITING: usize = 512;
const WAITING_OF_ONE: usize = 64;
/// Requests a second that an inbox takes, on each node.
const RATE: u16 = 50;
/// Inboxes whose rate is remembered.
const BUCKETS: usize = 1_000;

/// What bounds the inboxes of a node.
#[derive(Default)]
pub(crate) struct Receiver {
    waiting: Arc<Mutex<HashMap<InboxId, usize>>>,
    buckets: Mutex<HashMap<InboxId, Bucket>>,
}

/// One request under way; its place is free again when it is dropped.
pub(crate) struct Turn {
    of: Arc<Mutex<HashMap<InboxId, usize>>>,
    inbox: InboxId,
}

impl Receiver {
    /// A request's turn, if the inbox takes one more now.
    pub(crate) fn take(&self, inbox: InboxId, now: Timestamp) -> ApiResult<Turn> {
        let turn = self.wait(inbox)?;
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS && !buckets.contains_key(&inbox) {
            buckets.clear();
        }
        let bucket = buckets
            .entry(inbox)
            .or_insert_with(|| Bucket::new(RATE, now));
        let taken = bucket.try_take(now).map_err(|when| {
            let detail = format!("An inbox takes {RATE} requests a second: send slower");
            ApiError::new(Code::RateLimited, detail).retry_after(when.since(now))
        });
        taken.map(|()| turn)
    }

    fn wait(&self, inbox: InboxId) -> ApiResult<Turn> {
        let mut waiting = self.waiting.lock();
        let all: usize = waiting.values().sum();
        let own = waiting.get(&inbox).copied().unwrap_or_default();
        if all >= WAITING || own >= WAITING_OF_ONE {
            let detail = "Too many requests to inboxes are under way: try again";
            let error = ApiError::new(Code::RateLimited, detail);
            return Err(error.retry_after(Duration::from_secs(1)));
        }
        waiting.insert(inbox, own + 1);
        Ok(Turn {
            of: Arc::clone(&self.waiting),
            inbox,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        leave(&mut self.of.lock(), &self.inbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_that_makes_its_senders_wait_leaves_room_for_others() {
        let receiver = Receiver::default();
        let now = Timestamp::from_seconds(1);
        let (slow, other) = (InboxId::mint(now), InboxId::mint(now));
        let mut turns: Vec<Turn> = (0..WAITING)
            .map_while(|_| receiver.wait(slow).ok())
            .collect();
        assert_eq!(turns.len(), WAITING_OF_ONE);
        assert!(receiver.wait(other).is_ok());
        turns.pop();
        assert!(receiver.wait(slow).is_ok());
        turns.clear();
        assert!(receiver.waiting.lock().is_empty());
        let all: Vec<Turn> = (0..2 * WAITING)
            .map_while(|_| receiver.wait(InboxId::mint(now)).ok())
            .collect();
        assert_eq!(all.len(), WAITING);
    }

    #[test]
    fn an_inbox_takes_a_bounded_number_of_requests_a_second() {
        let receiver = Receiver::default();
        let now = Timestamp::from_seconds(1);
        let inbox = InboxId::mint(now);
        let taken = (0..1_000)
            .filter(|_| receiver.take(inbox, now).is_ok())
            .count();
        assert!((1..=usize::from(RATE)).contains(&taken), "{taken}");
        assert!(
            receiver
                .take(inbox, now.plus(Duration::from_secs(1)))
                .is_ok()
        );
    }
}
