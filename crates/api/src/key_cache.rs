//! Who a bearer secret belongs to: read once, then kept in memory until any key
//! changes anywhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use postrider_domain::{AppId, KeyId, OrgId, Timestamp};
use postrider_store::{Change, ChangeKind, Store, StoreResult};
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

/// Secrets kept, good and bad.
const CAPACITY: u64 = 50_000;
/// A lookup older than this is made again, should news of a change ever be lost.
const MAX_AGE: Duration = Duration::from_mins(1);
/// The same for a secret that nobody has.
const MAX_AGE_UNKNOWN: Duration = Duration::from_secs(5);
/// For how long uses of keys are gathered before they are written.
const GATHER: Duration = Duration::from_secs(5);
/// A key's last use is written at most this often.
const TOUCH_EVERY: Duration = Duration::from_mins(1);
/// No secret of ours is longer; hashing more is a waste.
const MAX_SECRET: usize = 256;

/// The holder of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The key.
    pub key: KeyId,
    /// Its organisation.
    pub org: OrgId,
    /// The only application that it may see, if it is bound to one.
    pub app: Option<AppId>,
    /// Whether it may only read.
    pub read_only: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    caller: Option<Caller>,
    expires_at: Option<Timestamp>,
    read_at: Timestamp,
    /// Entries of another generation than the present are forgotten.
    generation: u64,
}

impl Entry {
    fn is_fresh(&self, generation: u64, now: Timestamp) -> bool {
        let max_age = if self.caller.is_some() {
            MAX_AGE
        } else {
            MAX_AGE_UNKNOWN
        };
        self.generation == generation && now.since(self.read_at) < max_age
    }
}

/// Secrets by their hash.
pub(crate) struct KeyCache {
    store: Store,
    entries: Cache<[u8; 32], Arc<Entry>>,
    changes: Mutex<broadcast::Receiver<Change>>,
    generation: AtomicU64,
    used: Arc<Uses>,
}

/// Uses of keys: those to be written, and when each was last noted.
#[derive(Default)]
struct Uses {
    waiting: Mutex<HashMap<KeyId, Timestamp>>,
    noted: Mutex<HashMap<KeyId, Timestamp>>,
}

impl KeyCache {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            changes: Mutex::new(store.subscribe()),
            store,
            entries: Cache::new(CAPACITY),
            generation: AtomicU64::new(0),
            used: Arc::default(),
        }
    }

    /// Who holds this secret, if it is that of a key in force.
    pub(crate) async fn caller(&self, secret: &str) -> StoreResult<Option<Caller>> {
        if secret.is_empty() || secret.len() > MAX_SECRET {
            return Ok(None);
        }
        let now = self.store.clock().now();
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let generation = self.generation();
        let entry = match self.entries.get(&hash) {
            Some(entry) if entry.is_fresh(generation, now) => entry,
            // Boxed: hardly ever run, and large.
            _ => Box::pin(self.read(secret, hash, generation, now)).await?,
        };
        let caller = entry
            .caller
            .filter(|_| entry.expires_at.is_none_or(|expiry| now < expiry));
        if let Some(caller) = &caller {
            self.note_use(caller.key, now);
        }
        Ok(caller)
    }

    async fn read(
        &self,
        secret: &str,
        hash: [u8; 32],
        generation: u64,
        now: Timestamp,
    ) -> StoreResult<Arc<Entry>> {
        let key = self.store.key_by_secret(secret).await?;
        let entry = Arc::new(Entry {
            expires_at: key.as_ref().and_then(|key| key.expires_at),
            caller: key.map(|key| Caller {
                key: key.id,
                org: key.org_id,
                app: key.app_id,
                read_only: key.read_only,
            }),
            read_at: now,
            // As it was before the read: a change meanwhile makes the entry stale.
            generation,
        });
        self.entries.insert(hash, Arc::clone(&entry));
        Ok(entry)
    }

    /// The present generation, after hearing the news. Whoever finds the news being
    /// heard by another goes on with what is known, a moment earlier.
    fn generation(&self) -> u64 {
        if let Some(mut changes) = self.changes.try_lock() {
            loop {
                match changes.try_recv() {
                    Ok(Change {
                        kind: ChangeKind::Key,
                        ..
                    })
                    | Err(TryRecvError::Lagged(_)) => {
                        self.generation.fetch_add(1, Ordering::AcqRel);
                    }
                    Ok(_) => {}
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        self.generation.load(Ordering::Acquire)
    }

    fn note_use(&self, key: KeyId, now: Timestamp) {
        {
            let mut noted = self.used.noted.lock();
            match noted.get(&key) {
                Some(last) if now.since(*last) < TOUCH_EVERY => return,
                _ => noted.insert(key, now),
            };
        }
        let mut waiting = self.used.waiting.lock();
        let first = waiting.is_empty();
        waiting.insert(key, now);
        drop(waiting);
        if first {
            tokio::spawn(write_uses(self.store.clone(), Arc::clone(&self.used)));
        }
    }
}

/// Writes the uses that gather for a while, all at once.
async fn write_uses(store: Store, uses: Arc<Uses>) {
    tokio::time::sleep(GATHER).await;
    let gathered: Vec<_> = std::mem::take(&mut *uses.waiting.lock())
        .into_iter()
        .collect();
    if let Err(error) = store.touch_keys(&gathered).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "cannot record the last use of keys"
        );
    }
}
