//! Reading an answer within bounds, whatever a receiver sends.

use bytes::Bytes;
use http::HeaderMap;
use postrider_domain::FailureKind;
use reqwest::Response;

use super::classify;

/// Bytes of a body that are kept.
pub const BODY_KEPT: usize = 16 * 1024;
/// Bytes of a body that are read; then the connection is dropped.
pub const BODY_READ: usize = 64 * 1024;
/// The most bytes of header fields in an answer.
const HEADER_BYTES_READ: usize = 64 * 1024;
const HEADERS_KEPT: usize = 64;
const HEADER_BYTES_KEPT: usize = 8 * 1024;

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header fields in the order they came, values as text (bytes that are not
    /// UTF-8 replaced): at most 64 and 8 KiB.
    pub headers: Vec<(String, String)>,
    /// The body as it came, at most 16 KiB.
    pub body: Bytes,
    /// Whether there was more of the body than is kept.
    pub truncated: bool,
}

/// Reads the rest of an answer. An endless body ends at [`BODY_READ`]. A body that
/// breaks off makes a 2xx a failure; another status is a failure anyway, and kept.
pub(super) async fn read(
    mut response: Response,
    https: bool,
) -> Result<Answer, (FailureKind, String)> {
    let status = response.status();
    if size(response.headers()) > HEADER_BYTES_READ {
        return Err((
            FailureKind::Oversized,
            format!(
                "the header fields of the answer (status {}) take more than 64 KiB",
                status.as_u16()
            ),
        ));
    }
    let headers = kept(response.headers());
    let mut body = Vec::new();
    let mut read = 0;
    let mut whole = false;
    while read < BODY_READ {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                read += chunk.len();
                let room = BODY_KEPT - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) => {
                whole = true;
                break;
            }
            Err(error) if status.is_success() => return Err(classify::transport(&error, https)),
            Err(_) => break,
        }
    }
    Ok(Answer {
        status: status.as_u16(),
        headers,
        truncated: !whole || read > body.len(),
        body: body.into(),
    })
}

fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = HEADER_BYTES_KEPT;
    headers
        .iter()
        .take(HEADERS_KEPT)
        .map_while(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            room = room.checked_sub(name.as_str().len() + value.len())?;
            Some((name.as_str().to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(n: usize, len: usize) -> HeaderMap {
        (0..n)
            .map(|i| {
                let name: HeaderName = format!("x-{i:04}").parse().unwrap();
                (name, HeaderValue::from_str(&"v".repeat(len)).unwrap())
            })
            .collect()
    }

    #[test]
    fn at_most_64_headers_and_8_kib_of_them_are_kept() {
        assert_eq!(kept(&headers(90, 1)).len(), 64);
        assert_eq!(kept(&headers(9, 1018)).len(), 8);
        assert_eq!(kept(&headers(1, 9000)), []);
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_kept_as_far_as_it_can_be_read() {
        let mut map = HeaderMap::new();
        map.insert("x-a", HeaderValue::from_bytes(b"a\xffb").unwrap());
        assert_eq!(kept(&map), [("x-a".to_owned(), "a\u{fffd}b".to_owned())]);
    }
}
