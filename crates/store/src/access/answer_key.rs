//! Idempotency of every POST but publishing: who began, and what the answer was.
//! Publishing has its own, in the message's transaction.

use std::time::Duration;

use postrider_domain::Timestamp;
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::row::corrupt;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// What answers are sealed for.
const PLACE: &str = "answer_key.answer";
/// Whoever began and has said nothing for so long has died.
const STALE: Duration = Duration::from_secs(30);

/// What a request with an idempotency key finds.
#[derive(Clone, PartialEq, Eq)]
pub enum Begin {
    /// Nobody was here: do the work, then finish or abandon.
    Fresh,
    /// Another request with this key is at work.
    InFlight,
    /// The work was done and answered so.
    Answered {
        /// The answer's HTTP status.
        status: u16,
        /// The answer's body.
        body: Vec<u8>,
    },
    /// The key was used with another body.
    Mismatch,
}

impl std::fmt::Debug for Begin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An answer may hold a secret that was just made.
        match self {
            Self::Fresh => f.write_str("Fresh"),
            Self::InFlight => f.write_str("InFlight"),
            Self::Answered { status, .. } => f
                .debug_tuple("Answered")
                .field(status)
                .finish_non_exhaustive(),
            Self::Mismatch => f.write_str("Mismatch"),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    body_hash: Vec<u8>,
    status: Option<i16>,
    answer: Option<Vec<u8>>,
}

/// Takes the key if it is free, expired, or its holder has died. Bind key, body hash,
/// now, the end if nobody finishes, and the time before which a beginning is stale.
const TAKE: &str = "insert into answer_key (key, body_hash, created_at, expires_at) values ($1, $2, $3, $4) \
    on conflict (key) do update set body_hash = excluded.body_hash, status = null, answer = null, \
    created_at = excluded.created_at, expires_at = excluded.expires_at \
    where answer_key.expires_at <= $3 or (answer_key.status is null and answer_key.created_at <= $5)";

const KEPT: &str = "select body_hash, status, answer from answer_key where key = $1";
const FINISH: &str = "update answer_key set status = $2, answer = $3, expires_at = $4 where key = $1 and status is null";
const ABANDON: &str = "delete from answer_key where key = $1 and status is null";

impl Store {
    /// Begins the work of a request with this key, unless somebody else has.
    pub async fn begin_answer(
        &self,
        key: [u8; 16],
        body_hash: [u8; 16],
        now: Timestamp,
    ) -> StoreResult<Begin> {
        let (end, stale) = (now.plus(STALE * 2), now.minus(STALE));
        let mut tx = self.begin("taking an idempotency key").await?;
        let taken = tx
            .run(
                Sql::new(TAKE)
                    .with(key.as_slice())
                    .with(body_hash.as_slice())
                    .with(now.micros())
                    .with(end.micros())
                    .with(stale.micros()),
            )
            .await?;
        if taken > 0 {
            tx.commit().await?;
            return Ok(Begin::Fresh);
        }
        let row: Option<Row> = tx.optional(Sql::new(KEPT).with(key.as_slice())).await?;
        tx.commit().await?;
        let Some(row) = row else {
            return Ok(Begin::Fresh);
        };
        if row.body_hash != body_hash {
            return Ok(Begin::Mismatch);
        }
        let (Some(status), Some(answer)) = (row.status, row.answer) else {
            return Ok(Begin::InFlight);
        };
        let id = Uuid::from_bytes(key);
        Ok(Begin::Answered {
            status: u16::try_from(status).map_err(|_| corrupt("answer_key", "status", id))?,
            body: self.cipher.open(PLACE, id, &answer)?,
        })
    }

    /// Keeps the answer for `keep`. If two did the work, the first answer stands.
    pub async fn finish_answer(
        &self,
        key: [u8; 16],
        status: u16,
        body: &[u8],
        keep: Duration,
    ) -> StoreResult<()> {
        let id = Uuid::from_bytes(key);
        let status = i16::try_from(status).map_err(|_| corrupt("answer_key", "status", id))?;
        let answer = self.cipher.seal(PLACE, id, body)?;
        let end = self.clock.now().plus(keep);
        self.write("keeping an answer")
            .run(
                Sql::new(FINISH)
                    .with(key.as_slice())
                    .with(status)
                    .with(&answer)
                    .with(end.micros()),
            )
            .await
            .map(|_| ())
    }

    /// Frees a key whose work failed, so that it can be tried again.
    pub async fn abandon_answer(&self, key: [u8; 16]) -> StoreResult<()> {
        self.write("freeing an idempotency key")
            .run(Sql::new(ABANDON).with(key.as_slice()))
            .await
            .map(|_| ())
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[TAKE, KEPT, FINISH, ABANDON],
    ..Statements::NONE
};
