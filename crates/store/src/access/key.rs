//! API keys: opaque secrets of which only a hash is stored.

use std::time::Duration;

use postrider_domain::{AppId, KeyId, OrgId, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::entropy::random_text;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::secret::Secret;

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
    pub id: KeyId,
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
    Secret::new(random_text(prefix, ALPHABET, DIGITS))
}

/// What is stored of a secret. Its 256 random bits make a slow hash needless.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

const APP_IS_THERE: &str =
    "select id from app where id = $1 and org_id = $2 and deleted_at is null";
const INSERT: &str = "insert into api_key (id, org_id, app_id, name, hash, hint, read_only, created_at, expires_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const BY_SECRET: &str = "select id, org_id, app_id, name, hint, read_only, created_at, last_used_at, expires_at, revoked_at \
    from api_key where hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2) \
    and (app_id is null or app_id in (select id from app where deleted_at is null and id = api_key.app_id))";
const OF_ORG: &str = "select id, org_id, app_id, name, hint, read_only, created_at, last_used_at, expires_at, revoked_at \
    from api_key where org_id = $1 order by id";
const ALL: &str = "select id, org_id, app_id, name, hint, read_only, created_at, last_used_at, expires_at, revoked_at \
    from api_key order by id";
const REVOKE: &str = "update api_key set revoked_at = coalesce(revoked_at, $3) \
    where id = $1 and org_id = coalesce($2, org_id)";
const TOUCH: &str = "update api_key set last_used_at = $2 \
    where id = $1 and (last_used_at is null or last_used_at <= $3)";
const ANY_LIVE: &str = "select 1 from api_key where revoked_at is null and (expires_at is null or expires_at > $1) limit 1";

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
        let mut tx = self.begin("creating a key").await?;
        if let Some(app) = key.app_id {
            let found: Option<Uuid> = tx
                .optional_scalar(Sql::new(APP_IS_THERE).with(app.uuid()).with(org.uuid()))
                .await?;
            found.ok_or(StoreError::NotFound(Entity::Application))?;
        }
        tx.run(
            Sql::new(INSERT)
                .with(key.id.uuid())
                .with(org.uuid())
                .with(key.app_id.map(AppId::uuid))
                .with(&key.name)
                .with(hash(secret.expose()))
                .with(&key.hint)
                .with(key.read_only)
                .with(now.micros())
                .with(key.expires_at.map(Timestamp::micros)),
        )
        .await?;
        record_change(&mut tx, ChangeKind::Key, key.id.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Key, key.id.uuid());
        Ok((key, secret))
    }

    /// The key that this secret opens, if it still works. One that is bound to an
    /// application ends with it.
    pub async fn key_by_secret(&self, secret: &str) -> StoreResult<Option<ApiKey>> {
        let row: Option<Row> = self
            .read("looking a key up")
            .optional(
                Sql::new(BY_SECRET)
                    .with(hash(secret))
                    .with(self.clock.now().micros()),
            )
            .await?;
        Ok(row.map(ApiKey::from))
    }

    /// Every key of the organisation, revoked ones too, oldest first.
    pub async fn keys(&self, org: OrgId) -> StoreResult<Vec<ApiKey>> {
        let rows: Vec<Row> = self
            .read("listing keys")
            .all(Sql::new(OF_ORG).with(org.uuid()))
            .await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Every key of every organisation, revoked ones too, oldest first.
    pub async fn all_keys(&self) -> StoreResult<Vec<ApiKey>> {
        let rows: Vec<Row> = self.read("listing keys").all(Sql::new(ALL)).await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Stops a key from working, of any organisation if `org` is absent. Revoking it
    /// again changes nothing.
    pub async fn revoke_key(&self, org: Option<OrgId>, id: KeyId) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("revoking a key").await?;
        let revoked = tx
            .run(
                Sql::new(REVOKE)
                    .with(id.uuid())
                    .with(org.map(OrgId::uuid))
                    .with(now.micros()),
            )
            .await?;
        if revoked == 0 {
            return Err(StoreError::NotFound(Entity::Key));
        }
        record_change(&mut tx, ChangeKind::Key, id.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Key, id.uuid());
        Ok(())
    }

    /// Writes down when keys were last used, in one transaction; a use within a
    /// minute of the one written down is left out.
    pub async fn touch_keys(&self, uses: &[(KeyId, Timestamp)]) -> StoreResult<()> {
        // In one order everywhere, so that two nodes cannot deadlock.
        let mut uses = uses.to_vec();
        uses.sort_unstable();
        let mut tx = self.begin("noting the use of keys").await?;
        for (id, at) in &uses {
            tx.run(
                Sql::new(TOUCH)
                    .with(id.uuid())
                    .with(at.micros())
                    .with(at.minus(TOUCH_INTERVAL).micros()),
            )
            .await?;
        }
        tx.commit().await
    }

    /// Whether any key works.
    pub async fn has_keys(&self) -> StoreResult<bool> {
        let found: Option<i32> = self
            .read("looking for keys")
            .optional_scalar(Sql::new(ANY_LIVE).with(self.clock.now().micros()))
            .await?;
        Ok(found.is_some())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        APP_IS_THERE,
        INSERT,
        BY_SECRET,
        OF_ORG,
        ALL,
        REVOKE,
        TOUCH,
        ANY_LIVE,
    ],
    ..Statements::NONE
};

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
