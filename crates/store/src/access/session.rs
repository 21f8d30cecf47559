//! Sessions of the console, and the codes of its sign-in links. Of both only a hash is
//! stored.

use postrider_domain::{OrgId, SessionId, Timestamp};
use uuid::Uuid;

use crate::access::key::{hash, mint_secret};
use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::secret::Secret;

/// What every session's token begins with.
pub const SESSION_PREFIX: &str = "prs_";
/// What every code begins with.
const CODE_PREFIX: &str = "prl_";

/// A session as stored: never its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSession {
    pub id: SessionId,
    /// The organisation that it speaks for.
    pub org_id: OrgId,
    /// When it stops working.
    pub expires_at: Timestamp,
}

const INSERT_CODE: &str = "insert into console_code (hash, org_id, expires_at) values ($1, $2, $3)";
const USE_CODE: &str =
    "delete from console_code where hash = $1 and expires_at > $2 returning org_id";
const INSERT: &str = "insert into console_session (id, org_id, hash, created_at, expires_at) values ($1, $2, $3, $4, $5)";
const BY_TOKEN: &str =
    "select id, org_id, expires_at from console_session where hash = $1 and expires_at > $2";
const END: &str = "delete from console_session where id = $1";
const ORG_NAME: &str = "select name from org where id = $1";

const EXPIRE_SESSIONS: &str = "delete from console_session where id in (select id from console_session where expires_at <= $1 limit $2)";
const EXPIRE_CODES: &str = "delete from console_code where hash in (select hash from console_code where expires_at <= $1 limit $2)";

impl Store {
    /// Makes a code that is good for one session of this organisation until `expires_at`.
    pub async fn create_console_code(
        &self,
        org: OrgId,
        expires_at: Timestamp,
    ) -> StoreResult<Secret> {
        let code = mint_secret(CODE_PREFIX);
        self.write("making a sign-in link")
            .run(
                Sql::new(INSERT_CODE)
                    .with(hash(code.expose()))
                    .with(org.uuid())
                    .with(expires_at.micros()),
            )
            .await
            .map(|_| ())?;
        Ok(code)
    }

    /// Takes a code for a session that lasts until `ends`. A code that was used or has
    /// expired is not found.
    pub async fn exchange_console_code(
        &self,
        code: &str,
        ends: Timestamp,
    ) -> StoreResult<(ConsoleSession, Secret)> {
        let now = self.clock.now();
        let (id, secret) = (SessionId::mint(now), mint_secret(SESSION_PREFIX));
        let mut tx = self.begin("exchanging a code").await?;
        // Deleting it is what makes it good for once: of two at a time one finds it.
        let org: Option<Uuid> = tx
            .optional_scalar(Sql::new(USE_CODE).with(hash(code)).with(now.micros()))
            .await?;
        if let Some(org) = org {
            tx.run(
                Sql::new(INSERT)
                    .with(id.uuid())
                    .with(org)
                    .with(hash(secret.expose()))
                    .with(now.micros())
                    .with(ends.micros()),
            )
            .await?;
        }
        tx.commit().await?;
        let org_id = OrgId::from_uuid(org.ok_or(StoreError::NotFound(Entity::Code))?);
        let session = ConsoleSession {
            id,
            org_id,
            expires_at: ends,
        };
        Ok((session, secret))
    }

    /// The session that this token opens, if it still works.
    pub async fn console_session(&self, token: &str) -> StoreResult<Option<ConsoleSession>> {
        let row: Option<(Uuid, Uuid, i64)> = self
            .read("looking a session up")
            .optional(
                Sql::new(BY_TOKEN)
                    .with(hash(token))
                    .with(self.clock.now().micros()),
            )
            .await?;
        Ok(row.map(|(id, org, expires_at)| ConsoleSession {
            id: SessionId::from_uuid(id),
            org_id: OrgId::from_uuid(org),
            expires_at: Timestamp::from_micros(expires_at),
        }))
    }

    /// Stops a session from working. Ending it again changes nothing.
    pub async fn end_console_session(&self, id: SessionId) -> StoreResult<()> {
        let now = self.clock.now();
        let mut tx = self.begin("ending a session").await?;
        tx.run(Sql::new(END).with(id.uuid())).await?;
        record_change(&mut tx, ChangeKind::Key, id.uuid(), now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Key, id.uuid());
        Ok(())
    }

    /// Forgets what has expired, at most `chunk` of each kind. Says how many.
    pub(crate) async fn expire_sessions(&self, now: Timestamp, chunk: i64) -> StoreResult<u64> {
        let mut removed = 0;
        for text in [EXPIRE_SESSIONS, EXPIRE_CODES] {
            removed += self
                .write("forgetting sessions")
                .run(Sql::new(text).with(now.micros()).with(chunk))
                .await?;
        }
        Ok(removed)
    }

    /// The organisation's name.
    pub async fn org_name(&self, id: OrgId) -> StoreResult<String> {
        let name: Option<String> = self
            .read("reading an organisation")
            .optional_scalar(Sql::new(ORG_NAME).with(id.uuid()))
            .await?;
        name.ok_or(StoreError::NotFound(Entity::Organisation))
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[
        INSERT_CODE,
        USE_CODE,
        INSERT,
        BY_TOKEN,
        END,
        ORG_NAME,
        EXPIRE_SESSIONS,
        EXPIRE_CODES,
    ],
    ..Statements::NONE
};
