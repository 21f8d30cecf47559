//! The id that a request goes by in answers and logs.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header of every answer.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// What the official clients call theirs.
const CLIENTS_HEADER: &str = "svix-req-id";
/// The most bytes of an id that a client brings.
const MAX: usize = 64;

/// The client's own id if it is one, else a new one.
pub(crate) fn of(headers: &HeaderMap) -> HeaderValue {
    headers
        .get(HEADER)
        .or_else(|| headers.get(CLIENTS_HEADER))
        .filter(|value| is_id(value.as_bytes()))
        .cloned()
        .unwrap_or_else(new)
}

fn is_id(bytes: &[u8]) -> bool {
    (1..=MAX).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn new() -> HeaderValue {
    let mut text = [0; uuid::fmt::Simple::LENGTH];
    let text = Uuid::new_v4().simple().encode_lower(&mut text);
    // Hexadecimal digits are always a header's value.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_echoed_if_it_is_harmless() {
        let mut headers = HeaderMap::new();
        headers.insert("svix-req-id", "123".parse().unwrap());
        assert_eq!(of(&headers), "123");
        headers.insert(HEADER, "a-B_c.9".parse().unwrap());
        assert_eq!(of(&headers), "a-B_c.9");
        for bad in ["", "a b", "<x>", &"x".repeat(65)] {
            headers.insert(HEADER, bad.parse().unwrap());
            assert_eq!(of(&headers).len(), 32, "{bad}");
        }
    }
}
