//! `vectors/standard.json`: messages that any Standard Webhooks verifier accepts. Run
//! with `POSTRIDER_WRITE_VECTORS=1` to write the file anew.

mod kept;
mod random;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postrider_verify::{Scheme, SigningKey, Verifier, VerifyError, sign_all};
use random::Random;
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/standard.json");
const PUBLISHED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Case {
    name: String,
    id: String,
    timestamp: i64,
    body: Vec<u8>,
    keys: Vec<&'static str>,
}

fn keys() -> Vec<(&'static str, SigningKey)> {
    let mut random = Random(2026);
    let mut hmac = |length| {
        let text = format!("whsec_{}", STANDARD.encode(random.bytes(length)));
        SigningKey::parse(&text).unwrap()
    };
    vec![
        ("published", SigningKey::parse(PUBLISHED).unwrap()),
        ("hmac-24", hmac(24)),
        ("hmac-32", hmac(32)),
        ("hmac-64", hmac(64)),
        ("hmac-65", hmac(65)),
        ("hmac-75", hmac(75)),
        ("ed25519-a", SigningKey::generate_ed25519(Random(1).array())),
        ("ed25519-b", SigningKey::generate_ed25519(Random(2).array())),
    ]
}

fn case(name: &str, timestamp: i64, body: &[u8], keys: &[&'static str]) -> Case {
    Case {
        name: name.to_owned(),
        id: "msg_2fVsBQIhrscChlQIMVb5sSYspob".to_owned(),
        timestamp,
        body: body.to_vec(),
        keys: keys.to_vec(),
    }
}

fn cases() -> Vec<Case> {
    let json = br#"{"type":"invoice.paid","data":{"n":123456789012345678901234567890,"z":"\u0000","a":"\u00e9"}}"#;
    let both = ["hmac-32", "ed25519-a"];
    let mut random = Random(7);
    let mut cases: Vec<Case> = (0..=100)
        .map(|length| {
            let body = random.bytes(length);
            let name = format!("body of {length} random bytes");
            case(&name, 1_700_000_000 + length as i64, &body, &both)
        })
        .collect();
    let published = case(
        "published example of the standard",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
        &["published"],
    );
    cases.push(Case {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
        ..published
    });
    cases.push(Case {
        id: "~".repeat(256),
        ..case("longest id", 1_700_000_000, json, &both)
    });
    cases.extend([
        case("JSON with escapes", 1_700_000_000, json, &both),
        case("body full of dots", 1_700_000_000, b"..1.2.3..", &both),
        case("UTF-8 body", 1_700_000_000, "åß∂ 💸".as_bytes(), &both),
        case("not UTF-8", 1_700_000_000, b"\xff\xfe\x00\xc3\x28", &both),
        case("line ends kept", 1_700_000_000, b"\r\n{}\r\n", &both),
        case("timestamp zero", 0, json, &both),
        case("largest timestamp", i64::MAX, json, &both),
        case("24 bytes of secret", 1_700_000_000, json, &["hmac-24"]),
        case("a block of secret", 1_700_000_000, json, &["hmac-64"]),
        case("over a block of secret", 1_700_000_000, json, &["hmac-65"]),
        case("75 bytes of secret", 1_700_000_000, json, &["hmac-75"]),
        case("public key alone", 1_700_000_000, json, &["ed25519-b"]),
        case("rotation", 1_700_000_000, json, &["hmac-32", "hmac-24"]),
        case(
            "rotation of public keys",
            1_700_000_000,
            json,
            &["ed25519-b", "ed25519-a"],
        ),
        case(
            "rotation from shared secrets to public keys",
            1_700_000_000,
            json,
            &["ed25519-b", "ed25519-a", "hmac-64", "hmac-24"],
        ),
    ]);
    cases
}

fn key<'a>(keys: &'a [(&'static str, SigningKey)], name: &str) -> &'a SigningKey {
    let found = keys.iter().find(|(known, _)| *known == name);
    &found
        .unwrap_or_else(|| panic!("vectors.json has no key {name}"))
        .1
}

fn render() -> String {
    let keys = keys();
    let mut text = String::from("{\n\"keys\": {\n");
    for (index, (name, key)) in keys.iter().enumerate() {
        let (sign, verify) = (json!(key.to_secret_string()), json!(key.verifying_string()));
        let entry = format!(r#"{{"sign":{sign},"verify":{verify}}}"#);
        let comma = if index + 1 < keys.len() { "," } else { "" };
        writeln!(text, "{}: {entry}{comma}", json!(name)).unwrap();
    }
    text.push_str("},\n\"messages\": [\n");
    let cases = cases();
    for (index, case) in cases.iter().enumerate() {
        let signers: Vec<_> = case
            .keys
            .iter()
            .map(|name| key(&keys, name).clone())
            .collect();
        let signature = sign_all(&signers, &case.id, case.timestamp, &case.body);
        // Spelt out, because the order of a JSON map depends on the features of other crates.
        let entry = format!(
            r#"{{"name":{},"id":{},"timestamp":{},"body_base64":{},"keys":{},"signature":{}}}"#,
            json!(case.name),
            json!(case.id),
            case.timestamp,
            json!(STANDARD.encode(&case.body)),
            json!(case.keys),
            json!(signature),
        );
        let comma = if index + 1 < cases.len() { "," } else { "" };
        writeln!(text, "{entry}{comma}").unwrap();
    }
    text.push_str("]\n}\n");
    text
}

/// One message of the file, as a reader in another language would see it.
struct Vector {
    name: String,
    id: String,
    timestamp: i64,
    body: Vec<u8>,
    /// (name, for signing, for verifying)
    keys: Vec<(String, String, String)>,
    signature: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn vectors() -> Vec<Vector> {
    let file = std::fs::read_to_string(PATH).expect("vectors/standard.json is checked in");
    let file: Value = serde_json::from_str(&file).unwrap();
    let read = |message: &Value| Vector {
        name: text(&message["name"]),
        id: text(&message["id"]),
        timestamp: message["timestamp"].as_i64().unwrap(),
        body: STANDARD.decode(text(&message["body_base64"])).unwrap(),
        keys: message["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| {
                let key = &file["keys"][text(name)];
                (text(name), text(&key["sign"]), text(&key["verify"]))
            })
            .collect(),
        signature: text(&message["signature"]),
    };
    let messages = file["messages"].as_array().unwrap();
    messages.iter().map(read).collect()
}

impl Vector {
    fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("webhook-id", self.id.clone()),
            ("webhook-timestamp", self.timestamp.to_string()),
            ("webhook-signature", self.signature.clone()),
        ]
    }
}

#[test]
fn the_file_is_what_its_seeds_make() {
    kept::assert_kept(PATH, &render());
}

#[test]
fn every_vector_verifies_with_each_of_its_keys_alone() {
    for vector in vectors() {
        for (name, _, verify) in &vector.keys {
            let verified = Verifier::new(verify)
                .unwrap()
                .verify(&vector.headers(), &vector.body, vector.timestamp)
                .unwrap_or_else(|error| panic!("{}, {name}: {error}", vector.name));
            let scheme = if name.starts_with("hmac") || name == "published" {
                Scheme::V1
            } else {
                Scheme::V1a
            };
            assert_eq!(verified.scheme, scheme, "{}", vector.name);
            assert_eq!(verified.id, vector.id);
            assert_eq!(verified.timestamp, Some(vector.timestamp));
        }
    }
}

#[test]
fn every_vector_is_signed_the_same_again() {
    for vector in vectors() {
        let keys: Vec<_> = vector
            .keys
            .iter()
            .map(|(_, sign, _)| SigningKey::parse(sign).unwrap())
            .collect();
        let signature = sign_all(&keys, &vector.id, vector.timestamp, &vector.body);
        assert_eq!(signature, vector.signature, "{}", vector.name);
    }
}

#[test]
fn no_vector_verifies_with_a_body_one_byte_longer() {
    for vector in vectors() {
        let mut body = vector.body.clone();
        body.push(b' ');
        for (_, _, verify) in &vector.keys {
            let verifier = Verifier::new(verify).unwrap();
            let answer = verifier.verify(&vector.headers(), &body, vector.timestamp);
            assert_eq!(
                answer,
                Err(VerifyError::NoMatchingSignature),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn signatures_made_by_other_programs_verify() {
    // Python's `hmac` and OpenSSL's `pkeyutl -sign -rawin` over `msg_other.1700000000.` and
    // the bytes 00 ff 7b 7d; the key's seed is RFC 8032, section 7.1, test 1.
    let headers = [
        ("webhook-id", "msg_other"),
        ("webhook-timestamp", "1700000000"),
        (
            "webhook-signature",
            "v1,bUZVn2EMNk6f1eMco96ATEk0I3fp/7Je0Gh9BOzA7yE= v1a,+g7LAa4JAXcpk+RtpcE0cJXE3h8QtSWq3FFB4laQ/wYzf0XTD5Rip26ph631cg83wtS6UVOBwNUWWGJlcImMDQ==",
        ),
    ];
    for (index, secret) in [
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    ]
    .into_iter()
    .enumerate()
    {
        let verified = Verifier::new(secret)
            .unwrap()
            .verify(&headers, b"\x00\xff{}", 1_700_000_000)
            .unwrap();
        assert_eq!(verified.scheme, [Scheme::V1, Scheme::V1a][index]);
    }
}
