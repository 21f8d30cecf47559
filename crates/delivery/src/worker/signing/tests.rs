use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as STANDARD_BASE64;
use postrider_domain::{EndpointId, Filter, Schemes};
use postrider_store::{EndpointSettings, Secret};
use postrider_verify::Verifier;

use super::*;
use crate::worker::Preparer;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"n":1}"#;

fn secret(scheme: SchemeKind, text: &str, seconds: Option<i64>) -> EndpointSecret {
    EndpointSecret {
        scheme,
        text: Secret::new(text.to_owned()),
        expires_at: seconds.map(|seconds| Timestamp::from_seconds(NOW.seconds() + seconds)),
    }
}

fn config(schemes: &str, secrets: Vec<EndpointSecret>) -> EndpointConfig {
    EndpointConfig {
        id: EndpointId::floor(NOW),
        revision: 1,
        settings: EndpointSettings {
            url: "http://127.0.0.1/".to_owned(),
            signature_scheme: serde_json::from_str::<Schemes>(schemes).unwrap(),
            ..EndpointSettings::default()
        },
        filter: Filter::new(None, None),
        secrets,
    }
}

fn signers(schemes: &str, secrets: Vec<EndpointSecret>) -> Result<Signers, SetupError> {
    Signers::new(&config(schemes, secrets))
}

fn signed(signers: &Signers, retry: u32) -> Signed {
    let outgoing = Outgoing {
        id: "msg_1",
        event_type: Some("user.created"),
        timestamp: NOW.seconds(),
        retry,
        body: BODY,
    };
    signers.sign(NOW, &outgoing)
}

fn names(signed: &Signed) -> Vec<&str> {
    signed
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn the_standard_scheme_signs_with_every_key_in_force_and_needs_no_other_header() {
    let secrets = vec![
        secret(SchemeKind::Standard, STANDARD, None),
        secret(
            SchemeKind::Standard,
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Some(1),
        ),
        secret(
            SchemeKind::Standard,
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
            Some(0),
        ),
    ];
    let signed = signed(&signers(r#""standard""#, secrets).unwrap(), 0);
    assert_eq!(signed.standard(), Some(signed.record.as_str()));
    assert_eq!(signed.record.split(' ').count(), 2, "{}", signed.record);
    assert!(signed.headers.is_empty());
}

#[test]
fn two_schemes_sign_beside_each_other_each_with_its_own_secret() {
    let github = secret(SchemeKind::GitHub, "It's a Secret to Everybody", None);
    let secrets = vec![github, secret(SchemeKind::Standard, STANDARD, None)];
    let signed = signed(&signers(r#"["github","standard"]"#, secrets).unwrap(), 0);
    let (first, second) = signed.record.split_once('\n').unwrap();
    assert!(first.starts_with("sha256="), "{first}");
    assert_eq!(signed.standard(), Some(second));
    let mut found = names(&signed);
    found.sort_unstable();
    assert_eq!(
        found,
        ["x-github-delivery", "x-github-event", "x-hub-signature-256"]
    );
    let headers = [
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", NOW.seconds().to_string()),
        ("webhook-signature", second.to_owned()),
    ];
    let verifier = Verifier::new(STANDARD).unwrap();
    verifier.verify(&headers, BODY, NOW.seconds()).unwrap();
}

#[test]
fn stripe_signs_with_every_key_in_force_and_the_others_with_the_newest() {
    for (scheme, kind, count) in [
        (r#""stripe""#, SchemeKind::Stripe, 2),
        (r#""slack""#, SchemeKind::Slack, 1),
        (r#""github""#, SchemeKind::GitHub, 1),
    ] {
        let key = |text, seconds| secret(kind, text, seconds);
        let newest = || key("the newest secret of them", None);
        let alone = signed(&signers(scheme, vec![newest()]).unwrap(), 0).record;
        let secrets = vec![
            newest(),
            key("the secret before that", Some(60)),
            key("the secret that has gone", Some(0)),
        ];
        let during = signed(&signers(scheme, secrets).unwrap(), 0).record;
        assert!(during.starts_with(&alone), "{during} {alone}");
        assert_eq!(
            during.matches('=').count() - usize::from(count == 2),
            count,
            "{during}"
        );
    }
}

#[test]
fn slack_tells_the_number_of_a_retry_and_nothing_at_the_first_attempt() {
    let secrets = || {
        vec![secret(
            SchemeKind::Slack,
            "8f742231b10e8888abcd99yyyzzz85a5",
            None,
        )]
    };
    let slack = signers(r#""slack""#, secrets()).unwrap();
    assert_eq!(
        names(&signed(&slack, 0)),
        ["x-slack-request-timestamp", "x-slack-signature"]
    );
    let third = signed(&slack, 2);
    let retry = third
        .headers
        .iter()
        .find(|(name, _)| name == "x-slack-retry-num");
    assert_eq!(retry.unwrap().1, "2");
    let silent = signers(r#"{"type":"slack","retryHeader":null}"#, secrets()).unwrap();
    assert_eq!(names(&signed(&silent, 2)).len(), 2);
}

#[test]
fn whatever_the_rules_allow_can_be_signed() {
    for scheme in [
        r#"{"type":"github","eventHeader":null,"deliveryHeader":null}"#,
        r#"{"type":"hmac","signatureHeader":"X-Sig"}"#,
        r#"{"type":"hmac","signatureHeader":"X-Sig","prefix":"!~","content":"v:{id}:{timestamp}|{body}&","idHeader":"X-Id","timestampHeader":"X-T","eventHeader":"X-E","encoding":"base64","algorithm":"sha512"}"#,
        r#"{"type":"hmac","signatureHeader":"X-Sig","content":"{body}.{timestamp}","timestampHeader":"X-T"}"#,
    ] {
        let schemes: Schemes = serde_json::from_str(scheme).unwrap();
        let kind = schemes.first_kind();
        for text in ["0123456789abcdef", "ключ-ключ", &"x".repeat(256)] {
            kind.check_text_secret(text).unwrap();
            let signers = signers(scheme, vec![secret(kind, text, None)]).unwrap();
            let signed = signed(&signers, 1);
            assert!(
                !signed.record.is_empty() && !signed.headers.is_empty(),
                "{scheme}"
            );
            assert_eq!(signed.standard(), None);
        }
    }
}

#[test]
fn a_scheme_without_a_usable_secret_signs_nothing() {
    assert!(
        signers(
            r#""github""#,
            vec![secret(SchemeKind::Standard, STANDARD, None)]
        )
        .is_err()
    );
    assert!(
        signers(
            r#""standard""#,
            vec![secret(SchemeKind::Standard, "no secret", None)]
        )
        .is_err()
    );
    assert!(signers(r#""slack""#, vec![secret(SchemeKind::Slack, "short", None)]).is_err());
}

#[test]
fn a_custom_header_never_takes_the_place_of_one_that_signs() {
    // The API refuses the clash; two changes of an endpoint at once can make it all the same.
    let secrets = vec![secret(
        SchemeKind::GitHub,
        "It's a Secret to Everybody",
        None,
    )];
    let mut config = config(r#""github""#, secrets);
    config.settings.headers = BTreeMap::from([
        ("X-HUB-Signature-256".to_owned(), "sha256=forged".to_owned()),
        ("X-Team".to_owned(), "a".to_owned()),
    ]);
    let prepared = Preparer::new().prepare(&Arc::new(config)).unwrap();
    let names: Vec<_> = prepared
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .collect();
    assert_eq!(names, ["x-team"]);
}

/// A message of the vectors that the recipient's crate, its examples and this test share.
#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    scheme: String,
    secret: String,
    headers: Vec<(String, String)>,
    body_base64: String,
    now: i64,
    accepted: bool,
}

impl Vector {
    fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|header| header.0 == name);
        named.next().map(|header| header.1.as_str())
    }
}

#[test]
fn genuine_vectors_are_what_the_sender_sends() {
    const OWN: &str = r#"{"type":"hmac","signatureHeader":"x-own-signature","prefix":"own:","encoding":"base64",
        "algorithm":"sha512","content":"{id}.{timestamp}.{body}","idHeader":"x-own-id","timestampHeader":"x-own-time"}"#;
    let text = include_str!("../../../../../sdk/verify/vectors/schemes.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    let mut signed = 0;
    for vector in vectors.iter().filter(|vector| vector.accepted) {
        let (scheme, kind, header) = match vector.scheme.as_str() {
            "standard" => (r#""standard""#, SchemeKind::Standard, "webhook-signature"),
            "github" => (r#""github""#, SchemeKind::GitHub, "x-hub-signature-256"),
            "stripe" => (r#""stripe""#, SchemeKind::Stripe, "stripe-signature"),
            "slack" => (r#""slack""#, SchemeKind::Slack, "x-slack-signature"),
            "hmac" => (OWN, SchemeKind::Hmac, "x-own-signature"),
            // Signed with a key that its vector does not hold.
            _ => continue,
        };
        let signers = signers(scheme, vec![secret(kind, &vector.secret, None)]).unwrap();
        let body = STANDARD_BASE64.decode(&vector.body_base64).unwrap();
        let outgoing = Outgoing {
            id: "msg_1",
            event_type: vector.header("x-github-event"),
            timestamp: vector.now,
            retry: 0,
            body: &body,
        };
        let record = signers
            .sign(Timestamp::from_seconds(vector.now), &outgoing)
            .record;
        assert_eq!(
            Some(record.as_str()),
            vector.header(header),
            "{}",
            vector.name
        );
        signed += 1;
    }
    assert_eq!(signed, 15);
}
