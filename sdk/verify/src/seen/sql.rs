//! Stores in a database that the receiver has anyway.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::{Claim, Lease, SeenError, SeenStore, Terms, check_id, length, millis};

/// One text for both engines: times are milliseconds since 1970, flags 0 or 1.
const TABLE: &str = "create table if not exists postrider_seen (
    sender text not null, id text not null, attempt bigint not null,
    handled bigint not null, ends bigint not null, primary key (sender, id))";
const INDEX: &str = "create index if not exists postrider_seen_ends on postrider_seen (ends)";

/// Takes the message unless somebody has it; one statement, hence one winner.
const CLAIM: &str = "insert into postrider_seen (sender, id, attempt, handled, ends)
    values ($1, $2, 1, 0, $3)
    on conflict (sender, id) do update
    set attempt = postrider_seen.attempt + 1, handled = 0, ends = $3
    where postrider_seen.ends <= $4
    returning attempt";
const LOOK: &str = "select handled from postrider_seen where sender = $1 and id = $2";
const CONFIRM: &str = "insert into postrider_seen (sender, id, attempt, handled, ends)
    values ($1, $2, $3, 1, $4)
    on conflict (sender, id) do update set handled = 1, ends = $4
    returning attempt";
const RELEASE: &str = "update postrider_seen set ends = 0
    where sender = $1 and id = $2 and attempt = $3 and handled = 0";
/// What was handled goes when its time is over; leases that ran out stay as
/// long again, so that the number of the next one goes on.
const PRUNE: &str = "delete from postrider_seen where (sender, id) in (
    select sender, id from postrider_seen
    where ends <= $1 and (handled = 1 or ends <= $2) limit 1000)";

/// Every so many claims, what is past is deleted.
const CLAIMS_PER_PRUNE: u64 = 256;
/// A record can go between a claim that it refused and the look at why.
const LOOKS: usize = 3;

macro_rules! sql_store {
    ($(#[$attribute:meta])* $name:ident, $pool:ty, $connection:ty) => {
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        pub struct $name {
            pool: $pool,
            sender: String,
            terms: Terms,
            claims: std::sync::Arc<AtomicU64>,
        }

        impl $name {
            /// A store with the default [`Terms`], on a table `postrider_seen`:
            /// see `create_table`.
            pub fn new(pool: $pool) -> Self {
                Self {
                    pool,
                    sender: String::new(),
                    terms: Terms::default(),
                    claims: std::sync::Arc::default(),
                }
            }

            /// Keeps the ids of this sender apart from those of others.
            #[must_use]
            pub fn for_sender(mut self, name: &str) -> Self {
                name.clone_into(&mut self.sender);
                self
            }

            /// Sets how long what is kept.
            #[must_use]
            pub const fn with_terms(mut self, terms: Terms) -> Self {
                self.terms = terms;
                self
            }

            /// Makes the table and its index unless they are there.
            ///
            /// # Errors
            /// [`SeenError::Database`].
            pub async fn create_table(&self) -> Result<(), SeenError> {
                for statement in [TABLE, INDEX] {
                    // "If not exists" can fail when two nodes ask at once; then it exists.
                    if sqlx::query(statement).execute(&self.pool).await.is_err() {
                        let again = sqlx::query(statement).execute(&self.pool).await;
                        again.map_err(SeenError::database)?;
                    }
                }
                Ok(())
            }

            /// As [`SeenStore::confirm_at`], within a transaction of one's own: the
            /// message then counts as handled if and only if its effects are there.
            ///
            /// # Errors
            /// [`SeenError::Database`].
            pub async fn confirm_within(
                &self,
                connection: &mut $connection,
                lease: &Lease,
                now: SystemTime,
            ) -> Result<bool, SeenError> {
                let attempt: i64 = sqlx::query_scalar(CONFIRM)
                    .bind(&self.sender)
                    .bind(lease.id())
                    .bind(lease.attempt())
                    .bind(self.terms.record_end(now))
                    .fetch_one(connection)
                    .await
                    .map_err(SeenError::database)?;
                Ok(attempt == lease.attempt())
            }

            /// Deletes up to 1000 records whose time is over, and gives their
            /// number. Claims do it now and then by themselves.
            ///
            /// # Errors
            /// [`SeenError::Database`].
            pub async fn prune(&self, now: SystemTime) -> Result<u64, SeenError> {
                let at = millis(now);
                let done = sqlx::query(PRUNE)
                    .bind(at)
                    .bind(at.saturating_sub(length(self.terms.retention)))
                    .execute(&self.pool)
                    .await
                    .map_err(SeenError::database)?;
                Ok(done.rows_affected())
            }

            async fn try_claim(&self, id: &str, now: SystemTime) -> Result<Claim, sqlx::Error> {
                for _ in 0..LOOKS {
                    let attempt: Option<i64> = sqlx::query_scalar(CLAIM)
                        .bind(&self.sender)
                        .bind(id)
                        .bind(self.terms.lease_end(now))
                        .bind(millis(now))
                        .fetch_optional(&self.pool)
                        .await?;
                    if let Some(attempt) = attempt {
                        return Ok(Claim::Fresh(Lease::new(id, attempt)));
                    }
                    let handled: Option<i64> = sqlx::query_scalar(LOOK)
                        .bind(&self.sender)
                        .bind(id)
                        .fetch_optional(&self.pool)
                        .await?;
                    match handled {
                        Some(0) => return Ok(Claim::InFlight),
                        Some(_) => return Ok(Claim::Done),
                        None => {}
                    }
                }
                Ok(Claim::InFlight)
            }
        }

        impl SeenStore for $name {
            async fn claim_at(&self, id: &str, now: SystemTime) -> Result<Claim, SeenError> {
                check_id(id)?;
                let claim = self.try_claim(id, now).await.map_err(SeenError::database)?;
                let count = self.claims.fetch_add(1, Ordering::Relaxed);
                if count % CLAIMS_PER_PRUNE == CLAIMS_PER_PRUNE - 1 {
                    // The claim stands; what could not be deleted now is at the next one.
                    let _ = self.prune(now).await;
                }
                Ok(claim)
            }

            async fn confirm_at(&self, lease: &Lease, now: SystemTime) -> Result<bool, SeenError> {
                let mut connection = self.pool.acquire().await.map_err(SeenError::database)?;
                self.confirm_within(&mut connection, lease, now).await
            }

            async fn release(&self, lease: &Lease) -> Result<(), SeenError> {
                sqlx::query(RELEASE)
                    .bind(&self.sender)
                    .bind(lease.id())
                    .bind(lease.attempt())
                    .execute(&self.pool)
                    .await
                    .map(|_| ())
                    .map_err(SeenError::database)
            }
        }
    };
}

#[cfg(feature = "sqlite")]
sql_store!(
    /// Remembers messages in SQLite.
    SqliteStore,
    sqlx::SqlitePool,
    sqlx::SqliteConnection
);

#[cfg(feature = "postgres")]
sql_store!(
    /// Remembers messages in PostgreSQL.
    PostgresStore,
    sqlx::PgPool,
    sqlx::PgConnection
);
