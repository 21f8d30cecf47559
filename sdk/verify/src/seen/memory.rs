//! A store in the memory of one process, of bounded size.

use std::collections::{BTreeSet, HashMap};
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Claim, Lease, SeenError, SeenStore, Terms, check_id, millis};

/// Remembers messages in memory, for one process and until it ends.
///
/// It holds so many messages at most. When it is full it forgets the one that
/// it would have forgotten next, and never one in hand: room for all messages
/// of the retention's length is what makes it exact. Each takes some 300 bytes.
#[derive(Debug)]
pub struct MemoryStore {
    terms: Terms,
    room: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    records: HashMap<Arc<str>, Record>,
    /// Records by the time at which they end, and ids to tell them apart.
    handled: BTreeSet<(i64, Arc<str>)>,
    held: BTreeSet<(i64, Arc<str>)>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    attempt: i64,
    handled: bool,
    ends: i64,
}

impl MemoryStore {
    /// A store for `room` messages, with the default [`Terms`].
    pub fn new(room: usize) -> Self {
        Self::with_terms(room, Terms::default())
    }

    /// A store for `room` messages (at least 1).
    pub fn with_terms(room: usize, terms: Terms) -> Self {
        Self {
            terms,
            room: room.max(1),
            known: Mutex::default(),
        }
    }

    /// How many messages it holds now.
    pub fn len(&self) -> usize {
        self.lock().records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing below panics between two changes that belong together.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, id: &str, now: SystemTime) -> Result<Claim, SeenError> {
        check_id(id)?;
        let at = millis(now);
        let mut known = self.lock();
        let attempt = match known.records.get(id) {
            Some(record) if record.ends > at && record.handled => return Ok(Claim::Done),
            Some(record) if record.ends > at => return Ok(Claim::InFlight),
            Some(record) => record.attempt.saturating_add(1),
            None => {
                known.make_room(self.room, at)?;
                1
            }
        };
        let record = Record {
            attempt,
            handled: false,
            ends: self.terms.lease_end(now),
        };
        known.put(id.into(), record);
        Ok(Claim::Fresh(Lease::new(id, attempt)))
    }

    fn confirm_now(&self, lease: &Lease, now: SystemTime) -> Result<bool, SeenError> {
        let mut known = self.lock();
        let found = known.records.get(lease.id()).copied();
        if found.is_none() {
            known.make_room(self.room, millis(now))?;
        }
        let record = Record {
            attempt: found.map_or(lease.attempt(), |record| record.attempt),
            handled: true,
            ends: self.terms.record_end(now),
        };
        known.put(lease.id().into(), record);
        Ok(found.is_none_or(|record| record.attempt == lease.attempt()))
    }

    fn release_now(&self, lease: &Lease) {
        let mut known = self.lock();
        let found = known.records.get(lease.id()).copied();
        if let Some(record) =
            found.filter(|record| !record.handled && record.attempt == lease.attempt())
        {
            let ended = Record {
                ends: i64::MIN,
                ..record
            };
            known.put(lease.id().into(), ended);
        }
    }
}

impl Known {
    fn put(&mut self, id: Arc<str>, record: Record) {
        self.remove(&id);
        self.order(record.handled)
            .insert((record.ends, Arc::clone(&id)));
        self.records.insert(id, record);
    }

    fn remove(&mut self, id: &Arc<str>) {
        if let Some(record) = self.records.remove(id) {
            self.order(record.handled)
                .remove(&(record.ends, Arc::clone(id)));
        }
    }

    fn order(&mut self, handled: bool) -> &mut BTreeSet<(i64, Arc<str>)> {
        if handled {
            &mut self.handled
        } else {
            &mut self.held
        }
    }

    /// Leaves room for one more: without leases that ran out first, then
    /// without the record that ends next.
    fn make_room(&mut self, room: usize, now: i64) -> Result<(), SeenError> {
        while self.records.len() >= room {
            let ended = self.held.first().filter(|(ends, _)| *ends <= now);
            let (_, id) = ended.or(self.handled.first()).ok_or(SeenError::Full)?;
            let id = Arc::clone(id);
            self.remove(&id);
        }
        // Two more of what ended for each that comes: what is past goes without a timer.
        for _ in 0..2 {
            let ended = |(ends, _): &&(i64, Arc<str>)| *ends <= now;
            let Some((_, id)) = self.handled.first().filter(ended) else {
                break;
            };
            let id = Arc::clone(id);
            self.remove(&id);
        }
        Ok(())
    }
}

impl SeenStore for MemoryStore {
    fn claim_at(
        &self,
        id: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Claim, SeenError>> + Send {
        ready(self.claim_now(id, now))
    }

    fn confirm_at(
        &self,
        lease: &Lease,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, SeenError>> + Send {
        ready(self.confirm_now(lease, now))
    }

    fn release(&self, lease: &Lease) -> impl Future<Output = Result<(), SeenError>> + Send {
        self.release_now(lease);
        ready(Ok(()))
    }
}
