//! As much of HTTP/1.1 (RFC 9112) as the bench needs on both of its ends: where a head ends
//! and how long the body after it is. Cheap, because it runs on the cores that are measured.

use std::io;

/// Where the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the head, the empty line included.
    pub(super) end: usize,
    /// Bytes of the body after it.
    pub(super) length: usize,
}

impl Head {
    /// Bytes of head and body.
    pub(super) fn total(self) -> usize {
        self.end.saturating_add(self.length)
    }
}

/// Reads the head at the beginning of `bytes`; `None` while it is incomplete.
///
/// # Errors
/// A length that is no number, and chunked bodies, which neither end needs.
pub(super) fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut at = 0;
    let mut length = 0;
    while let Some(rest) = bytes.get(at..)
        && let Some(line) = rest.iter().position(|byte| *byte == b'\n')
    {
        let text = rest.get(..line).unwrap_or_default().trim_ascii();
        at += line + 1;
        if text.is_empty() {
            return Ok(Some(Head { end: at, length }));
        }
        if let Some(value) = value(text, b"content-length:") {
            length = number(value)?;
        } else if value(text, b"transfer-encoding:").is_some() {
            return Err(io::Error::other("a chunked body, which is not expected"));
        }
    }
    Ok(None)
}

/// The status of a response's first line.
///
/// # Errors
/// A first line that is none.
pub(super) fn status(bytes: &[u8]) -> io::Result<u16> {
    bytes
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| io::Error::other("an answer that is not HTTP/1.1"))
}

fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(rest)
}

fn number(value: &[u8]) -> io::Result<usize> {
    std::str::from_utf8(value.trim_ascii())
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| io::Error::other("a content-length that is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_head_is_found_when_it_is_complete_and_not_before() {
        let end = POST.len() - 5;
        for cut in 0..end {
            assert_eq!(head(&POST[..cut]).unwrap(), None, "{cut}");
        }
        let found = head(POST).unwrap().unwrap();
        assert_eq!(found, Head { end, length: 5 });
        assert_eq!(found.total(), POST.len());
    }

    #[test]
    fn an_answer_without_length_has_no_body() {
        let bytes = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(head(bytes).unwrap().unwrap().length, 0);
        assert_eq!(status(bytes).unwrap(), 204);
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_no_guess() {
        assert!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(head(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").is_err());
        assert!(status(b"SSH-2.0-OpenSSH").is_err());
    }
}
