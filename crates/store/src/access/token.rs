//! Tokens that open one application for a while, and the codes of portal links. Of
//! both only a hash is stored.

use postrider_domain::{AppId, Capabilities, OrgId, Timestamp, TokenId};
use uuid::Uuid;

use crate::access::key::{hash, mint_secret};
use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::secret::Secret;

/// What every token begins with.
pub const TOKEN_PREFIX: &str = "prt_";
/// What every code begins with.
const CODE_PREFIX: &str = "prc_";

/// A token as stored: never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppToken {
    pub id: TokenId,
    /// Whose application it opens.
    pub org_id: OrgId,
    /// The application that it opens.
    pub app_id: AppId,
    /// The session that it belongs to, in its maker's words.
    pub session_id: Option<String>,
    /// Whether it may only read.
    pub read_only: bool,
    /// What it may do.
    pub capabilities: Capabilities,
    /// Its feature flags: event types that ask for none of them are all that it sees.
    pub feature_flags: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What a caller may set of a new token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAppToken {
    /// The application that it opens.
    pub app_id: AppId,
    /// The session that it belongs to, in its maker's words.
    pub session_id: Option<String>,
    /// Whether it may only read.
    pub read_only: bool,
    /// What it may do.
    pub capabilities: Capabilities,
    pub feature_flags: Vec<String>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A new token, its secret, and a code that is good for one more such token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalAccess {
    pub token: AppToken,
    pub secret: Secret,
    pub code: Secret,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    app_id: Uuid,
    session_id: Option<String>,
    read_only: bool,
    capabilities: i16,
    feature_flags: String,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<Row> for AppToken {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let id = TokenId::from_uuid(row.id);
        let flags = row::json("app_token", "feature_flags", id, Some(&row.feature_flags))?;
        Ok(Self {
            id,
            org_id: OrgId::from_uuid(row.org_id),
            app_id: AppId::from_uuid(row.app_id),
            session_id: row.session_id,
            read_only: row.read_only,
            capabilities: row::code("app_token", "capabilities", id, row.capabilities)?,
            feature_flags: flags.ok_or_else(|| row::corrupt("app_token", "feature_flags", id))?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}

const INSERT: &str = "insert into app_token (id, org_id, app_id, hash, session_id, read_only, capabilities, \
    feature_flags, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Another token with the rights of the one that a code was made with, while that works.
const COPY: &str = "insert into app_token (id, org_id, app_id, hash, session_id, read_only, capabilities, \
    feature_flags, created_at, expires_at) \
    select $2, org_id, app_id, $3, session_id, read_only, capabilities, feature_flags, $4, expires_at \
    from app_token where id = $1 and expires_at > $4 \
    returning id, org_id, app_id, session_id, read_only, capabilities, feature_flags, created_at, expires_at";

const APP_IS_THERE: &str =
    "select id from app where id = $1 and org_id = $2 and deleted_at is null";
const INSERT_CODE: &str =
    "insert into portal_code (hash, token_id, expires_at) values ($1, $2, $3)";
const USE_CODE: &str =
    "delete from portal_code where hash = $1 and expires_at > $2 returning token_id";
const BY_SECRET: &str = "select id, org_id, app_id, session_id, read_only, capabilities, feature_flags, created_at, expires_at \
    from app_token where hash = $1 and expires_at > $2 \
    and app_id in (select id from app where deleted_at is null and id = app_token.app_id)";
const END: &str = "update app_token set expires_at = $2 where id = $1 and expires_at > $2";
const END_SESSION: &str = "update app_token set expires_at = $2 where app_id = $1 and expires_at > $2 and session_id = $3";
const END_ALL: &str = "update app_token set expires_at = $2 where app_id = $1 and expires_at > $2";

const EXPIRE_TOKENS: &str =
    "delete from app_token where id in (select id from app_token where expires_at <= $1 limit $2)";
const EXPIRE_CODES: &str = "delete from portal_code where hash in (select hash from portal_code where expires_at <= $1 limit $2)";
const EXPIRE_REVOKED: &str = "delete from jwt_revoked where hash in (select hash from jwt_revoked where expires_at <= $1 limit $2)";

impl Store {
    /// Makes a token, and a code that is good for one more like it until
    /// `code_expires_at`. An application that is not the organisation's is not found.
    pub async fn create_portal_access(
        &self,
        org: OrgId,
        new: NewAppToken,
        code_expires_at: Timestamp,
    ) -> StoreResult<PortalAccess> {
        let now = self.clock.now();
        let (secret, code) = (mint_secret(TOKEN_PREFIX), mint_secret(CODE_PREFIX));
        let token = AppToken {
            id: TokenId::mint(now),
            org_id: org,
            app_id: new.app_id,
            session_id: new.session_id,
            read_only: new.read_only,
            capabilities: new.capabilities,
            feature_flags: new.feature_flags,
            created_at: now,
            expires_at: new.expires_at,
        };
        let flags = row::to_json("app_token", "feature_flags", token.id, &token.feature_flags)?;
        let mut tx = self.begin("creating a token").await?;
        let found: Option<Uuid> = tx
            .optional_scalar(
                Sql::new(APP_IS_THERE)
                    .with(token.app_id.uuid())
                    .with(org.uuid()),
            )
            .await?;
        found.ok_or(StoreError::NotFound(Entity::Application))?;
        tx.run(
            Sql::new(INSERT)
                .with(token.id.uuid())
                .with(org.uuid())
                .with(token.app_id.uuid())
                .with(hash(secret.expose()))
                .with(&token.session_id)
                .with(token.read_only)
                .with(token.capabilities.code())
                .with(&flags)
                .with(now.micros())
                .with(token.expires_at.micros()),
        )
        .await?;
        tx.run(
            Sql::new(INSERT_CODE)
                .with(hash(code.expose()))
                .with(token.id.uuid())
                .with(code_expires_at.micros()),
        )
        .await?;
        tx.commit().await?;
        Ok(PortalAccess {
            token,
            secret,
            code,
        })
    }

    /// Takes a code for a new token, with the rights and the end of the one that the
    /// code was made with. A code that was used, has expired, or whose token was ended
    /// is not found.
    pub async fn exchange_portal_code(&self, code: &str) -> StoreResult<(AppToken, Secret)> {
        let now = self.clock.now();
        let (id, secret) = (TokenId::mint(now), mint_secret(TOKEN_PREFIX));
        let mut tx = self.begin("exchanging a code").await?;
        // Deleting it is what makes it good for once: of two at a time one finds it.
        let of: Option<Uuid> = tx
            .optional_scalar(Sql::new(USE_CODE).with(hash(code)).with(now.micros()))
            .await?;
        let of = of.ok_or(StoreError::NotFound(Entity::Code))?;
        let row: Option<Row> = tx
            .optional(
                Sql::new(COPY)
                    .with(of)
                    .with(id.uuid())
                    .with(hash(secret.expose()))
                    .with(now.micros()),
            )
            .await?;
        tx.commit().await?;
        let token = row.ok_or(StoreError::NotFound(Entity::Code))?.try_into()?;
        Ok((token, secret))
    }

    /// The token that this secret opens, if it still works.
    pub async fn app_token_by_secret(&self, secret: &str) -> StoreResult<Option<AppToken>> {
        let row: Option<Row> = self
            .read("looking a token up")
            .optional(
                Sql::new(BY_SECRET)
                    .with(hash(secret))
                    .with(self.clock.now().micros()),
            )
            .await?;
        row.map(AppToken::try_from).transpose()
    }

    /// Ends a token at once, and with it the code that was made with it.
    pub async fn end_app_token(&self, id: TokenId) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("ending a token").await?;
        tx.run(Sql::new(END).with(id.uuid()).with(now.micros()))
            .await?;
        record_change(&mut tx, ChangeKind::Key, id.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Key, id.uuid());
        Ok(())
    }

    /// Ends an application's tokens at `at` at the latest: those of these sessions, or
    /// all, and then also the JWTs issued until now.
    pub async fn end_app_tokens(
        &self,
        app: AppId,
        sessions: &[String],
        at: Timestamp,
    ) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("ending tokens").await?;
        for session in sessions {
            tx.run(
                Sql::new(END_SESSION)
                    .with(app.uuid())
                    .with(at.micros())
                    .with(session),
            )
            .await?;
        }
        if sessions.is_empty() {
            tx.run(Sql::new(END_ALL).with(app.uuid()).with(at.micros()))
                .await?;
            for text in crate::access::jwt::CUT_OFF {
                tx.run(
                    Sql::new(text)
                        .with(app.uuid())
                        .with(now.micros())
                        .with(at.micros()),
                )
                .await?;
            }
        }
        record_change(&mut tx, ChangeKind::Key, app.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Key, app.uuid());
        Ok(())
    }

    /// Forgets what has expired, at most `chunk` of each kind. Says how many.
    pub(crate) async fn expire_tokens(&self, now: Timestamp, chunk: i64) -> StoreResult<u64> {
        let mut removed = 0;
        for text in [EXPIRE_TOKENS, EXPIRE_CODES, EXPIRE_REVOKED] {
            removed += self
                .write("forgetting tokens")
                .run(Sql::new(text).with(now.micros()).with(chunk))
                .await?;
        }
        Ok(removed)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        INSERT,
        COPY,
        APP_IS_THERE,
        INSERT_CODE,
        USE_CODE,
        BY_SECRET,
        END,
        END_SESSION,
        END_ALL,
        EXPIRE_TOKENS,
        EXPIRE_CODES,
        EXPIRE_REVOKED,
    ],
    ..Statements::NONE
};
