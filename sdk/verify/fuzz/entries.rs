//! What fuzzing calls: each takes any bytes and may refuse them, but not panic. The fuzz
//! targets and an ordinary test (`tests/fuzz.rs`) share it.

use postrider_verify::testing::TestSender;
use postrider_verify::{Encoding, Hash, HmacFormat, SigningKey, Verifier};

/// Both keys are made up.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_700_000_000;

/// One parser, by name, and what it is fed first.
pub struct Entry {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Genuine inputs, for mutations to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "standard",
        run: standard,
        seeds: standard_seeds,
    },
    Entry {
        name: "github",
        run: github,
        seeds: || seeds(&TestSender::github(SECRET)),
    },
    Entry {
        name: "stripe",
        run: stripe,
        seeds: || seeds(&TestSender::stripe(SECRET)),
    },
    Entry {
        name: "slack",
        run: slack,
        seeds: || seeds(&TestSender::slack(SECRET)),
    },
    Entry {
        name: "own_format",
        run: own_format,
        seeds: || seeds(&TestSender::hmac(own(), SECRET)),
    },
    Entry {
        name: "signed_body",
        run: signed_body,
        seeds: bodies,
    },
    Entry {
        name: "format",
        run: format,
        seeds: formats,
    },
    Entry {
        name: "secret",
        run: secret,
        seeds: secrets,
    },
];

/// Headers as `name: value`, a line each, and the body behind an empty line.
fn parts(data: &[u8]) -> (Vec<(&[u8], &[u8])>, &[u8]) {
    let mut headers = Vec::new();
    let mut rest = data;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = rest.split_at(end);
        rest = &behind[1..];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            break;
        };
        headers.push((&line[..colon], &line[colon + 1..]));
    }
    (headers, rest)
}

fn seeds(sender: &Result<TestSender, postrider_verify::SetupError>) -> Vec<Vec<u8>> {
    let sender = sender.as_ref().expect("a genuine secret");
    let request = sender.request("msg_1", NOW, br#"{"id":"evt_1","type":"a.b"}"#);
    let mut text = Vec::new();
    for (name, value) in &request.headers {
        text.extend_from_slice(format!("{name}:{value}\n").as_bytes());
    }
    text.push(b'\n');
    text.extend_from_slice(&request.body);
    vec![text]
}

fn verify(verifier: &Verifier, data: &[u8]) {
    let (headers, body) = parts(data);
    let _ = verifier.verify(&headers, body, NOW);
}

fn built(builder: postrider_verify::VerifierBuilder) -> Verifier {
    let builder = builder.secret(SECRET).expect("a genuine secret");
    builder.build().expect("a genuine format")
}

/// Made once: what is fuzzed is the parsing.
macro_rules! once {
    ($make:expr) => {{
        static VERIFIER: std::sync::OnceLock<Verifier> = std::sync::OnceLock::new();
        VERIFIER.get_or_init(|| $make)
    }};
}

pub fn standard(data: &[u8]) {
    let verifier = once!({
        let public = SigningKey::generate_ed25519([9; 32]).verifying_string();
        let builder = Verifier::builder()
            .secret(SECRET)
            .expect("a genuine secret");
        builder
            .secret(&public)
            .expect("a genuine key")
            .build()
            .expect("two secrets")
    });
    verify(verifier, data);
}

fn standard_seeds() -> Vec<Vec<u8>> {
    let ed25519 = SigningKey::generate_ed25519([9; 32]).to_secret_string();
    let mut all = seeds(&TestSender::standard(SECRET));
    all.extend(seeds(&TestSender::standard(&ed25519)));
    all
}

pub fn github(data: &[u8]) {
    verify(once!(built(Verifier::github())), data);
}

pub fn stripe(data: &[u8]) {
    verify(once!(built(Verifier::stripe())), data);
}

pub fn slack(data: &[u8]) {
    verify(once!(built(Verifier::slack())), data);
}

fn own() -> HmacFormat {
    HmacFormat::new("x-own-signature")
        .prefix("own:")
        .hash(Hash::Sha512)
        .encoding(Encoding::Base64)
        .timestamp_header("x-own-time")
        .id_header("x-own-id")
        .event_type_header("x-own-event")
        .signed_content("{id}.{timestamp}.{body}")
}

pub fn own_format(data: &[u8]) {
    verify(once!(built(Verifier::hmac(own()))), data);
}

/// Whatever the body: what was signed verifies, and has an id that is one.
pub fn signed_body(data: &[u8]) {
    let verifier = once!(built(Verifier::stripe()));
    static SENDER: std::sync::OnceLock<TestSender> = std::sync::OnceLock::new();
    let sender = SENDER.get_or_init(|| TestSender::stripe(SECRET).expect("a genuine secret"));
    let request = sender.request("unused", NOW, data);
    let verified = verifier.verify(&request.headers, &request.body, NOW);
    let id = verified.expect("it was signed").id;
    assert!((1..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
}

fn bodies() -> Vec<Vec<u8>> {
    let nested = br#"{"a":{"id":"no","b":[1,{"c":"}\"\\"}]},"type":"a.b","id":"evt_1"}"#;
    vec![nested.to_vec(), br#" { "id" : "evt_1" } "#.to_vec()]
}

/// Names and a template, a line each.
pub fn format(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let format = HmacFormat::new(line())
        .signed_content(line())
        .prefix(line())
        .timestamp_header(line())
        .id_header(line());
    if format.check().is_ok() {
        let sender = TestSender::hmac(format.clone(), SECRET).expect("it was checked");
        let request = sender.request("1", NOW, b"{}");
        let _ = built(Verifier::hmac(format)).verify(&request.headers, &request.body, NOW);
    }
}

fn formats() -> Vec<Vec<u8>> {
    vec![
        b"x-sig\n{id}.{timestamp}.{body}\nv1=\nx-time\nx-id".to_vec(),
        b"x-sig\nv0:{timestamp}:{body}\n\nx-time\nx-id".to_vec(),
    ]
}

pub fn secret(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Verifier::new(&text);
    let _ = SigningKey::parse(&text);
    let _ = Verifier::github().secret(&text);
    let _ = Verifier::github().secret_bytes(data);
}

fn secrets() -> Vec<Vec<u8>> {
    let ed25519 = SigningKey::generate_ed25519([9; 32]);
    [
        SECRET.to_owned(),
        ed25519.to_secret_string(),
        ed25519.verifying_string(),
    ]
    .map(String::into_bytes)
    .to_vec()
}
