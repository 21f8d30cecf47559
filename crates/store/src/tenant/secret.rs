//! Signing secrets of endpoints, sealed at rest, and their rotation.

use std::time::Duration;

use postrider_domain::{AppId, EndpointId, SchemeKind, SecretId, Timestamp};
use uuid::Uuid;

use crate::cache::change::config_changed;
use crate::engine::Store;
use crate::engine::cipher::Cipher;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::news::ChangeKind;
use crate::engine::row;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::secret::{Secret, open, seal};

/// How many replaced secrets may sign beside the current one.
const MAX_REPLACED: usize = 10;

/// One signing secret of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    pub id: SecretId,
    /// Which schemes sign with it.
    pub scheme: SchemeKind,
    /// The secret as it was given: with its prefix, for the standard scheme.
    pub text: Secret,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops signing; the current secret has no end.
    pub expires_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    scheme: i16,
    secret: Vec<u8>,
    created_at: i64,
    expires_at: Option<i64>,
}

/// A secret to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// Which schemes sign with it.
    pub scheme: SchemeKind,
    /// The secret as it was given.
    pub text: Secret,
}

/// A new secret, ready for its row.
pub(crate) struct Sealed {
    pub(crate) id: SecretId,
    pub(crate) scheme: SchemeKind,
    pub(crate) bytes: Vec<u8>,
}

/// Encrypts new secrets for their rows.
pub(crate) fn seal_all(
    cipher: &Cipher,
    secrets: &[NewSecret],
    now: Timestamp,
) -> StoreResult<Vec<Sealed>> {
    secrets
        .iter()
        .map(|secret| {
            let id = SecretId::mint(now);
            Ok(Sealed {
                id,
                scheme: secret.scheme,
                bytes: seal(cipher, id, secret.text.expose())?,
            })
        })
        .collect()
}

const LIVE: &str = "select id, scheme, secret, created_at, expires_at from endpoint_secret \
    where endpoint_id = $1 and (expires_at is null or expires_at > $2) \
    order by (case when expires_at is null then 0 else 1 end), expires_at desc, id desc";
const COUNT_REPLACED: &str = "select (select count(*) from endpoint_secret s where s.endpoint_id = e.id and s.scheme = $4 and s.expires_at > $3) \
    from endpoint e where e.id = $1 and e.app_id = $2 and e.deleted_at is null";
const REMOVE_EXPIRED: &str =
    "delete from endpoint_secret where endpoint_id = $1 and expires_at <= $2";
const REPLACE: &str = "update endpoint_secret set expires_at = $2 where endpoint_id = $1 and scheme = $3 and expires_at is null";

impl Store {
    /// The secrets that sign now: the current ones first, one for each kind of scheme,
    /// then the replaced ones that are still in their grace, latest end first. Among them
    /// are those of schemes that the endpoint had and has no more.
    pub async fn secrets(&self, endpoint: EndpointId) -> StoreResult<Vec<StoredSecret>> {
        let rows: Vec<Row> = self
            .read("reading signing secrets")
            .all(
                Sql::new(LIVE)
                    .with(endpoint.uuid())
                    .with(self.clock.now().micros()),
            )
            .await?;
        rows.into_iter()
            .map(|row| {
                let id = SecretId::from_uuid(row.id);
                Ok(StoredSecret {
                    id,
                    scheme: row::code("endpoint_secret", "scheme", id, row.scheme)?,
                    text: open(&self.cipher, id, &row.secret)?,
                    created_at: Timestamp::from_micros(row.created_at),
                    expires_at: row.expires_at.map(Timestamp::from_micros),
                })
            })
            .collect()
    }

    /// Makes `new` the current secret of its kind of scheme. The one before signs beside
    /// it for `grace`; the grace of those before that one stays as it was. More than ten
    /// replaced secrets of the kind in their grace are a conflict on `live_secrets`.
    pub async fn rotate_secret(
        &self,
        app: AppId,
        endpoint: EndpointId,
        new: &NewSecret,
        grace: Duration,
    ) -> StoreResult<()> {
        let now = self.clock.now();
        let id = SecretId::mint(now);
        let sealed = seal(&self.cipher, id, new.text.expose())?;
        let scheme = new.scheme.code();
        let mut tx = self.begin("rotating a signing secret").await?;
        config_changed(&mut tx, app, now).await?;
        let live: Option<i64> = tx
            .optional_scalar(
                Sql::new(COUNT_REPLACED)
                    .with(endpoint.uuid())
                    .with(app.uuid())
                    .with(now.micros())
                    .with(scheme),
            )
            .await?;
        let live = live.ok_or(StoreError::NotFound(Entity::Endpoint))?;
        if usize::try_from(live).unwrap_or(usize::MAX) >= MAX_REPLACED {
            return Err(StoreError::Conflict(Refusal::LiveSecrets));
        }
        tx.run(
            Sql::new(REMOVE_EXPIRED)
                .with(endpoint.uuid())
                .with(now.micros()),
        )
        .await?;
        tx.run(
            Sql::new(REPLACE)
                .with(endpoint.uuid())
                .with(now.plus(grace).micros())
                .with(scheme),
        )
        .await?;
        tx.run(
            Sql::new(INSERT)
                .with(id.uuid())
                .with(endpoint.uuid())
                .with(&sealed)
                .with(now.micros())
                .with(scheme),
        )
        .await?;
        tx.commit().await?;
        self.announce(ChangeKind::App, app.uuid());
        Ok(())
    }
}

/// Bind id, endpoint, sealed secret, now and kind of scheme.
pub(crate) const INSERT: &str = "insert into endpoint_secret (id, endpoint_id, secret, created_at, scheme) \
    values ($1, $2, $3, $4, $5)";

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[LIVE, COUNT_REPLACED, REMOVE_EXPIRED, REPLACE, INSERT],
    ..Statements::NONE
};
