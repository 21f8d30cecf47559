//! The kinds of value that settings take, and how each is read from text.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use postrider_api::{JwtAlgorithm, SignatureKind};
use postrider_delivery::Role;
use postrider_domain::{RetryPolicy, Schemes};
use tracing_subscriber::EnvFilter;
use url::Url;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people to read.
    Text,
    /// One JSON object a line.
    Json,
}

/// Longest delay in a schedule: 72 hours, in seconds.
const LONGEST_DELAY: u64 = 259_200;
const MOST_DELAYS: usize = 100;

/// Characters that the main secret has at least.
const SHORTEST_SECRET: usize = 32;

pub(super) fn from_str<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

pub(super) fn within(range: RangeInclusive<u64>) -> impl FnOnce(&str) -> Option<u64> {
    move |text| from_str(text).filter(|number| range.contains(number))
}

pub(super) fn seconds(range: RangeInclusive<u64>) -> impl FnOnce(&str) -> Option<Duration> {
    move |text| within(range)(text).map(Duration::from_secs)
}

pub(super) fn public_url(text: &str) -> Option<Url> {
    let url: Url = from_str(text)?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

pub(super) fn jwt_algorithm(text: &str) -> Option<JwtAlgorithm> {
    let known = JwtAlgorithm::ALL.iter().copied();
    known.into_iter().find(|one| one.word() == text.trim())
}

pub(super) fn role(text: &str) -> Option<Role> {
    Role::of_word(text.trim())
}

pub(super) fn default_signature(text: &str) -> Option<SignatureKind> {
    match text.trim() {
        "hmac256" => Some(SignatureKind::Hmac256),
        "ed25519" => Some(SignatureKind::Ed25519),
        _ => None,
    }
}

pub(super) fn default_signature_scheme(text: &str) -> Option<Schemes> {
    let text = text.trim();
    let json = if text.starts_with(['{', '[']) {
        serde_json::from_str(text).ok()?
    } else {
        serde_json::Value::from(text)
    };
    serde_json::from_value(json).ok()
}

pub(super) fn log_format(text: &str) -> Option<LogFormat> {
    match text.trim() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

pub(super) fn log_filter(text: &str) -> Option<String> {
    let text = text.trim();
    // A word that is no level would be read as a module's name and silence everything else.
    let level_like = |part: &&str| !part.contains(['=', ':', '[', '_', '-']);
    let levels = HashSet::from(["off", "error", "warn", "info", "debug", "trace"]);
    let known = text
        .split(',')
        .map(str::trim)
        .filter(level_like)
        .all(|part| levels.contains(part.to_ascii_lowercase().as_str()));
    let valid = known && EnvFilter::builder().parse(text).is_ok();
    valid.then(|| text.to_owned())
}

pub(super) fn subnets(text: &str) -> Option<Vec<IpNet>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(from_str).collect()
}

/// Delays, each since the attempt before; none at all means a single attempt.
pub(super) fn retry_schedule(text: &str) -> Option<RetryPolicy> {
    if text.trim().is_empty() {
        return Some(RetryPolicy::Schedule(Vec::new()));
    }
    let delays: Option<Vec<_>> = text
        .split(',')
        .map(|part| seconds(0..=LONGEST_DELAY)(part))
        .collect();
    delays
        .filter(|delays| delays.len() <= MOST_DELAYS)
        .map(RetryPolicy::Schedule)
}

/// Whether `text` may be the main secret.
pub(crate) fn long_enough(text: &str) -> bool {
    text.chars().count() >= SHORTEST_SECRET
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_delays_and_an_empty_one_is_a_single_attempt() {
        let delays = |seconds: &[u64]| {
            Some(RetryPolicy::Schedule(
                seconds.iter().copied().map(Duration::from_secs).collect(),
            ))
        };
        assert_eq!(retry_schedule("5, 300,0"), delays(&[5, 300, 0]));
        assert_eq!(retry_schedule(""), delays(&[]));
        for wrong in ["5,", "-1", "1.5", "259201", "5;6"] {
            assert_eq!(retry_schedule(wrong), None, "{wrong}");
        }
        assert_eq!(retry_schedule(&["1"; 101].join(",")), None);
    }

    #[test]
    fn subnets_are_networks_and_not_bare_addresses() {
        assert_eq!(
            subnets("10.0.0.0/8, fd00::/8").map(|nets| nets.len()),
            Some(2)
        );
        assert_eq!(subnets(" "), Some(Vec::new()));
        assert_eq!(subnets("10.0.0.1"), None);
        assert_eq!(subnets("10.0.0.0/33"), None);
    }

    #[test]
    fn a_public_url_has_a_host_and_no_query() {
        assert!(public_url("https://hooks.example.com/base").is_some());
        for wrong in [
            "ftp://x",
            "hooks.example.com",
            "https://x/?a=1",
            "https://u:p@x/",
            "http://",
        ] {
            assert_eq!(public_url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_log_filter_is_levels_and_directives() {
        for right in ["info", "WARN", "info,postrider_delivery=debug", "off"] {
            assert!(log_filter(right).is_some(), "{right}");
        }
        for wrong in ["", "loud", "info,", "postrider_api=loud"] {
            assert_eq!(log_filter(wrong), None, "{wrong}");
        }
    }
}
