//! The request that is posted over and over: built once, patched per message.

use uuid::Uuid;

/// Bytes of every request's body.
pub(super) const BODY: usize = 1024;

/// What comes before the sixteen hexadecimal digits of a message's number.
const MARK: &[u8] = b"\"seq\":\"";
const DIGITS: usize = 16;
/// The mark is looked for among this many first bytes of a body.
const NEAR: usize = 64;

/// A whole request, with room for the idempotency key and the number of the message.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    key_at: usize,
    number_at: usize,
}

impl Template {
    /// A publish to the application `app`, signed in with `key`, at the server `host`.
    pub(super) fn new(host: &str, app: &str, key: &str) -> Self {
        let mut body = b"{\"eventType\":\"bench.event\",\"payload\":{".to_vec();
        body.extend_from_slice(MARK);
        let number_in_body = body.len();
        body.extend_from_slice(&[b'0'; DIGITS]);
        body.extend_from_slice(b"\",\"filler\":\"");
        let end = b"\"}}";
        body.resize(BODY - end.len(), b'x');
        body.extend_from_slice(end);

        let mut bytes = format!(
            "POST /api/v1/app/{app}/msg HTTP/1.1\r\nhost: {host}\r\n\
             authorization: Bearer {key}\r\nuser-agent: postrider-bench\r\n\
             accept: application/json\r\ncontent-type: application/json\r\n\
             content-length: {BODY}\r\nidempotency-key: auto_"
        )
        .into_bytes();
        let key_at = bytes.len();
        bytes.extend_from_slice(Uuid::nil().hyphenated().to_string().as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        let number_at = bytes.len() + number_in_body;
        bytes.extend_from_slice(&body);
        Self {
            bytes,
            key_at,
            number_at,
        }
    }

    /// The request for message `number`, under an idempotency key that no other has: drawn
    /// at random as the official clients do, because neighbours would spare an index.
    pub(super) fn stamp(&mut self, number: u64) -> &[u8] {
        let key_end = self.key_at + uuid::fmt::Hyphenated::LENGTH;
        if let Some(key) = self.bytes.get_mut(self.key_at..key_end) {
            Uuid::new_v4().hyphenated().encode_lower(key);
        }
        if let Some(digits) = self.bytes.get_mut(self.number_at..self.number_at + DIGITS) {
            write_hex(digits, number);
        }
        &self.bytes
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
    use super::super::wire;
    use super::*;

    #[test]
    fn a_stamped_request_is_whole_and_tells_its_number() {
        let mut template = Template::new("127.0.0.1:1", "app_1", "prk_1");
        for wanted in [0, 1, 0xdead_beef, u64::MAX] {
            let request = template.stamp(wanted).to_vec();
            let head = wire::head(&request).unwrap().unwrap();
            assert_eq!((head.length, head.total()), (BODY, request.len()));
            let body = &request[head.end..];
            assert_eq!(number(body), Some(wanted));
            let body: serde_json::Value = serde_json::from_slice(body).unwrap();
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
        let mut template = Template::new("127.0.0.1:1", "app_1", "prk_1");
        let one = template.stamp(1).to_vec();
        assert_ne!(one, template.stamp(1));
    }
}
