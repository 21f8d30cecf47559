//! `idempotency-key` on POST: the same request again gets the first one's answer.
//!
//! Publishing keeps its keys in the message's own transaction; every other POST keeps
//! its answer here, sealed by the store, for 12 hours.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use postrider_domain::{AppId, KeyId, OrgId, Timestamp};
use postrider_store::{Begin, PublishKey, Store};
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::error::{ApiError, ApiResult, Code, Fault, VALUE_ERROR};

const HEADER: &str = "idempotency-key";
/// The most bytes of a key.
const MAX_KEY: usize = 256;
/// How often and how many times a request asks whether its twin is through: 5 s in all.
const POLL: Duration = Duration::from_millis(100);
const POLLS: u32 = 50;

/// The header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyHeader(String);

impl IdempotencyHeader {
    /// Reads the header, if there is one.
    pub(crate) fn read(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        let Some(value) = headers.get(HEADER) else {
            return Ok(None);
        };
        match value.to_str() {
            Ok(text) if (1..=MAX_KEY).contains(&text.len()) => Ok(Some(Self(text.to_owned()))),
            _ => Err(ApiError::invalid(vec![Fault::new(
                &["header", HEADER],
                format!(
                    "{} bytes that are no key: give 1 to {MAX_KEY} printable ASCII characters, such as a UUID",
                    value.len()
                ),
                VALUE_ERROR,
            )])),
        }
    }

    /// The key of a publish.
    pub(crate) fn of_publish(
        &self,
        (org, app): (OrgId, AppId),
        body: &[u8],
        now: Timestamp,
    ) -> PublishKey {
        let (org, app) = (org.uuid(), app.uuid());
        PublishKey {
            key: digest(&[org.as_bytes(), app.as_bytes(), self.0.as_bytes()]),
            body_hash: digest(&[body]),
            expires_at: now.plus(self.keep()),
        }
    }

    /// The key of a message at this place of a batch, `message` as it was sent.
    pub(crate) fn of_place(
        &self,
        (org, app): (OrgId, AppId),
        place: usize,
        message: &[u8],
        now: Timestamp,
    ) -> PublishKey {
        let (org, app) = (org.uuid(), app.uuid());
        let place = (place as u64).to_be_bytes();
        // Longer than a key of one message by the word and the place, and no header holds
        // these zeros.
        let parts: [&[u8]; 5] = [
            org.as_bytes(),
            app.as_bytes(),
            b"\0batch\0",
            &place,
            self.0.as_bytes(),
        ];
        PublishKey {
            key: digest(&parts),
            body_hash: digest(&[message]),
            expires_at: now.plus(self.keep()),
        }
    }

    fn of_request(&self, caller: KeyId, path: &str) -> [u8; 16] {
        let length = (path.len() as u64).to_be_bytes();
        let caller = caller.uuid();
        // The path's length keeps path and key apart.
        digest(&[
            caller.as_bytes(),
            &length,
            path.as_bytes(),
            self.0.as_bytes(),
        ])
    }

    /// Keys that client libraries mint by themselves serve their own retries only.
    fn keep(&self) -> Duration {
        if self.0.starts_with("auto_") {
            Duration::from_mins(10)
        } else {
            Duration::from_hours(12)
        }
    }
}

/// The first 16 bytes of SHA-256 over the parts.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}

/// The kept answer of this request's twin, or `work`'s, which is kept if it is a success.
pub(crate) async fn once<F>(
    store: Store,
    header: IdempotencyHeader,
    caller: KeyId,
    path: String,
    body: Bytes,
    work: F,
) -> ApiResult<Answer>
where
    F: Future<Output = ApiResult<Answer>> + Send + 'static,
{
    let key = header.of_request(caller, &path);
    let keep = header.keep();
    if let Some(answer) = begin(&store, key, digest(&[&body])).await? {
        return Ok(answer);
    }
    // A task of its own: a client that hangs up must not leave the key open.
    let task = tokio::spawn(async move {
        let outcome = work.await;
        finish(&store, key, keep, &outcome).await;
        outcome
    });
    match task.await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(ApiError::internal(error)),
        },
    }
}

/// The answer of the twin, once there is one; nothing if this request is the first.
async fn begin(store: &Store, key: [u8; 16], body_hash: [u8; 16]) -> ApiResult<Option<Answer>> {
    for _ in 0..POLLS {
        match store
            .begin_answer(key, body_hash, store.clock().now())
            .await?
        {
            Begin::Fresh => return Ok(None),
            Begin::InFlight => tokio::time::sleep(POLL).await,
            Begin::Answered { status, body } => {
                let status = StatusCode::from_u16(status).map_err(ApiError::internal)?;
                return Ok(Some(Answer::raw(status, body.into())));
            }
            Begin::Mismatch => return Err(mismatch()),
        }
    }
    Err(ApiError::new(
        Code::Conflict,
        "Another request with this idempotency key is still running: wait for its answer, then repeat",
    ))
}

/// The key came before, with another body.
pub(crate) fn mismatch() -> ApiError {
    ApiError::new(
        Code::IdempotencyMismatch,
        "This idempotency key was used with another body: repeat the first body, or take a new key",
    )
}

/// Keeps a success; frees the key after a failure.
async fn finish(store: &Store, key: [u8; 16], keep: Duration, outcome: &ApiResult<Answer>) {
    let kept = match outcome {
        Ok(answer) => {
            store
                .finish_answer(key, answer.status.as_u16(), &answer.body, keep)
                .await
        }
        Err(_) => store.abandon_answer(key).await,
    };
    if let Err(error) = kept {
        // What was done is done, and the key frees itself after a while.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "cannot keep an answer under its idempotency key"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> IdempotencyHeader {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, text.parse().unwrap());
        IdempotencyHeader::read(&headers).unwrap().unwrap()
    }

    #[test]
    fn a_key_is_1_to_256_printable_characters() {
        assert_eq!(IdempotencyHeader::read(&HeaderMap::new()).unwrap(), None);
        for bad in [&b""[..], b"\xff", &[b'x'; 257]] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, http::HeaderValue::from_bytes(bad).unwrap());
            let error = IdempotencyHeader::read(&headers).unwrap_err();
            assert_eq!(error.faults()[0].loc, ["header", "idempotency-key"]);
        }
    }

    #[test]
    fn a_key_belongs_to_its_caller_and_path() {
        let ids: Vec<KeyId> = (0..2)
            .map(|_| KeyId::mint(postrider_domain::Timestamp::from_seconds(1)))
            .collect();
        let first = header("k").of_request(ids[0], "/a");
        assert_eq!(first, header("k").of_request(ids[0], "/a"));
        assert_ne!(first, header("k").of_request(ids[1], "/a"));
        assert_ne!(first, header("k").of_request(ids[0], "/b"));
        assert_ne!(
            header("b").of_request(ids[0], "/a"),
            header("ab").of_request(ids[0], "/")
        );
    }

    #[test]
    fn keys_of_client_libraries_live_shorter() {
        assert_eq!(header("auto_1").keep(), Duration::from_mins(10));
        assert_eq!(header("order-1").keep(), Duration::from_hours(12));
    }
}
