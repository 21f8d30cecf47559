//! Sessions of the console, and the codes of its sign-in links. Of both only a hash is
//! stored.

use postrider_domain::{OrgId, SessionId, Timestamp};
use uuid::Uuid;

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::key::{hash, mint_secret};
use crate::secret::Secret;
use crate::{Store, StoreError, StoreResult};

/// What every session's token begins with.
pub const SESSION_PREFIX: &str = "prs_";
/// What every code begins with.
const CODE_PREFIX: &str = "prl_";

/// A session as stored: never its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSession {
    /// Its id.
    pub id: SessionId,
    /// The organisation that it speaks for.
    pub org_id: OrgId,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Store {
    /// Makes a code that is good for one session of this organisation until `expires_at`.
    pub async fn create_console_code(
        &self,
        org: OrgId,
        expires_at: Timestamp,
    ) -> StoreResult<Secret> {
        let code = mint_secret(CODE_PREFIX);
        write!(self, "making a sign-in link", pool => sqlx::query(
            "insert into console_code (hash, org_id, expires_at) values ($1, $2, $3)",
        ).bind(hash(code.expose())).bind(org.uuid()).bind(expires_at.micros())
        .execute(pool).await.map(|_| ()))?;
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
        let org: Option<Uuid> = transaction!(self, "exchanging a code", conn => {
            let wrong = wrong("exchanging a code");
            // Deleting it is what makes it good for once: of two at a time one finds it.
            let org: Option<Uuid> = sqlx::query_scalar(
                "delete from console_code where hash = $1 and expires_at > $2 returning org_id",
            ).bind(hash(code)).bind(now.micros()).fetch_optional(&mut *conn).await.map_err(wrong)?;
            if let Some(org) = org {
                sqlx::query(
                    "insert into console_session (id, org_id, hash, created_at, expires_at) values ($1, $2, $3, $4, $5)",
                ).bind(id.uuid()).bind(org).bind(hash(secret.expose())).bind(now.micros()).bind(ends.micros())
                .execute(&mut *conn).await.map_err(wrong)?;
            }
            Ok(org)
        })?;
        let org_id = OrgId::from_uuid(org.ok_or(StoreError::NotFound("code"))?);
        let session = ConsoleSession {
            id,
            org_id,
            expires_at: ends,
        };
        Ok((session, secret))
    }

    /// The session that this token opens, if it still works.
    pub async fn console_session(&self, token: &str) -> StoreResult<Option<ConsoleSession>> {
        let row: Option<(Uuid, Uuid, i64)> = read!(self, "looking a session up", pool => sqlx::query_as(
            "select id, org_id, expires_at from console_session where hash = $1 and expires_at > $2",
        ).bind(hash(token)).bind(self.clock.now().micros()).fetch_optional(pool).await)?;
        Ok(row.map(|(id, org, expires_at)| ConsoleSession {
            id: SessionId::from_uuid(id),
            org_id: OrgId::from_uuid(org),
            expires_at: Timestamp::from_micros(expires_at),
        }))
    }

    /// Stops a session from working. Ending it again changes nothing.
    pub async fn end_console_session(&self, id: SessionId) -> StoreResult<()> {
        let now = self.clock.now();
        transaction!(self, "ending a session", conn => {
            let wrong = wrong("ending a session");
            sqlx::query("delete from console_session where id = $1")
                .bind(id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            tell!(conn, wrong, ChangeKind::Key, id.uuid(), now);
            Ok(())
        })?;
        self.announce(ChangeKind::Key, id.uuid());
        Ok(())
    }

    /// Forgets what has expired, at most `chunk` of each kind. Says how many.
    pub(crate) async fn expire_sessions(&self, now: Timestamp, chunk: i64) -> StoreResult<u64> {
        let mut removed = 0;
        for text in [
            "delete from console_session where id in (select id from console_session where expires_at <= $1 limit $2)",
            "delete from console_code where hash in (select hash from console_code where expires_at <= $1 limit $2)",
        ] {
            removed += write!(self, "forgetting sessions", pool => sqlx::query(text)
                .bind(now.micros()).bind(chunk).execute(pool).await.map(|done| done.rows_affected()))?;
        }
        Ok(removed)
    }

    /// The organisation's name.
    pub async fn org_name(&self, id: OrgId) -> StoreResult<String> {
        let name: Option<String> = read!(self, "reading an organisation", pool => sqlx::query_scalar(
            "select name from org where id = $1",
        ).bind(id.uuid()).fetch_optional(pool).await)?;
        name.ok_or(StoreError::NotFound("organisation"))
    }
}
