//! Signing secrets of endpoints, sealed at rest, and their rotation.

use std::fmt;
use std::time::Duration;

use postrider_domain::{AppId, EndpointId, SchemeKind, SecretId, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::change::ChangeKind;
use crate::error::wrong;
use crate::row::{self, bad};
use crate::{Cipher, Store, StoreError, StoreResult};

/// What secrets are sealed for.
const PLACE: &str = "endpoint_secret";
/// How many replaced secrets may sign beside the current one.
const MAX_REPLACED: usize = 10;

/// A text that is wiped from memory when dropped and never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// One signing secret of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its id.
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

/// Encrypts a secret for its row.
fn seal(cipher: &Cipher, id: SecretId, text: &str) -> StoreResult<Vec<u8>> {
    Ok(cipher.seal(PLACE, id.uuid(), text.as_bytes())?)
}

/// Decrypts a secret of its row.
fn open(cipher: &Cipher, id: SecretId, sealed: &[u8]) -> StoreResult<Secret> {
    let bytes = cipher.open(PLACE, id.uuid(), sealed)?;
    String::from_utf8(bytes)
        .map(Secret::new)
        .map_err(|_| bad("endpoint_secret", "secret", id))
}

impl Store {
    /// The secrets that sign now: the current ones first, one for each kind of scheme,
    /// then the replaced ones that are still in their grace, latest end first. Among them
    /// are those of schemes that the endpoint had and has no more.
    pub async fn secrets(&self, endpoint: EndpointId) -> StoreResult<Vec<StoredSecret>> {
        let rows: Vec<Row> = read!(self, "reading signing secrets", pool => sqlx::query_as(
            "select id, scheme, secret, created_at, expires_at from endpoint_secret \
             where endpoint_id = $1 and (expires_at is null or expires_at > $2) \
             order by (case when expires_at is null then 0 else 1 end), expires_at desc, id desc",
        ).bind(endpoint.uuid()).bind(self.clock.now().micros()).fetch_all(pool).await)?;
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
        transaction!(self, "rotating a signing secret", conn => {
            let wrong = wrong("rotating a signing secret");
            config_changed!(conn, wrong, app, now);
            let live: Option<i64> = sqlx::query_scalar(
                "select (select count(*) from endpoint_secret s where s.endpoint_id = e.id and s.scheme = $4 and s.expires_at > $3) \
                 from endpoint e where e.id = $1 and e.app_id = $2 and e.deleted_at is null",
            ).bind(endpoint.uuid()).bind(app.uuid()).bind(now.micros()).bind(scheme)
            .fetch_optional(&mut *conn).await.map_err(wrong)?;
            let live = live.ok_or(StoreError::NotFound("endpoint"))?;
            if usize::try_from(live).unwrap_or(usize::MAX) >= MAX_REPLACED {
                return Err(StoreError::Conflict("live_secrets"));
            }
            sqlx::query("delete from endpoint_secret where endpoint_id = $1 and expires_at <= $2")
                .bind(endpoint.uuid()).bind(now.micros())
                .execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query("update endpoint_secret set expires_at = $2 where endpoint_id = $1 and scheme = $3 and expires_at is null")
                .bind(endpoint.uuid()).bind(now.plus(grace).micros()).bind(scheme)
                .execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query(INSERT).bind(id.uuid()).bind(endpoint.uuid()).bind(&sealed).bind(now.micros()).bind(scheme)
                .execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })?;
        self.announce(ChangeKind::App, app.uuid());
        Ok(())
    }
}

/// Bind id, endpoint, sealed secret, now and kind of scheme.
pub(crate) const INSERT: &str = "insert into endpoint_secret (id, endpoint_id, secret, created_at, scheme) \
    values ($1, $2, $3, $4, $5)";
