use postrider_domain::SchemeKind;

use super::*;
use crate::request::body;

fn rules() -> Rules<'static> {
    static STANDARD: std::sync::LazyLock<Schemes> = std::sync::LazyLock::new(Schemes::default);
    Rules {
        https_only: false,
        default_scheme: &STANDARD,
    }
}

fn made(text: &str) -> ApiResult<EndpointSettings> {
    body::parse::<EndpointIn>(text.as_bytes())?.checked(None, rules())
}

fn patched(old: EndpointSettings, text: &str) -> ApiResult<EndpointSettings> {
    body::parse::<EndpointPatch>(text.as_bytes())?.applied_to(old, rules())
}

#[test]
fn a_url_is_normalised_and_an_empty_filter_is_none() {
    let settings =
        made(r#"{"url":"http://Example.com","filterTypes":[],"description":null}"#).unwrap();
    assert_eq!(settings.url, "http://example.com/");
    assert_eq!(settings.event_types, None);
    assert_eq!(settings.version, 1);
}

#[test]
fn wrong_values_are_refused_at_their_field() {
    for (rest, field) in [
        (r#""uid":"ep_1""#, "uid"),
        (r#""version":0"#, "version"),
        (r#""timeoutSeconds":31"#, "timeoutSeconds"),
        (
            r#""retryPolicy":{"type":"schedule","seconds":[604801]}"#,
            "retryPolicy",
        ),
        (r#""retryPolicy":{"type":"never"}"#, "retryPolicy"),
        (r#""headerFamily":"hook""#, "headerFamily"),
        (r#""headers":{"host":"x"}"#, "headers"),
        (r#""channels":[]"#, "channels"),
        (r#""eventTypes":["a b"]"#, "eventTypes"),
        (r#""ordered":true"#, "ordered"),
        (r#""signatureScheme":"v1""#, "signatureScheme"),
        (r#""signatureScheme":[]"#, "signatureScheme"),
        (
            r#""signatureScheme":"github","headers":{"x-github-event":"a"}"#,
            "signatureScheme",
        ),
    ] {
        let text = format!(r#"{{"url":"http://a",{rest}}}"#);
        assert_eq!(made(&text).unwrap_err().faults()[0].loc[1], field, "{rest}");
    }
}

#[test]
fn replacing_keeps_what_older_clients_do_not_know() {
    let old = made(
        r#"{"url":"http://a","uid":"u","timeoutSeconds":9,"headerFamily":"svix","headers":{"x-a":"1"},"disabled":true}"#,
    )
    .unwrap();
    let new = body::parse::<EndpointIn>(br#"{"url":"http://b"}"#)
        .unwrap()
        .checked(Some(old), rules())
        .unwrap();
    assert_eq!(new.timeout_seconds, Some(9));
    assert_eq!(new.header_family, HeaderFamily::Svix);
    assert_eq!(new.headers.len(), 1);
    assert_eq!((new.uid, new.disabled), (None, false));
}

#[test]
fn null_clears_and_absence_keeps() {
    let old = made(
        r#"{"url":"http://a","uid":"u","throttleRate":5,"channels":["c"],"timeoutSeconds":9}"#,
    )
    .unwrap();
    assert_eq!(patched(old.clone(), "{}").unwrap(), old);
    let new = patched(
        old,
        r#"{"uid":null,"throttleRate":null,"channels":null,"timeoutSeconds":null}"#,
    )
    .unwrap();
    assert_eq!((new.uid, new.throttle_rate), (None, None));
    assert_eq!((new.channels, new.timeout_seconds), (None, None));
}

#[test]
fn a_secret_in_an_update_is_refused_with_the_way_to_rotate() {
    let old = made(r#"{"url":"http://a"}"#).unwrap();
    let error = patched(old, r#"{"secret":"whsec_x"}"#).unwrap_err();
    assert!(error.faults()[0].msg.contains("secret/rotate"));
}

#[test]
fn the_scheme_stays_unless_it_is_said_and_null_makes_it_the_server_s() {
    let github = made(r#"{"url":"http://a","signatureScheme":"github"}"#).unwrap();
    assert_eq!(github.signature_scheme.first_kind(), SchemeKind::GitHub);
    let put = body::parse::<EndpointIn>(br#"{"url":"http://b"}"#).unwrap();
    let put = put.checked(Some(github.clone()), rules()).unwrap();
    assert_eq!(put.signature_scheme, github.signature_scheme);
    assert_eq!(patched(github.clone(), "{}").unwrap(), github);
    let slack: Schemes = serde_json::from_str(r#""slack""#).unwrap();
    let rules = Rules {
        https_only: false,
        default_scheme: &slack,
    };
    let null = body::parse::<EndpointPatch>(br#"{"signatureScheme":null}"#).unwrap();
    assert_eq!(
        null.applied_to(github, rules).unwrap().signature_scheme,
        slack
    );
    let new = body::parse::<EndpointIn>(br#"{"url":"http://b"}"#).unwrap();
    assert_eq!(new.checked(None, rules).unwrap().signature_scheme, slack);
}

#[test]
fn a_custom_header_cannot_take_the_name_of_a_scheme_s_header_later_either() {
    let github = made(r#"{"url":"http://a","signatureScheme":"github"}"#).unwrap();
    let error = patched(github, r#"{"headers":{"X-GITHUB-EVENT":"a"}}"#).unwrap_err();
    assert_eq!(error.faults()[0].loc[1], "headers");
}

#[test]
fn secrets_come_out_of_the_schemes_that_they_came_with() {
    let mut patch: EndpointPatch =
        body::parse(br#"{"signatureScheme":{"type":"slack","secret":"0123456789abcdef"}}"#)
            .unwrap();
    let secrets = patch.take_secrets();
    assert_eq!((secrets.len(), secrets[0].scheme), (1, SchemeKind::Slack));
    assert!(patch.take_secrets().is_empty());
}
