//! `vectors/schemes.json`: messages of every scheme, genuine and forged, for tests in any
//! language. Run with `POSTRIDER_WRITE_VECTORS=1` to write the file anew.

mod kept;
#[allow(dead_code, reason = "other tests use the rest")]
mod schemes;

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postrider_verify::testing::{Forgery, TestRequest, TestSender};
use postrider_verify::{HmacFormat, SigningKey, Verifier};
use schemes::{NOW, own_format};
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/schemes.json");
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODIES: &[(&str, &str)] = &[
    (
        "a plain event",
        r#"{"id":"evt_1","event_id":"evt_1","type":"user.created"}"#,
    ),
    (
        "spaces, escapes and letters",
        r#"{ "type": "a.b", "text": "Zo\u00eb Zoë 🚀 \" \\" , "n": 1.0 }"#,
    ),
    ("an empty object", "{}"),
];

/// Name, the receiver's secret, and a sender.
fn senders() -> Vec<(&'static str, String, TestSender)> {
    let ed25519 = SigningKey::generate_ed25519([9; 32]);
    let secret = || SECRET.to_owned();
    vec![
        ("standard", secret(), TestSender::standard(SECRET).unwrap()),
        (
            "standard-v1a",
            ed25519.verifying_string(),
            TestSender::standard(&ed25519.to_secret_string()).unwrap(),
        ),
        ("github", secret(), TestSender::github(SECRET).unwrap()),
        ("stripe", secret(), TestSender::stripe(SECRET).unwrap()),
        ("slack", secret(), TestSender::slack(SECRET).unwrap()),
        (
            "hmac",
            secret(),
            TestSender::hmac(own_format(), SECRET).unwrap(),
        ),
    ]
}

fn verifier(scheme: &str, secret: &str) -> Verifier {
    let builder = match scheme {
        "github" => Verifier::github(),
        "stripe" => Verifier::stripe(),
        "slack" => Verifier::slack(),
        "hmac" => Verifier::hmac(own_format()),
        _ => Verifier::builder(),
    };
    builder.secret(secret).unwrap().build().unwrap()
}

fn line(scheme: &str, secret: &str, name: &str, request: &TestRequest, genuine: bool) -> Value {
    json!({
        "name": format!("{scheme}: {name}"),
        "scheme": scheme,
        "secret": secret,
        "now": NOW,
        "headers": request.headers,
        "body_base64": STANDARD.encode(&request.body),
        "accepted": genuine,
    })
}

fn messages() -> Vec<Value> {
    let mut all = Vec::new();
    for (scheme, secret, sender) in senders() {
        for (name, body) in BODIES {
            let request = sender.request("msg_1", NOW, body.as_bytes());
            all.push(line(scheme, &secret, name, &request, true));
        }
        let forgeries = Forgery::ALL
            .iter()
            .filter(|forgery| **forgery != Forgery::HugeSignature);
        for forgery in forgeries {
            if let Some(request) = sender.forge(*forgery, "msg_1", NOW, BODIES[0].1.as_bytes()) {
                all.push(line(scheme, &secret, &forgery.to_string(), &request, false));
            }
        }
    }
    all
}

/// A line each, so that a change is seen as one.
fn render() -> String {
    let mut text = String::from("[\n");
    for message in messages() {
        let comma = if text.len() > 2 { ",\n" } else { "" };
        let _ = write!(text, "{comma}{message}");
    }
    text.push_str("\n]\n");
    text
}

#[test]
fn the_file_is_what_the_senders_make() {
    kept::assert_kept(PATH, &render());
}

#[test]
fn every_message_of_the_file_is_judged_as_it_says() {
    let file: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    assert!(file.len() > 100, "{}", file.len());
    for message in file {
        let text = |field: &str| message[field].as_str().unwrap();
        let headers: Vec<(String, String)> =
            serde_json::from_value(message["headers"].clone()).unwrap();
        let body = STANDARD.decode(text("body_base64")).unwrap();
        let now = message["now"].as_i64().unwrap();
        let verifier = verifier(text("scheme"), text("secret"));
        let answer = verifier.verify(&headers, &body, now);
        assert_eq!(
            answer.is_ok(),
            message["accepted"],
            "{}: {answer:?}",
            text("name")
        );
    }
}

#[test]
fn presets_of_formats_name_the_headers_of_the_file() {
    let formats = [
        HmacFormat::github(),
        HmacFormat::stripe(),
        HmacFormat::slack(),
        own_format(),
    ];
    for format in formats {
        let names: Vec<_> = format.header_names().collect();
        let signature = names.last().unwrap();
        assert!(
            std::fs::read_to_string(PATH).unwrap().contains(signature),
            "{signature}"
        );
    }
}
