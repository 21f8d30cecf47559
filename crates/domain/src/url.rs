//! The rules for an endpoint's URL.

use ::url::{Host, Url};

use crate::Invalid;
use crate::invalid::shown;

/// The most bytes in an endpoint's URL.
pub const MAX_URL: usize = 2048;
/// The most bytes in a host name (RFC 1035, section 2.3.4, without the dots' cost).
const MAX_HOST: usize = 253;

/// Parses and normalises an endpoint's URL (WHATWG URL Standard): http or https, a
/// host, no credentials, no fragment. Whether its address may be reached is judged
/// when a delivery is sent.
///
/// The error's text shows scheme or host only: path and query may hold secrets.
pub fn parse(text: &str, https_only: bool) -> Result<Url, Invalid> {
    if text.len() > MAX_URL {
        return Err(Invalid::new(format!(
            "the URL has {} bytes: give at most {MAX_URL}",
            text.len()
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(
            "the URL holds a control character, a tab or a line break: remove it",
        ));
    }
    let url = Url::parse(text).map_err(|error| {
        Invalid::new(format!(
            "not a URL ({error}): give one such as https://example.com/webhooks"
        ))
    })?;
    check_scheme(&url, https_only)?;
    check_parts(&url)?;
    if url.as_str().len() > MAX_URL {
        return Err(Invalid::new(format!(
            "the URL has {} bytes once normalised: give at most {MAX_URL}",
            url.as_str().len()
        )));
    }
    Ok(url)
}

fn check_scheme(url: &Url, https_only: bool) -> Result<(), Invalid> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if !https_only => Ok(()),
        "http" => Err(Invalid::new(
            "the scheme \"http\" is not allowed on this server: give an https URL",
        )),
        other => Err(Invalid::new(format!(
            "the scheme {} is not allowed: give an http or https URL",
            shown(other)
        ))),
    }
}

fn check_parts(url: &Url) -> Result<(), Invalid> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::new(
            "the URL holds credentials: remove them and set a custom `authorization` header instead",
        ));
    }
    if url.fragment().is_some() {
        return Err(Invalid::new(
            "the URL has a fragment (`#...`), which is never sent: remove it",
        ));
    }
    if url.port() == Some(0) {
        return Err(Invalid::new("port 0 cannot be reached: give 1 to 65535"));
    }
    match url.host() {
        None => Err(Invalid::new(
            "the URL has no host: give one such as https://example.com/webhooks",
        )),
        Some(Host::Domain(name)) if !is_dns_name(name) => Err(Invalid::new(format!(
            "the host {} is no DNS name: give at most 253 characters, labels of 1 to 63 between dots",
            shown(name)
        ))),
        Some(_) => Ok(()),
    }
}

fn is_dns_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= MAX_HOST && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        parse(text, false).map_or_else(|e| panic!("{text}: {e}"), String::from)
    }

    fn refusal(text: &str) -> String {
        parse(text, false).map_or_else(|e| e.msg, |url| panic!("{url} passed"))
    }

    #[test]
    fn urls_are_normalised() {
        for (text, want) in [
            ("http://Example.com", "http://example.com/"),
            ("HTTPS://EXAMPLE.com:443/A?b=C", "https://example.com/A?b=C"),
            ("http://example.com:8080/x", "http://example.com:8080/x"),
            (
                "https://bücher.example/ü",
                "https://xn--bcher-kva.example/%C3%BC",
            ),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://[::FFFF:7f00:1]/", "http://[::ffff:7f00:1]/"),
            ("  https://example.com/  ", "https://example.com/"),
            ("https://example.com/a/../b", "https://example.com/b"),
            ("http://localhost:9", "http://localhost:9/"),
            ("https://example.com./", "https://example.com./"),
        ] {
            assert_eq!(normal(text), want);
        }
    }

    #[test]
    fn other_schemes_and_what_is_no_url_are_refused() {
        for text in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:,x",
            "javascript:1",
            "unix:/x",
        ] {
            assert!(refusal(text).contains("scheme"), "{text}");
        }
        for text in [
            "",
            "example.com",
            "/path",
            "http://",
            "http:///",
            "https://exa mple/",
            "http://1.2.3.4.5/",
            "http://[::1",
            "http://a:99999/",
        ] {
            assert!(refusal(text).contains("URL"), "{text}");
        }
    }

    #[test]
    fn credentials_are_refused_and_not_shown() {
        for text in [
            "https://user:hunter2@example.com/",
            "https://hunter2@example.com/",
            "https://:hunter2@example.com",
        ] {
            let msg = refusal(text);
            assert!(
                msg.contains("credentials") && !msg.contains("hunter2"),
                "{msg}"
            );
        }
    }

    #[test]
    fn fragments_port_0_control_characters_and_odd_hosts_are_refused() {
        assert!(refusal("https://example.com/#top").contains("fragment"));
        assert!(refusal("https://example.com/#").contains("fragment"));
        assert!(refusal("http://example.com:0/").contains("port 0"));
        assert!(refusal("http://exam\nple.com/").contains("control"));
        assert!(refusal("http://example.com/\t").contains("control"));
        assert!(refusal(&format!("http://{}.com/", "a".repeat(64))).contains("host"));
        assert!(refusal(&format!("http://{}com/", "a.".repeat(126))).contains("host"));
        assert!(refusal("http://a..b/").contains("host"));
    }

    #[test]
    fn urls_of_more_than_2048_bytes_are_refused_as_given_and_as_normalised() {
        let long = |n: usize| format!("https://example.com/{}", "x".repeat(n - 20));
        assert_eq!(normal(&long(2048)).len(), 2048);
        assert!(refusal(&long(2049)).contains("2049"));
        assert!(
            refusal(&format!("https://example.com/{}", "ü".repeat(1000))).contains("normalised")
        );
    }

    #[test]
    fn http_is_refused_where_https_is_asked_for() {
        assert!(parse("https://example.com/", true).is_ok());
        assert!(
            parse("http://example.com/", true)
                .unwrap_err()
                .msg
                .contains("https")
        );
    }
}
