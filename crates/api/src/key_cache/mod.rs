//! Who a bearer secret belongs to: read once, then kept in memory until that key or
//! token, its session or its application changes anywhere.

mod news;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use postrider_domain::{AppId, Capabilities, KeyId, OrgId, SessionId, Timestamp, TokenId};
use postrider_store::{
    ApiKey, AppToken, ConsoleSession, KEY_PREFIX, SESSION_PREFIX, Store, StoreError, StoreResult,
    TOKEN_PREFIX, jwt_id,
};
use sha2::{Digest, Sha256};

use self::news::{Generation, News};
use crate::jwt::{self, JwtFault, JwtKey};

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

/// The holder of a key or token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The key; for a token an id that stands for it, so that idempotency keys are its own.
    pub key: KeyId,
    pub org: OrgId,
    /// The only application that it may see, if it is bound to one.
    pub app: Option<AppId>,
    /// Whether it may only read.
    pub read_only: bool,
    /// What it may do.
    pub capabilities: Capabilities,
    /// Its feature flags; `None`: it sees every event type.
    pub flags: Option<Arc<[String]>>,
    /// What was shown.
    pub credential: Credential,
}

/// What a caller shows.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// An API key.
    Key,
    /// A token of an application.
    Token {
        id: TokenId,
        /// The session that it belongs to.
        session: Option<Arc<str>>,
    },
    /// A session of the console.
    Session(SessionId),
    Jwt {
        /// What names it: the hash of what its signature covers.
        hash: [u8; 32],
        /// When it ends by itself.
        expires_at: Option<Timestamp>,
    },
}

/// What a secret turns out to be.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// That of a key or token in force.
    Caller(Caller),
    /// That of none.
    Nobody,
    /// A signed token that names nobody.
    Malformed,
    /// What tokens are signed with.
    SigningSecret,
}

impl Caller {
    fn of_key(key: &ApiKey) -> Self {
        Self {
            key: key.id,
            org: key.org_id,
            app: key.app_id,
            read_only: key.read_only,
            capabilities: if key.read_only {
                Capabilities::VIEW
            } else {
                Capabilities::ALL
            },
            // A key of an application has no feature flags.
            flags: key.app_id.map(|_| Arc::default()),
            credential: Credential::Key,
        }
    }

    fn of_token(token: AppToken) -> Self {
        Self {
            key: KeyId::from_uuid(token.id.uuid()),
            org: token.org_id,
            app: Some(token.app_id),
            read_only: token.read_only,
            capabilities: token.capabilities,
            flags: Some(token.feature_flags.into()),
            credential: Credential::Token {
                id: token.id,
                session: token.session_id.map(Arc::from),
            },
        }
    }

    fn of_session(session: &ConsoleSession) -> Self {
        Self {
            key: KeyId::from_uuid(session.id.uuid()),
            org: session.org_id,
            app: None,
            read_only: false,
            capabilities: Capabilities::ALL,
            flags: None,
            credential: Credential::Session(session.id),
        }
    }

    /// What changes when it ends: itself, or all of its application's.
    fn stands_on(&self) -> [uuid::Uuid; 2] {
        [
            self.key.uuid(),
            self.app.map_or(self.key.uuid(), AppId::uuid),
        ]
    }

    fn of_jwt(jwt: jwt::Jwt, org: OrgId, app: Option<AppId>) -> Self {
        Self {
            key: KeyId::from_uuid(jwt_id(&jwt.hash)),
            org,
            app,
            read_only: false,
            capabilities: Capabilities::ALL,
            flags: app.map(|_| jwt.flags.into()),
            credential: Credential::Jwt {
                hash: jwt.hash,
                expires_at: jwt.expires_at,
            },
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    found: Found,
    expires_at: Option<Timestamp>,
    read_at: Timestamp,
    /// As it was before the read: a change meanwhile makes the entry stale.
    generation: Generation,
}

impl Entry {
    /// A secret of nobody is read again after any change: it may be a new key's.
    fn is_fresh(&self, news: &News, generation: Generation, now: Timestamp) -> bool {
        let age = now.since(self.read_at);
        match &self.found {
            Found::Caller(caller) => {
                age < MAX_AGE
                    && (self.generation == generation
                        || !news.is_of_any(&caller.stands_on(), self.generation))
            }
            _ => age < MAX_AGE_UNKNOWN && self.generation == generation,
        }
    }
}

/// Secrets by their hash.
pub(crate) struct KeyCache {
    store: Store,
    /// What JWTs are checked with, if they count.
    jwt: Option<JwtKey>,
    entries: Cache<[u8; 32], Arc<Entry>>,
    news: News,
    used: Arc<Uses>,
}

/// Uses of keys: those to be written, and when each was last noted.
#[derive(Default)]
struct Uses {
    waiting: Mutex<HashMap<KeyId, Timestamp>>,
    noted: Mutex<HashMap<KeyId, Timestamp>>,
}

impl KeyCache {
    pub(crate) fn new(store: Store, jwt: Option<JwtKey>) -> Self {
        Self {
            jwt,
            news: News::new(store.subscribe()),
            store,
            entries: Cache::new(CAPACITY),
            used: Arc::default(),
        }
    }

    /// Who holds this secret.
    pub(crate) async fn caller(&self, secret: &str) -> StoreResult<Found> {
        let longest = match &self.jwt {
            Some(_) => jwt::MAX_TOKEN,
            None => MAX_SECRET,
        };
        if secret.is_empty() || secret.len() > longest {
            return Ok(Found::Nobody);
        }
        let now = self.store.clock().now();
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let generation = self.news.generation(now);
        let entry = match self.entries.get(&hash) {
            Some(entry) if entry.is_fresh(&self.news, generation, now) => entry,
            // Boxed: hardly ever run, and large.
            _ => Box::pin(self.read(secret, hash, generation, now)).await?,
        };
        if let Found::Caller(caller) = &entry.found {
            if entry.expires_at.is_some_and(|expiry| now >= expiry) {
                return Ok(Found::Nobody);
            }
            if matches!(caller.credential, Credential::Key) {
                self.note_use(caller.key, now);
            }
        }
        Ok(entry.found.clone())
    }

    async fn read(
        &self,
        secret: &str,
        hash: [u8; 32],
        generation: Generation,
        now: Timestamp,
    ) -> StoreResult<Arc<Entry>> {
        let (found, expires_at) = self.look_up(secret, &hash, now).await?;
        let entry = Arc::new(Entry {
            found,
            expires_at,
            read_at: now,
            generation,
        });
        self.entries.insert(hash, Arc::clone(&entry));
        Ok(entry)
    }

    /// Who holds this secret, and until when.
    async fn look_up(
        &self,
        secret: &str,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> StoreResult<(Found, Option<Timestamp>)> {
        if secret.starts_with(KEY_PREFIX) {
            let Some(key) = self.store.key_by_secret(secret).await? else {
                return Ok((Found::Nobody, None));
            };
            return Ok((Found::Caller(Caller::of_key(&key)), key.expires_at));
        }
        if secret.starts_with(TOKEN_PREFIX) {
            let Some(token) = self.store.app_token_by_secret(secret).await? else {
                return Ok((Found::Nobody, None));
            };
            let expires_at = Some(token.expires_at);
            return Ok((Found::Caller(Caller::of_token(token)), expires_at));
        }
        if secret.starts_with(SESSION_PREFIX) {
            let Some(session) = self.store.console_session(secret).await? else {
                return Ok((Found::Nobody, None));
            };
            let caller = Caller::of_session(&session);
            return Ok((Found::Caller(caller), Some(session.expires_at)));
        }
        let Some(key) = &self.jwt else {
            return Ok((Found::Nobody, None));
        };
        if key.is_secret(hash) {
            return Ok((Found::SigningSecret, None));
        }
        match key.check(secret, now) {
            Ok(jwt) => self.look_up_jwt(jwt, now).await,
            Err(JwtFault::Malformed) => Ok((Found::Malformed, None)),
            Err(JwtFault::Invalid) => Ok((Found::Nobody, None)),
        }
    }

    /// Whose a JWT is that counts. An organisation that its holder may speak for is made
    /// if there is none; an application is not.
    async fn look_up_jwt(
        &self,
        jwt: jwt::Jwt,
        now: Timestamp,
    ) -> StoreResult<(Found, Option<Timestamp>)> {
        let nobody = Ok((Found::Nobody, None));
        let org = match self.store.org_by_external_id(&jwt.org).await {
            Err(StoreError::NotFound(_)) if jwt.app.is_none() => {
                self.store.ensure_external_org(&jwt.org).await?
            }
            Err(StoreError::NotFound(_)) => return nobody,
            found => found?,
        };
        let app = match &jwt.app {
            None => None,
            Some(name) => match self.store.app(org.id, name).await {
                Ok(app) => Some(app.id),
                Err(StoreError::NotFound(_)) => return nobody,
                Err(error) => return Err(error),
            },
        };
        let decided = self.store.jwt_end(jwt.hash, app, jwt.issued_at).await?;
        let expires_at = match (decided, jwt.expires_at) {
            (Some(decided), Some(own)) => Some(decided.min(own)),
            (decided, own) => decided.or(own),
        };
        if expires_at.is_some_and(|at| at <= now) {
            return nobody;
        }
        Ok((Found::Caller(Caller::of_jwt(jwt, org.id, app)), expires_at))
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
