//! A store in Redis, or whatever speaks its protocol and runs its scripts.

use std::time::SystemTime;

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue};

use super::{Claim, Lease, SeenError, SeenStore, Terms, check_id, length, millis};

/// Each script runs as one: nobody sees the record between its lines.
const CLAIM: &str = "
local known = redis.call('HMGET', KEYS[1], 'attempt', 'handled', 'ends')
local attempt = 1
if known[1] then
    if tonumber(known[3]) > tonumber(ARGV[1]) then
        if known[2] == '1' then return -1 end
        return -2
    end
    attempt = tonumber(known[1]) + 1
end
redis.call('HSET', KEYS[1], 'attempt', attempt, 'handled', '0', 'ends', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return attempt";
const CONFIRM: &str = "
local attempt = redis.call('HGET', KEYS[1], 'attempt') or ARGV[1]
redis.call('HSET', KEYS[1], 'attempt', attempt, 'handled', '1', 'ends', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return tonumber(attempt)";
const RELEASE: &str = "
local known = redis.call('HMGET', KEYS[1], 'attempt', 'handled')
if known[1] == ARGV[1] and known[2] == '0' then
    redis.call('HSET', KEYS[1], 'ends', '0')
end
return 0";

/// What the script of a claim says of a message that somebody has.
const DONE: i64 = -1;
const IN_FLIGHT: i64 = -2;

/// Remembers messages in Redis 4 or newer.
///
/// `C` is a connection that can be cloned, such as `redis`'s
/// `MultiplexedConnection` or `ConnectionManager`. Redis forgets what it had
/// not yet copied when it fails over: for exactness use a database.
#[derive(Clone)]
pub struct RedisStore<C> {
    connection: C,
    prefix: String,
    terms: Terms,
}

impl<C> RedisStore<C> {
    /// A store with the default [`Terms`], under keys that begin with
    /// `postrider:seen:`.
    pub fn new(connection: C) -> Self {
        Self {
            connection,
            prefix: "postrider:seen:".to_owned(),
            terms: Terms::default(),
        }
    }

    /// Sets what keys begin with; each sender needs its own.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Sets how long what is kept.
    #[must_use]
    pub const fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    fn script(&self, script: &str, id: &str) -> Cmd {
        let mut command = redis::cmd("EVAL");
        let key = format!("{}{id}", self.prefix);
        command.arg(script).arg(1).arg(key);
        command
    }

    /// How long Redis itself keeps a record, in milliseconds.
    fn kept(&self) -> i64 {
        length(self.terms.retention.max(self.terms.lease)).max(1)
    }
}

impl<C> std::fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> RedisStore<C> {
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, SeenError> {
        let mut connection = self.connection.clone();
        let answer = command.query_async(&mut connection).await;
        answer.map_err(SeenError::database)
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> SeenStore for RedisStore<C> {
    async fn claim_at(&self, id: &str, now: SystemTime) -> Result<Claim, SeenError> {
        check_id(id)?;
        let mut command = self.script(CLAIM, id);
        command
            .arg(millis(now))
            .arg(self.terms.lease_end(now))
            .arg(self.kept());
        Ok(match self.ask::<i64>(&command).await? {
            DONE => Claim::Done,
            IN_FLIGHT => Claim::InFlight,
            attempt => Claim::Fresh(Lease::new(id, attempt)),
        })
    }

    async fn confirm_at(&self, lease: &Lease, now: SystemTime) -> Result<bool, SeenError> {
        let mut command = self.script(CONFIRM, lease.id());
        command
            .arg(lease.attempt())
            .arg(self.terms.record_end(now))
            .arg(self.kept());
        let attempt: i64 = self.ask(&command).await?;
        Ok(attempt == lease.attempt())
    }

    async fn release(&self, lease: &Lease) -> Result<(), SeenError> {
        let mut command = self.script(RELEASE, lease.id());
        command.arg(lease.attempt());
        self.ask::<i64>(&command).await.map(|_| ())
    }
}
