//! What is heard of keys, tokens and sessions that change, on any node: an entry of the cache
//! is read again if it was about one of them, and not because another changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use postrider_domain::Timestamp;
use postrider_store::{Change, ChangeKind};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use uuid::Uuid;

use super::MAX_AGE;

/// Changes beyond so many are looked through for those that no entry is older than.
const MANY: usize = 10_000;

/// When something was read, as the number of changes heard by then.
pub(super) type Generation = u64;

/// What has been heard.
pub(super) struct News {
    changes: Mutex<Receiver<Change>>,
    generation: AtomicU64,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    /// Everything that was read before this is stale.
    all: Generation,
    /// The last change of each key, token, session or application, and when it was heard.
    last: HashMap<Uuid, (Generation, Timestamp)>,
}

impl News {
    pub(super) fn new(changes: Receiver<Change>) -> Self {
        Self {
            changes: Mutex::new(changes),
            generation: AtomicU64::new(0),
            heard: Mutex::default(),
        }
    }

    /// The present generation, after hearing the news. Whoever finds the news being
    /// heard by another goes on with what is known, a moment earlier.
    pub(super) fn generation(&self, now: Timestamp) -> Generation {
        if let Some(mut changes) = self.changes.try_lock() {
            loop {
                match changes.try_recv() {
                    Ok(Change {
                        kind: ChangeKind::Key,
                        id,
                        ..
                    }) if !id.is_nil() => self.hear(id, now),
                    // Nil: a JWT that a node of the version before has ended.
                    Ok(Change {
                        kind: ChangeKind::Key | ChangeKind::Lost,
                        ..
                    })
                    | Err(TryRecvError::Lagged(_)) => self.hear_of_anything(),
                    Ok(_) => {}
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        self.generation.load(Ordering::Acquire)
    }

    /// Whether any of these has changed since.
    pub(super) fn is_of_any(&self, ids: &[Uuid], since: Generation) -> bool {
        // The usual case, which takes no lock: nothing at all was heard since.
        if self.generation.load(Ordering::Acquire) <= since {
            return false;
        }
        let heard = self.heard.lock();
        let changed = |id| heard.last.get(id).is_some_and(|last| last.0 > since);
        heard.all > since || ids.iter().any(changed)
    }

    fn hear(&self, id: Uuid, now: Timestamp) {
        let mut heard = self.heard.lock();
        let generation = self.next();
        if heard.last.len() >= MANY {
            heard.last.retain(|_, last| now.since(last.1) <= MAX_AGE);
        }
        if heard.last.len() >= MANY {
            heard.last.clear();
            heard.all = generation;
        }
        heard.last.insert(id, (generation, now));
    }

    fn hear_of_anything(&self) {
        let mut heard = self.heard.lock();
        heard.all = self.next();
        heard.last.clear();
    }

    fn next(&self) -> Generation {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn change(kind: ChangeKind, id: u128) -> Change {
        Change {
            seq: 1,
            kind,
            id: Uuid::from_u128(id),
        }
    }

    #[test]
    fn only_what_has_changed_is_stale_and_all_after_a_loss() {
        let (tell, changes) = broadcast::channel(16);
        let news = News::new(changes);
        let stale = |id, since| news.is_of_any(&[Uuid::from_u128(id)], since);
        let read = news.generation(NOW);
        tell.send(change(ChangeKind::Key, 1)).unwrap();
        tell.send(change(ChangeKind::App, 2)).unwrap();
        let after = news.generation(NOW);
        assert!(after > read && stale(1, read) && !stale(2, read));
        assert!(!stale(1, after));
        for (kind, id) in [(ChangeKind::Key, 0), (ChangeKind::Lost, 0)] {
            let before = news.generation(NOW);
            tell.send(change(kind, id)).unwrap();
            news.generation(NOW);
            assert!(stale(2, before), "{kind:?}");
        }
    }

    #[test]
    fn however_many_change_memory_stays_bounded_and_none_is_missed() {
        let (tell, changes) = broadcast::channel(4 * MANY);
        let news = News::new(changes);
        let read = news.generation(NOW);
        for id in 1..=3 * MANY as u128 {
            tell.send(change(ChangeKind::Key, id)).unwrap();
        }
        news.generation(NOW);
        assert!(news.heard.lock().last.len() <= MANY);
        assert!(news.is_of_any(&[Uuid::from_u128(1)], read));
    }

    #[test]
    fn what_no_entry_is_older_than_is_forgotten() {
        let (tell, changes) = broadcast::channel(4 * MANY);
        let news = News::new(changes);
        for id in 1..=MANY as u128 {
            tell.send(change(ChangeKind::Key, id)).unwrap();
        }
        let read = news.generation(NOW);
        let later = NOW.plus(MAX_AGE * 2);
        tell.send(change(ChangeKind::Key, 7)).unwrap();
        news.generation(later);
        assert_eq!(news.heard.lock().last.len(), 1);
        assert!(!news.is_of_any(&[Uuid::from_u128(8)], read));
    }
}
