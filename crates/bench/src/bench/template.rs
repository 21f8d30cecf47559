//! The request that is posted over and over: built once, stamped per message.

use std::io;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, Request};
use http_body_util::Full;
use uuid::Uuid;

/// Bytes of every request's body.
pub(super) const BODY: usize = 1024;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What comes before the sixteen hexadecimal digits of a message's number.
const MARK: &[u8] = b"\"seq\":\"";
const DIGITS: usize = 16;
/// The mark is looked for among this many first bytes of a body.
const NEAR: usize = 64;

/// A whole request but for its idempotency key and the number of its message.
#[derive(Clone, Debug)]
pub(super) struct Template {
    head: Parts,
    body: Vec<u8>,
    number_at: usize,
}

impl Template {
    /// A publish to the application `app`, signed in with `key`, at the server `host`.
    ///
    /// # Errors
    /// Names that no path or header can hold.
    pub(super) fn new(host: &str, app: &str, key: &str) -> io::Result<Self> {
        let mut body = b"{\"eventType\":\"bench.event\",\"payload\":{".to_vec();
        body.extend_from_slice(MARK);
        let number_at = body.len();
        body.extend_from_slice(&[b'0'; DIGITS]);
        body.extend_from_slice(b"\",\"filler\":\"");
        let end = b"\"}}";
        body.resize(BODY - end.len(), b'x');
        body.extend_from_slice(end);

        let (head, ()) = Request::post(format!("/api/v1/app/{app}/msg"))
            .header(HOST, host)
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .header(USER_AGENT, "postrider-bench")
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(())
            .map_err(io::Error::other)?
            .into_parts();
        Ok(Self {
            head,
            body,
            number_at,
        })
    }

    /// The request for message `number`, under an idempotency key that no other has: drawn
    /// at random as the official clients do, because neighbours would spare an index.
    pub(super) fn stamp(&self, number: u64) -> io::Result<Request<Full<Bytes>>> {
        let key = format!("auto_{}", Uuid::new_v4().hyphenated());
        let key = HeaderValue::from_maybe_shared(Bytes::from(key)).map_err(io::Error::other)?;
        let mut head = self.head.clone();
        head.headers.insert(KEY, key);
        let mut body = self.body.clone();
        if let Some(digits) = body.get_mut(self.number_at..self.number_at + DIGITS) {
            write_hex(digits, number);
        }
        Ok(Request::from_parts(head, Full::from(body)))
    }
}

/// The number in a body made by [`Template`], or in its payload alone.
pub(super) fn number(body: &[u8]) -> Option<u64> {
    let near = body.get(..NEAR.min(body.len()))?;
    let at = near.windows(MARK.len()).position(|part| part == MARK)?;
    let start = at + MARK.len();
    let digits = body.get(start..start + DIGITS)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn write_hex(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        let nibble = (number & 15) as u8;
        *digit = if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        };
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_stamped_request_is_whole_and_tells_its_number() {
        let template = Template::new("127.0.0.1:1", "app_1", "prk_1").unwrap();
        for wanted in [0, 1, 0xdead_beef, u64::MAX] {
            let request = template.stamp(wanted).unwrap();
            assert_eq!(request.uri(), "/api/v1/app/app_1/msg");
            assert_eq!(request.headers()[HOST], "127.0.0.1:1");
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), BODY);
            assert_eq!(number(&body), Some(wanted));
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let payload = serde_json::to_vec(&body["payload"]).unwrap();
            assert!(payload.len() < BODY);
        }
    }

    #[test]
    fn a_payload_alone_tells_its_number_too() {
        let payload = br#"{"seq":"00000000000000ff","filler":"x"}"#;
        assert_eq!(number(payload), Some(255));
        assert_eq!(number(b"{}"), None);
        assert_eq!(number(br#"{"seq":"zz"#), None);
    }

    #[test]
    fn no_two_requests_share_an_idempotency_key() {
        let template = Template::new("127.0.0.1:1", "app_1", "prk_1").unwrap();
        let key = || template.stamp(1).unwrap().headers()[KEY].clone();
        assert_ne!(key(), key());
    }
}
