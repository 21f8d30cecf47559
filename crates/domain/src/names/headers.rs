//! The rules for custom headers of an endpoint (names and values by RFC 9110,
//! section 5).

use std::collections::BTreeSet;

use crate::Invalid;
use crate::invalid::shown;

/// The most bytes in a header's name.
pub const MAX_HEADER_NAME: usize = 128;
/// The most bytes in a header's value.
pub const MAX_HEADER_VALUE: usize = 4096;
/// The most custom headers of an endpoint.
pub const MAX_HEADERS: usize = 50;
/// The most bytes of all custom headers of an endpoint, names and values.
pub const MAX_HEADERS_BYTES: usize = 16 * 1024;

/// Names that the sender, the client or the connection sets, or that could make
/// receiver and proxy disagree about where the request ends.
const FORBIDDEN: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
/// Beginnings of names that belong to us or to proxies.
const FORBIDDEN_PREFIXES: &[&str] = &["proxy-", "svix-", "webhook-"];

/// Whether a custom header of this name is refused; case does not matter.
pub fn is_forbidden_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FORBIDDEN.contains(&name.as_str())
        || FORBIDDEN_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Checks the name of a custom header: a token (RFC 9110, section 5.6.2) that is
/// not forbidden.
pub fn check_header_name(name: &str) -> Result<(), Invalid> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(Invalid::new(format!(
            "{} is no header name: give letters, digits and `-`, at least one",
            shown(name)
        )));
    }
    if name.len() > MAX_HEADER_NAME {
        return Err(Invalid::new(format!(
            "{} has {} characters: give at most {MAX_HEADER_NAME}",
            shown(name),
            name.len()
        )));
    }
    if is_forbidden_header(name) {
        return Err(Invalid::new(format!(
            "{} cannot be set: it belongs to the delivery itself or to the connection; choose another name",
            shown(name)
        )));
    }
    Ok(())
}

/// Checks the value of a custom header: printable ASCII, spaces inside allowed, at
/// most [`MAX_HEADER_VALUE`] bytes. The text of the error does not show the value,
/// which may be a secret.
pub fn check_header_value(name: &str, value: &str) -> Result<(), Invalid> {
    if value.len() > MAX_HEADER_VALUE {
        return Err(Invalid::new(format!(
            "the value of {} has {} bytes: give at most {MAX_HEADER_VALUE}",
            shown(name),
            value.len()
        )));
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Invalid::new(format!(
            "the value of {} holds a control or non-ASCII character: give printable ASCII",
            shown(name)
        )));
    }
    if value.starts_with(' ') || value.ends_with(' ') {
        return Err(Invalid::new(format!(
            "the value of {} begins or ends with a space: remove it",
            shown(name)
        )));
    }
    Ok(())
}

/// Checks all custom headers of an endpoint: each of them, their number, their size
/// together, and that no name comes twice in different case.
pub fn check_headers<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    let mut bytes = 0;
    for (name, value) in headers {
        check_header_name(name)?;
        check_header_value(name, value)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(Invalid::new(format!(
                "{} comes twice (case does not count): keep one",
                shown(name)
            )));
        }
        bytes += name.len() + value.len();
    }
    if seen.len() > MAX_HEADERS {
        return Err(Invalid::new(format!(
            "{} headers are too many: give at most {MAX_HEADERS}",
            seen.len()
        )));
    }
    if bytes > MAX_HEADERS_BYTES {
        return Err(Invalid::new(format!(
            "the headers take {bytes} bytes together: give at most {MAX_HEADERS_BYTES}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_pass_as_names() {
        for name in [
            "X-Api-Key",
            "authorization",
            "a",
            "x!#$%&'*+-.^_`|~",
            "Cookie",
        ] {
            assert_eq!(check_header_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for name in [
            "", "a b", "a:", "a\r\nb", "é", "a(b)", "\"a\"", "a\0", ":path",
        ] {
            assert!(check_header_name(name).is_err(), "{name:?}");
        }
        assert!(check_header_name(&"x".repeat(129)).is_err());
    }

    #[test]
    fn names_that_belong_to_the_delivery_or_the_connection_are_refused_in_any_case() {
        for name in [
            "Host",
            "content-length",
            "Content-Type",
            "Transfer-Encoding",
            "CONNECTION",
            "te",
            "Trailer",
            "upgrade",
            "expect",
            "Keep-Alive",
            "Proxy-Authorization",
            "proxy-connection",
            "User-Agent",
            "Webhook-Id",
            "webhook-anything",
            "SVIX-signature",
            "Accept-Encoding",
        ] {
            let error = check_header_name(name).unwrap_err();
            assert!(error.msg.contains(name), "{error}");
        }
    }

    #[test]
    fn values_are_printable_ascii_without_outer_spaces() {
        for value in ["", "a b", "~!@#", "Bearer x.y.z", &"v".repeat(4096)] {
            assert_eq!(check_header_value("x", value), Ok(()), "{value}");
        }
        for value in [
            "a\r\nb: c",
            "a\0",
            "\t",
            "é",
            " a",
            "a ",
            "\u{7f}",
            &"v".repeat(4097),
        ] {
            assert!(check_header_value("x", value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn an_error_about_a_value_does_not_show_it() {
        let error = check_header_value("x-key", "s3cret\n").unwrap_err();
        assert!(error.msg.contains("x-key") && !error.msg.contains("s3cret"));
    }

    #[test]
    fn headers_are_counted_weighed_and_compared_without_case() {
        let many = |n: usize, len: usize| -> Vec<(String, String)> {
            (0..n)
                .map(|i| (format!("x-{i}"), "v".repeat(len)))
                .collect()
        };
        let check = |list: &[(String, String)]| {
            check_headers(list.iter().map(|(n, v)| (n.as_str(), v.as_str())))
        };
        assert_eq!(check(&many(50, 1)), Ok(()));
        assert!(check(&many(51, 1)).unwrap_err().msg.contains("at most 50"));
        assert_eq!(check(&many(4, 4000)), Ok(()));
        assert!(
            check(&many(5, 4000))
                .unwrap_err()
                .msg
                .contains("at most 16384")
        );
        assert!(check_headers([("X-A", "1"), ("x-a", "2")]).is_err());
        assert!(check_headers([("host", "1")]).is_err());
    }
}
