//! Messages that must not pass, each with the error that it earns.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use postrider_verify::{SigningKey, Verified, Verifier, VerifyError, sign_all};
use sha2::Sha256;

use VerifyError::{NoMatchingSignature, TimestampTooNew, TimestampTooOld, UnsupportedScheme};

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
const SIGNED_AT: i64 = 1_700_000_000;

fn missing(name: &'static str) -> VerifyError {
    VerifyError::MissingHeader(name.into())
}

fn duplicate(name: &'static str) -> VerifyError {
    VerifyError::DuplicateHeader(name.into())
}

fn malformed(name: &'static str) -> VerifyError {
    VerifyError::MalformedHeader(name.into())
}

/// A genuine message, for a case to spoil.
struct Message {
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    now: i64,
    secrets: Vec<String>,
}

type Case = (&'static str, fn(&mut Message), VerifyError);

fn hmac_key() -> SigningKey {
    SigningKey::generate_hmac([7; 32])
}

fn ed25519_key() -> SigningKey {
    SigningKey::generate_ed25519([9; 32])
}

fn hmac() -> String {
    hmac_key().sign("msg_1", SIGNED_AT, b"{\"a\":1}")
}

fn ed25519() -> String {
    ed25519_key().sign("msg_1", SIGNED_AT, b"{\"a\":1}")
}

impl Message {
    fn genuine() -> Self {
        let keys = [hmac_key(), ed25519_key()];
        let mut message = Self {
            headers: Vec::new(),
            body: b"{\"a\":1}".to_vec(),
            now: SIGNED_AT + 5,
            secrets: keys.iter().map(SigningKey::verifying_string).collect(),
        };
        message.set(ID, "msg_1");
        message.set(TIMESTAMP, SIGNED_AT.to_string());
        message.set(
            SIGNATURE,
            sign_all(&keys, "msg_1", SIGNED_AT, &message.body),
        );
        message
    }

    fn set(&mut self, name: &'static str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.add(name, value);
    }

    fn add(&mut self, name: &'static str, value: impl Into<Vec<u8>>) {
        self.headers.push((name, value.into()));
    }

    fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| *known != name);
    }

    /// Replaces id and timestamp by ones that the holder of the secret signed
    /// just as they stand, so that only their form is left to refuse.
    fn signed_as(&mut self, id: &str, timestamp: &str) {
        let content = [id.as_bytes(), timestamp.as_bytes(), &self.body].join(b".".as_slice());
        let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
        mac.update(&content);
        let tag = STANDARD.encode(mac.finalize().into_bytes());
        self.set(ID, id);
        self.set(TIMESTAMP, timestamp);
        self.set(SIGNATURE, format!("v1,{tag}"));
    }

    fn verify(&self) -> Result<Verified, VerifyError> {
        let mut builder = Verifier::builder();
        for secret in &self.secrets {
            builder = builder.secret(secret).unwrap();
        }
        let verifier = builder.build().unwrap();
        verifier.verify(&self.headers, &self.body, self.now)
    }
}

fn check(cases: &[Case]) {
    assert!(Message::genuine().verify().is_ok());
    for (name, spoil, expected) in cases {
        let mut message = Message::genuine();
        spoil(&mut message);
        assert_eq!(message.verify(), Err(expected.clone()), "{name}");
    }
}

#[test]
fn headers_that_are_absent_doubled_or_mixed_are_refused() {
    check(&[
        ("nothing", |m| m.headers.clear(), missing(ID)),
        ("no id", |m| m.remove(ID), missing(ID)),
        ("no time", |m| m.remove(TIMESTAMP), missing(TIMESTAMP)),
        ("no signature", |m| m.remove(SIGNATURE), missing(SIGNATURE)),
        ("two ids", |m| m.add(ID, "msg_1"), duplicate(ID)),
        (
            "a second id in capitals",
            |m| m.add("Webhook-Id", "msg_2"),
            duplicate(ID),
        ),
        (
            "two times",
            |m| m.add(TIMESTAMP, "1700000000"),
            duplicate(TIMESTAMP),
        ),
        (
            "two signatures, the second genuine",
            |m| m.headers.insert(0, (SIGNATURE, b"v1,AAAA".to_vec())),
            duplicate(SIGNATURE),
        ),
        (
            "an id from the other family",
            |m| {
                m.remove(ID);
                m.add("svix-id", "msg_1");
            },
            missing(ID),
        ),
        (
            "a time from the other family",
            |m| {
                m.remove(TIMESTAMP);
                m.add("svix-timestamp", "1700000000");
            },
            missing(TIMESTAMP),
        ),
        (
            "the other family, incomplete",
            |m| {
                m.headers.clear();
                m.add("svix-id", "msg_1");
                m.add("svix-signature", hmac());
            },
            missing("svix-timestamp"),
        ),
    ]);
}

#[test]
fn ids_that_are_no_ids_are_refused() {
    check(&[
        ("empty id", |m| m.set(ID, ""), malformed(ID)),
        (
            "id with a dot, and truly signed",
            |m| m.signed_as("msg.1", "1700000000"),
            malformed(ID),
        ),
        (
            "dot moved from the body into the id",
            |m| {
                // Signed: `msg_1.1700000000.1700000001.{}`, split one dot later.
                let signature = hmac_key().sign("msg_1", SIGNED_AT, b"1700000001.{}");
                m.set(ID, "msg_1.1700000000");
                m.set(TIMESTAMP, "1700000001");
                m.set(SIGNATURE, signature);
                m.body = b"{}".to_vec();
            },
            malformed(ID),
        ),
        (
            "id with a space",
            |m| m.signed_as("msg 1", "1700000000"),
            malformed(ID),
        ),
        (
            "id with a line end",
            |m| m.signed_as("msg\n1", "1700000000"),
            malformed(ID),
        ),
        (
            "id outside ASCII",
            |m| m.signed_as("mßg", "1700000000"),
            malformed(ID),
        ),
        ("id not UTF-8", |m| m.set(ID, b"\xff"), malformed(ID)),
        (
            "id of 257 bytes",
            |m| m.signed_as(&"m".repeat(257), "1700000000"),
            malformed(ID),
        ),
        ("another id", |m| m.set(ID, "msg_2"), NoMatchingSignature),
        (
            "id in capitals",
            |m| m.set(ID, "MSG_1"),
            NoMatchingSignature,
        ),
    ]);
}

#[test]
fn timestamps_that_are_no_plain_numbers_are_refused() {
    let values: &[&str] = &[
        "",
        " ",
        "now",
        "+1700000000",
        "-1700000000",
        "-0",
        "00",
        "01700000000",
        " 1700000000",
        "1700000000 ",
        "1700000000.0",
        "1.7e9",
        "1_700_000_000",
        "0x6553f100",
        "1700000000\n",
        "١٧٠٠٠٠٠٠٠٠",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999999999",
        "-9223372036854775808",
    ];
    for value in values {
        let mut message = Message::genuine();
        message.signed_as("msg_1", value);
        let answer = message.verify();
        assert_eq!(answer, Err(malformed(TIMESTAMP)), "{value:?}");
    }
    // Signed as the plain number, sent in another spelling of it.
    for value in ["+1700000000", "01700000000"] {
        let mut message = Message::genuine();
        message.set(TIMESTAMP, value);
        let answer = message.verify();
        assert_eq!(answer, Err(malformed(TIMESTAMP)), "{value:?}");
    }
    let mut message = Message::genuine();
    message.set(TIMESTAMP, b"17000\xff0000");
    assert_eq!(message.verify(), Err(malformed(TIMESTAMP)));
}

#[test]
fn timestamps_outside_the_tolerance_are_refused_at_every_extreme() {
    check(&[
        ("301 s old", |m| m.now = SIGNED_AT + 301, TimestampTooOld),
        ("301 s ahead", |m| m.now = SIGNED_AT - 301, TimestampTooNew),
        ("clock at the end", |m| m.now = i64::MAX, TimestampTooOld),
        ("clock at the start", |m| m.now = i64::MIN, TimestampTooNew),
        (
            "largest time",
            |m| m.signed_as("msg_1", "9223372036854775807"),
            TimestampTooNew,
        ),
        (
            "largest time, earliest clock",
            |m| {
                m.signed_as("msg_1", "9223372036854775807");
                m.now = i64::MIN;
            },
            TimestampTooNew,
        ),
        ("time zero", |m| m.signed_as("msg_1", "0"), TimestampTooOld),
        (
            "time renewed without a new signature",
            |m| m.set(TIMESTAMP, "1700000001"),
            NoMatchingSignature,
        ),
    ]);
}

#[test]
fn messages_at_the_edge_of_the_tolerance_pass() {
    for now in [SIGNED_AT - 300, SIGNED_AT, SIGNED_AT + 300] {
        let message = Message {
            now,
            ..Message::genuine()
        };
        assert!(message.verify().is_ok(), "{now}");
    }
    let mut message = Message::genuine();
    message.signed_as("msg_1", "9223372036854775807");
    message.now = i64::MAX;
    assert!(message.verify().is_ok());
    message.signed_as("msg_1", "0");
    message.now = 0;
    assert!(message.verify().is_ok());
}

#[test]
fn bodies_that_changed_are_refused() {
    check(&[
        ("no body", |m| m.body.clear(), NoMatchingSignature),
        (
            "a byte changed",
            |m| m.body = b"{\"a\":2}".to_vec(),
            NoMatchingSignature,
        ),
        (
            "JSON printed again",
            |m| m.body = b"{\"a\": 1}".to_vec(),
            NoMatchingSignature,
        ),
        ("line end", |m| m.body.push(b'\n'), NoMatchingSignature),
        ("NUL", |m| m.body.push(0), NoMatchingSignature),
        (
            "a byte order mark",
            |m| m.body = b"\xef\xbb\xbf{\"a\":1}".to_vec(),
            NoMatchingSignature,
        ),
        (
            "another secret",
            |m| m.secrets = vec![SigningKey::generate_hmac([8; 32]).verifying_string()],
            NoMatchingSignature,
        ),
        (
            "another public key",
            |m| m.secrets = vec![SigningKey::generate_ed25519([8; 32]).verifying_string()],
            NoMatchingSignature,
        ),
    ]);
}

#[test]
fn signature_headers_without_any_signature_are_refused() {
    let values: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"   ".to_vec(),
        b"v1".to_vec(),
        b"v1=abc".to_vec(),
        hmac().replace(',', "").into_bytes(),
        hmac().replace(',', ":").into_bytes(),
        hmac()
            .replace(' ', "\t")
            .into_bytes()
            .into_iter()
            .chain(*b"\t")
            .collect(),
        [hmac().as_bytes(), b"\n"].concat(),
        [hmac().as_bytes(), b" v9,\xff"].concat(),
        vec!["v9,AAAA"; 33].join(" ").into_bytes(),
        format!("{} {}", hmac(), vec!["v1,AAAA"; 32].join(" ")).into_bytes(),
        format!("{} v9,{}", hmac(), "A".repeat(8192)).into_bytes(),
    ];
    for value in values {
        let mut message = Message::genuine();
        message.set(SIGNATURE, value.clone());
        let shown = String::from_utf8_lossy(&value);
        assert_eq!(message.verify(), Err(malformed(SIGNATURE)), "{shown}");
    }
}

#[test]
fn signatures_that_only_resemble_the_genuine_one_are_refused() {
    let (hmac, ed25519) = (hmac(), ed25519());
    let tag = hmac.strip_prefix("v1,").unwrap();
    let point = ed25519.strip_prefix("v1a,").unwrap();
    let swapped = if tag.starts_with('A') { "B" } else { "A" };
    let values = [
        "v1,".to_owned(),
        "v1a,".to_owned(),
        "v1, v1a,".to_owned(),
        "v1,=".to_owned(),
        "v1,A".to_owned(),
        "v1,AAAA".to_owned(),
        format!("v1,{}", &tag[..40]),
        format!("v1,{}", &tag[..43]),
        format!("v1,{tag}="),
        format!("v1,{tag}AAAA"),
        format!("v1,{tag}{tag}"),
        format!("v1,,{tag}"),
        format!("v1,{tag},"),
        format!("v1,{}", tag.to_lowercase()),
        format!("v1,{swapped}{}", &tag[1..]),
        format!("v1,{}", tag.replace('=', "A")),
        // 43 characters carry 258 bits: the last two must be zero.
        format!("v1,{}", not_canonical(tag)),
        format!("v1,{point}"),
        format!("v1,{}", "A".repeat(43) + "="),
        format!("v1a,{tag}"),
        format!("v1a,{}", &point[..84]),
        format!("v1a,{}", not_canonical(point)),
        format!("v1a,{}==", "A".repeat(86)),
        format!("v1a,AQ{}==", "A".repeat(84)),
        "v1,82ed4c5f0a1b5d2c1c0e6a2b0d5f6a7c8e9f0a1b2c3d4e5f60718293a4b5c6d7".to_owned(),
    ];
    for value in values {
        let mut message = Message::genuine();
        message.set(SIGNATURE, value.clone());
        assert_eq!(message.verify(), Err(NoMatchingSignature), "{value}");
    }
}

#[test]
fn signatures_of_a_scheme_without_a_key_are_told_apart() {
    let values = [
        hmac().replace("v1,", "v2,"),
        hmac().replace("v1,", "V1,"),
        hmac().replace("v1,", "v01,"),
        hmac().replace("v1,", ","),
        hmac().replace("v1,", "v1b,"),
    ];
    for value in values {
        let mut message = Message::genuine();
        message.set(SIGNATURE, value.clone());
        assert_eq!(message.verify(), Err(UnsupportedScheme), "{value}");
    }
    check(&[
        (
            "public key signature for a holder of a secret",
            |m| {
                m.set(SIGNATURE, ed25519());
                m.secrets.truncate(1);
            },
            UnsupportedScheme,
        ),
        (
            "secret's signature for a holder of a public key",
            |m| {
                m.set(SIGNATURE, hmac());
                m.secrets.remove(0);
            },
            UnsupportedScheme,
        ),
        (
            "the public key's bytes used as a secret",
            |m| {
                let public = ed25519_key().verifying_string();
                let secret = public.replace("whpk_", "whsec_");
                let forger = SigningKey::parse(&secret).unwrap();
                m.set(SIGNATURE, forger.sign("msg_1", SIGNED_AT, &m.body));
                m.secrets.remove(0);
            },
            UnsupportedScheme,
        ),
    ]);
}

/// The same bytes to a lenient decoder: a bit that it drops is set.
fn not_canonical(base64: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = base64.trim_end_matches('=').len() - 1;
    let value = ALPHABET.find(&base64[last..=last]).unwrap();
    let changed = &ALPHABET[value + 1..value + 2];
    format!("{}{changed}{}", &base64[..last], &base64[last + 1..])
}
