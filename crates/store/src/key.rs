//! API keys: opaque secrets of which only a hash is stored.

use std::time::Duration;

use postrider_domain::{AppId, KeyId, OrgId, Timestamp};
use rand::RngExt as _;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::secret::Secret;
use crate::{Store, StoreError, StoreResult};

/// What every key begins with; a scanner for leaked secrets can look for it.
pub const KEY_PREFIX: &str = "prk_";
/// 62^43 is the first power of 62 above 2^256.
const DIGITS: usize = 43;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many characters of the secret its list entry shows.
const HINT: usize = KEY_PREFIX.len() + 4;
/// A key's last use is written at most this often.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// The text of a key, shown once to whoever made it.
pub type KeySecret = Secret;

/// An API key as stored: never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The only application that it opens; all of the organisation's if absent.
    pub app_id: Option<AppId>,
    /// What its maker calls it.
    pub name: String,
    /// How its secret begins.
    pub hint: String,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a caller may set of a new key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What its maker calls it.
    pub name: String,
    /// The only application that it opens; all of the organisation's if absent.
    pub app_id: Option<AppId>,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    app_id: Option<Uuid>,
    name: String,
    hint: String,
    read_only: bool,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: KeyId::from_uuid(row.id),
            org_id: OrgId::from_uuid(row.org_id),
            app_id: row.app_id.map(AppId::from_uuid),
            name: row.name,
            hint: row.hint,
            read_only: row.read_only,
            created_at: Timestamp::from_micros(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
        }
    }
}

/// 256 random bits as text, after `prefix`.
pub(crate) fn mint_secret(prefix: &str) -> KeySecret {
    let mut rng = rand::rng();
    let mut text = String::with_capacity(prefix.len() + DIGITS);
    text.push_str(prefix);
    text.extend((0..DIGITS).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])));
    Secret::new(text)
}

/// What is stored of a secret. Its 256 random bits make a slow hash needless.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

impl Store {
    /// Makes a key and the secret that opens it, which cannot be had again. An
    /// application that is not the organisation's is not found.
    pub async fn create_key(&self, org: OrgId, new: NewKey) -> StoreResult<(ApiKey, KeySecret)> {
        let now = self.clock.now();
        let secret = mint_secret(KEY_PREFIX);
        let key = ApiKey {
            id: KeyId::mint(now),
            org_id: org,
            app_id: new.app_id,
            name: new.name,
            hint: secret.expose()[..HINT].to_owned(),
            read_only: new.read_only,
            created_at: now,
            last_used_at: None,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        transaction!(self, "creating a key", conn => {
            let wrong = wrong("creating a key");
            if let Some(app) = key.app_id {
                let found: Option<Uuid> = sqlx::query_scalar(
                    "select id from app where id = $1 and org_id = $2 and deleted_at is null",
                ).bind(app.uuid()).bind(org.uuid()).fetch_optional(&mut *conn).await.map_err(wrong)?;
                found.ok_or(StoreError::NotFound("application"))?;
            }
            sqlx::query(
                "insert into api_key (id, org_id, app_id, name, hash, hint, read_only, created_at, expires_at) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            ).bind(key.id.uuid()).bind(org.uuid()).bind(key.app_id.map(AppId::uuid)).bind(&key.name)
            .bind(hash(secret.expose())).bind(&key.hint).bind(key.read_only).bind(now.micros())
            .bind(key.expires_at.map(Timestamp::micros))
            .execute(&mut *conn).await.map_err(wrong)?;
            tell!(conn, wrong, ChangeKind::Key, key.id.uuid(), now);
            Ok(())
        })?;
        self.announce(ChangeKind::Key, key.id.uuid());
        Ok((key, secret))
    }

    /// The key that this secret opens, if it still works. One that is bound to an
    /// application ends with it.
    pub async fn key_by_secret(&self, secret: &str) -> StoreResult<Option<ApiKey>> {
        let row: Option<Row> = read!(self, "looking a key up", pool => sqlx::query_as(
            "select id, org_id, app_id, name, hint, read_only, created_at, last_used_at, expires_at, revoked_at \
             from api_key where hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2) \
             and (app_id is null or app_id in (select id from app where deleted_at is null and id = api_key.app_id))",
        ).bind(hash(secret)).bind(self.clock.now().micros()).fetch_optional(pool).await)?;
        Ok(row.map(ApiKey::from))
    }

    /// Every key of the organisation, revoked ones too, oldest first.
    pub async fn keys(&self, org: OrgId) -> StoreResult<Vec<ApiKey>> {
        let rows: Vec<Row> = read!(self, "listing keys", pool => sqlx::query_as(
            "select id, org_id, app_id, name, hint, read_only, created_at, last_used_at, expires_at, revoked_at \
             from api_key where org_id = $1 order by id",
        ).bind(org.uuid()).fetch_all(pool).await)?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Every key of every organisation, revoked ones too, oldest first.
    pub async fn all_keys(&self) -> StoreResult<Vec<ApiKey>> {
        let rows: Vec<Row> = read!(self, "listing keys", pool => sqlx::query_as(
            "select id, org_id, app_id, name, hint, read_only, created_at, last_used_at, expires_at, revoked_at \
             from api_key order by id",
        ).fetch_all(pool).await)?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Stops a key from working, of any organisation if `org` is absent. Revoking it
    /// again changes nothing.
    pub async fn revoke_key(&self, org: Option<OrgId>, id: KeyId) -> StoreResult<()> {
        let now = self.clock.now();
        transaction!(self, "revoking a key", conn => {
            let wrong = wrong("revoking a key");
            let revoked = sqlx::query(
                "update api_key set revoked_at = coalesce(revoked_at, $3) \
                 where id = $1 and org_id = coalesce($2, org_id)",
            ).bind(id.uuid()).bind(org.map(OrgId::uuid)).bind(now.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            if revoked.rows_affected() == 0 {
                return Err(StoreError::NotFound("key"));
            }
            tell!(conn, wrong, ChangeKind::Key, id.uuid(), now);
            Ok(())
        })?;
        self.announce(ChangeKind::Key, id.uuid());
        Ok(())
    }

    /// Writes down when keys were last used, in one transaction; a use within a
    /// minute of the one written down is left out.
    pub async fn touch_keys(&self, uses: &[(KeyId, Timestamp)]) -> StoreResult<()> {
        // In one order everywhere, so that two nodes cannot deadlock.
        let mut uses = uses.to_vec();
        uses.sort_unstable();
        transaction!(self, "noting the use of keys", conn => {
            let wrong = wrong("noting the use of keys");
            for (id, at) in &uses {
                sqlx::query(
                    "update api_key set last_used_at = $2 \
                     where id = $1 and (last_used_at is null or last_used_at <= $3)",
                ).bind(id.uuid()).bind(at.micros()).bind(at.minus(TOUCH_INTERVAL).micros())
                .execute(&mut *conn).await.map_err(wrong)?;
            }
            Ok(())
        })
    }

    /// Whether any key works.
    pub async fn has_keys(&self) -> StoreResult<bool> {
        let found: Option<i32> = read!(self, "looking for keys", pool => sqlx::query_scalar(
            "select 1 from api_key where revoked_at is null and (expires_at is null or expires_at > $1) limit 1",
        ).bind(self.clock.now().micros()).fetch_optional(pool).await)?;
        Ok(found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_secret_has_43_letters_or_digits_after_its_prefix_and_no_twin() {
        let secret = mint_secret(KEY_PREFIX);
        let digits = secret.expose().strip_prefix(KEY_PREFIX).unwrap();
        assert_eq!(digits.len(), DIGITS);
        assert!(digits.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(secret, mint_secret(KEY_PREFIX));
        assert!(!format!("{secret:?}").contains(digits));
    }
}
