//! Which messages were handled: each message once, however often it comes.
//!
//! Senders deliver at least once. A flag that says "seen" before the work is
//! done loses the message when the handler crashes; one that is set after it
//! lets two deliveries at the same moment both in. A [`SeenStore`] lends the
//! message instead: [`claim`](SeenStore::claim) gives one of all callers a
//! [`Lease`], who then [`confirm`](SeenStore::confirm)s or
//! [`release`](SeenStore::release)s it. A lease whose holder is gone runs out,
//! and the next retry gets in.
//!
//! ```
//! # async fn handle(store: &impl postrider_verify::seen::SeenStore, id: &str) -> Result<u16, Box<dyn std::error::Error>> {
//! use postrider_verify::seen::{Claim, SeenStore};
//!
//! let lease = match store.claim(id).await? {
//!     Claim::Fresh(lease) => lease,
//!     Claim::Done => return Ok(200),
//!     // Let the sender come back: the other one may yet fail.
//!     Claim::InFlight => return Ok(409),
//! };
//! match work().await {
//!     Ok(()) => {
//!         store.confirm(&lease).await?;
//!         Ok(200)
//!     }
//!     Err(_) => {
//!         store.release(&lease).await?;
//!         Ok(500)
//!     }
//! }
//! # }
//! # async fn work() -> Result<(), ()> { Ok(()) }
//! ```
//!
//! Use a store of its own (a prefix, a table) for each sender: ids are unique
//! for one sender alone.

#[cfg(feature = "redis")]
mod cache;
mod error;
mod memory;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(feature = "redis")]
pub use cache::RedisStore;
pub use error::SeenError;
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use sql::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sql::SqliteStore;

/// The longest id that a store takes, in bytes: that of the longest id that a
/// verifier reads.
pub const MAX_ID_BYTES: usize = crate::parse::MAX_ID;

/// What a store knows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has handled it or is about to: the caller is to do it now.
    Fresh(Lease),
    /// Somebody else has it in hand. Answer so that the sender tries again.
    InFlight,
    /// It was handled. Answer 2xx and do nothing.
    Done,
}

/// The right to handle one message, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "confirm or release it, or the message waits until it runs out"]
pub struct Lease {
    id: String,
    attempt: i64,
}

impl Lease {
    /// For stores: the lease that is the `attempt`th of this message. Of two
    /// leases the later one has the greater number.
    pub fn new(id: impl Into<String>, attempt: i64) -> Self {
        Self {
            id: id.into(),
            attempt,
        }
    }

    /// The message's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which lease of this message it is, 1 for the first.
    pub const fn attempt(&self) -> i64 {
        self.attempt
    }
}

/// How long a store keeps what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a lease holds: longer than the slowest handler takes, and as
    /// short as a retry may have to wait after a crash.
    pub lease: Duration,
    /// How long a message stays known after it was handled: longer than its
    /// sender goes on trying.
    pub retention: Duration,
}

impl Default for Terms {
    /// Five minutes; and seven days, while senders try for 72 hours.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(5 * 60),
            retention: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Terms {
    fn lease_end(&self, now: SystemTime) -> i64 {
        millis(now).saturating_add(length(self.lease))
    }

    fn record_end(&self, now: SystemTime) -> i64 {
        millis(now).saturating_add(length(self.retention))
    }
}

/// Remembers messages by their ids.
///
/// All methods are atomic: of any number of callers that claim one id at the
/// same time, in one process or in many, one gets [`Claim::Fresh`].
pub trait SeenStore: Send + Sync {
    /// Asks for the message `id` at the time `now`.
    fn claim_at(
        &self,
        id: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Claim, SeenError>> + Send;

    /// Says at the time `now` that the message was handled, whatever became of
    /// the lease. `false` if the lease had run out and another holder came: the
    /// message may then have been handled twice.
    fn confirm_at(
        &self,
        lease: &Lease,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, SeenError>> + Send;

    /// Gives the lease back, so that the next delivery gets it at once. Without
    /// effect if it is no longer the caller's.
    fn release(&self, lease: &Lease) -> impl Future<Output = Result<(), SeenError>> + Send;

    /// As [`SeenStore::claim_at`], at the system clock's time.
    fn claim(&self, id: &str) -> impl Future<Output = Result<Claim, SeenError>> + Send {
        self.claim_at(id, system_time())
    }

    /// As [`SeenStore::confirm_at`], at the system clock's time.
    fn confirm(&self, lease: &Lease) -> impl Future<Output = Result<bool, SeenError>> + Send {
        self.confirm_at(lease, system_time())
    }
}

impl<S: SeenStore + ?Sized> SeenStore for Arc<S> {
    fn claim_at(
        &self,
        id: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Claim, SeenError>> + Send {
        (**self).claim_at(id, now)
    }

    fn confirm_at(
        &self,
        lease: &Lease,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, SeenError>> + Send {
        (**self).confirm_at(lease, now)
    }

    fn release(&self, lease: &Lease) -> impl Future<Output = Result<(), SeenError>> + Send {
        (**self).release(lease)
    }
}

fn check_id(id: &str) -> Result<(), SeenError> {
    if (1..=MAX_ID_BYTES).contains(&id.len()) {
        Ok(())
    } else {
        Err(SeenError::IdLength { found: id.len() })
    }
}

/// Milliseconds since 1970, the one way in which stores keep times.
fn millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => length(after),
        Err(before) => -length(before.duration()),
    }
}

fn length(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[allow(
    clippy::disallowed_methods,
    reason = "whoever calls `claim` or `confirm` asks for the real time"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}
