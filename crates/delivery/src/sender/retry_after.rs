//! The `Retry-After` header (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use postrider_domain::Timestamp;

/// How long the header asks to wait from `now`: whole seconds, or until an HTTP date
/// in any of its three forms (section 5.6.7). `None` if it cannot be read; zero for
/// a date that is past.
pub(super) fn parse(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long".
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let seconds = until.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_seconds(i64::try_from(seconds).ok()?).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const DATE: i64 = 784_111_777;

    fn at(text: &str, now: i64) -> Option<u64> {
        let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
        parse(&value, Timestamp::from_seconds(now)).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(at("0", 0), Some(0));
        assert_eq!(at(" 120 ", 0), Some(120));
        assert_eq!(at("99999999999999999999999", 0), Some(u64::MAX));
    }

    #[test]
    fn dates_of_all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(at(text, DATE - 90), Some(90), "{text}");
            assert_eq!(at(text, DATE + 90), Some(0), "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_not_read() {
        for text in [
            "",
            "soon",
            "-5",
            "+5",
            "1.5",
            "0x10",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "1994-11-06",
            "\u{fc}",
        ] {
            assert_eq!(at(text, 0), None, "{text}");
        }
    }
}
