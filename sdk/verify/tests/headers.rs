//! Where headers may come from, and which family counts.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use postrider_verify::{HeaderSource, SigningKey, Verifier, VerifyError};

const NOW: i64 = 1_700_000_000;

fn key() -> SigningKey {
    SigningKey::generate_hmac([7; 32])
}

fn verifier() -> Verifier {
    Verifier::new(&key().verifying_string()).unwrap()
}

fn pairs(family: &str) -> Vec<(String, String)> {
    let signature = key().sign("msg_1", NOW, b"{}");
    vec![
        (format!("{family}-id"), "msg_1".to_owned()),
        (format!("{family}-timestamp"), NOW.to_string()),
        (format!("{family}-signature"), signature),
    ]
}

fn passes(headers: &(impl HeaderSource + ?Sized)) -> bool {
    verifier().verify(headers, b"{}", NOW).is_ok()
}

fn header_map(pairs: &[(String, String)]) -> HeaderMap {
    let parse = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(parse).collect()
}

#[test]
fn headers_are_read_from_every_kind_of_source() {
    let pairs = pairs("webhook");
    let bytes: Vec<(&[u8], &[u8])> = pairs
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let array: [_; 3] = pairs.clone().try_into().unwrap();
    let map: HashMap<String, String> = pairs.iter().cloned().collect();
    assert!(passes(&pairs));
    assert!(passes(pairs.as_slice()));
    assert!(passes(&pairs.as_slice()));
    assert!(passes(&bytes));
    assert!(passes(&array));
    assert!(passes(&map));
    assert!(passes(&header_map(&pairs)));
}

#[test]
fn names_in_any_case_are_found() {
    let upper = |(name, value): (String, String)| (name.to_uppercase(), value);
    let pairs: Vec<_> = pairs("webhook").into_iter().map(upper).collect();
    assert!(passes(&pairs));
}

#[test]
fn duplicates_in_a_header_map_are_refused() {
    let mut headers = header_map(&pairs("webhook"));
    headers.append("webhook-id", HeaderValue::from_static("msg_1"));
    let answer = verifier().verify(&headers, b"{}", NOW);
    assert_eq!(
        answer,
        Err(VerifyError::DuplicateHeader("webhook-id".into()))
    );
}

#[test]
fn header_values_that_are_not_text_are_refused() {
    let mut headers = header_map(&pairs("webhook"));
    let value = HeaderValue::from_bytes(b"msg_\xff").unwrap();
    headers.insert("webhook-id", value);
    let answer = verifier().verify(&headers, b"{}", NOW);
    assert_eq!(
        answer,
        Err(VerifyError::MalformedHeader("webhook-id".into()))
    );
}

#[test]
fn svix_headers_count_when_the_standard_ones_are_absent() {
    assert!(passes(&pairs("svix")));
}

#[test]
fn the_standard_headers_count_when_both_families_are_there() {
    let mut svix = pairs("svix");
    svix[2].1 = "v1,AAAA".to_owned();
    assert!(passes(&[svix, pairs("webhook")].concat()));

    let mut standard = pairs("webhook");
    standard[2].1 = "v1,AAAA".to_owned();
    assert!(!passes(&[pairs("svix"), standard].concat()));
}

#[test]
fn unknown_versions_and_doubled_spaces_are_passed_over() {
    let mut pairs = pairs("webhook");
    pairs[2].1 = format!(" v0,x  vX v2,?,? {}  v1,AAAA ", pairs[2].1);
    assert!(passes(&pairs));
}

#[test]
fn thirty_two_signatures_are_read() {
    let mut pairs = pairs("webhook");
    pairs[2].1 = format!("{}{}", "v1,AAAA ".repeat(31), pairs[2].1);
    assert!(passes(&pairs));
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "this is the test of the real clock"
)]
fn the_system_clock_is_used_when_no_time_is_given() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let answer_to = |timestamp: i64| {
        let signature = key().sign("msg_1", timestamp, b"{}");
        let headers = [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        verifier().verify_now(&headers, b"{}")
    };
    assert!(answer_to(now).is_ok());
    assert_eq!(answer_to(now - 3600), Err(VerifyError::TimestampTooOld));
    assert_eq!(answer_to(now + 3600), Err(VerifyError::TimestampTooNew));
}

#[test]
fn errors_tell_a_malformed_request_from_a_doubtful_one() {
    use VerifyError::{
        DuplicateHeader, MalformedHeader, MissingHeader, NoMatchingSignature, TimestampTooNew,
        TimestampTooOld, UnsupportedScheme,
    };
    for error in [
        MissingHeader("x".into()),
        DuplicateHeader("x".into()),
        MalformedHeader("x".into()),
    ] {
        assert!(error.is_malformed_request());
        assert!(error.to_string().contains("`x`"));
    }
    for error in [
        TimestampTooOld,
        TimestampTooNew,
        UnsupportedScheme,
        NoMatchingSignature,
    ] {
        assert!(!error.is_malformed_request());
    }
}
