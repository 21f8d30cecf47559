//! JWTs that end before they say: they are stored nowhere else.

use postrider_domain::{AppId, Timestamp};

use crate::cache::change::record_change;
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::news::ChangeKind;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Bind application, now and the end: what was issued before now ends then. Earlier
/// rows that say no more are removed, so that few are kept.
pub(crate) const CUT_OFF: [&str; 2] = [
    "delete from jwt_cutoff where app_id = $1 and issued_before <= $2 and (ends_at >= $3 or $3 <= $2)",
    "insert into jwt_cutoff (app_id, issued_before, ends_at) values ($1, $2, $3) on conflict do nothing",
];

/// What stands for a JWT where a UUID is asked for, as in the change that says that it has
/// ended: half of the hash that names it.
pub fn jwt_id(hash: &[u8; 32]) -> uuid::Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    uuid::Uuid::from_bytes(half)
}

const END: &str = "select 0 from jwt_revoked where hash = $1 \
    union all select ends_at from jwt_cutoff where app_id = $2 and issued_before > $3";
const REVOKE: &str =
    "insert into jwt_revoked (hash, expires_at) values ($1, $2) on conflict do nothing";

impl Store {
    /// When the JWT ends by what was decided of it, if anything was: `hash` is that of
    /// what its signature covers, `app` the application that it is bound to, and
    /// `issued_at` what it says; one that does not say is older than every decision.
    pub async fn jwt_end(
        &self,
        hash: [u8; 32],
        app: Option<AppId>,
        issued_at: Option<Timestamp>,
    ) -> StoreResult<Option<Timestamp>> {
        let app = app.map(AppId::uuid);
        let issued_at = issued_at.map_or(i64::MIN, Timestamp::micros);
        let ends: Vec<(i64,)> = self
            .read("looking a JWT up")
            .all(
                Sql::new(END)
                    .with(hash.as_slice())
                    .with(app)
                    .with(issued_at),
            )
            .await?;
        Ok(ends
            .into_iter()
            .map(|(at,)| Timestamp::from_micros(at))
            .min())
    }

    /// Ends a JWT at once; the decision is kept until the JWT ends by itself.
    pub async fn revoke_jwt(
        &self,
        hash: [u8; 32],
        expires_at: Option<Timestamp>,
    ) -> StoreResult<()> {
        let now = self.clock.now();
        let id = jwt_id(&hash);
        let mut tx = self.begin("revoking a JWT").await?;
        tx.run(
            Sql::new(REVOKE)
                .with(hash.as_slice())
                .with(expires_at.map(Timestamp::micros)),
        )
        .await?;
        record_change(&mut tx, ChangeKind::Key, id, now).await?;
        tx.commit().await?;
        self.announce(ChangeKind::Key, id);
        Ok(())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[CUT_OFF[0], CUT_OFF[1], END, REVOKE],
    ..Statements::NONE
};
