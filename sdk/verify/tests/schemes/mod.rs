//! Every scheme there is, each with one secret, for tests that hold for all.

use postrider_verify::testing::TestSender;
use postrider_verify::{Encoding, Hash, HmacFormat, SigningKey, Verifier};

/// When every test's messages are signed.
pub(crate) const NOW: i64 = 1_700_000_000;
/// A body with what a parser would print otherwise.
pub(crate) const BODY: &[u8] = br#"{"id":"evt_1","type":"user.created","name":"Zo\u00eb","n":1.0}"#;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A sender and a receiver that belong together.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) sender: TestSender,
    pub(crate) verifier: Verifier,
    /// What HMAC uses as its key; `None` for Ed25519.
    #[allow(
        dead_code,
        reason = "not every test that shares this file forges with the key"
    )]
    pub(crate) key: Option<Vec<u8>>,
}

/// base64 of HMAC-SHA512 over `id.timestamp.body`.
pub(crate) fn own_format() -> HmacFormat {
    HmacFormat::new("x-own-signature")
        .prefix("own:")
        .hash(Hash::Sha512)
        .encoding(Encoding::Base64)
        .timestamp_header("x-own-time")
        .id_header("x-own-id")
        .signed_content("{id}.{timestamp}.{body}")
}

fn hmac(name: &'static str, format: HmacFormat) -> Pair {
    Pair {
        name,
        sender: TestSender::hmac(format.clone(), SECRET).unwrap(),
        verifier: Verifier::hmac(format)
            .secret(SECRET)
            .unwrap()
            .build()
            .unwrap(),
        key: Some(SECRET.as_bytes().to_vec()),
    }
}

pub(crate) fn all() -> Vec<Pair> {
    let ed25519 = SigningKey::generate_ed25519([9; 32]);
    vec![
        Pair {
            name: "standard v1",
            sender: TestSender::standard(SECRET).unwrap(),
            verifier: Verifier::new(SECRET).unwrap(),
            key: Some(vec![
                49, 242, 144, 246, 191, 6, 41, 138, 171, 79, 8, 212, 60, 63, 8, 44, 246, 72, 163,
                98, 218, 45, 164, 176,
            ]),
        },
        Pair {
            name: "standard v1a",
            sender: TestSender::standard(&ed25519.to_secret_string()).unwrap(),
            verifier: Verifier::new(&ed25519.verifying_string()).unwrap(),
            key: None,
        },
        hmac("github", HmacFormat::github()),
        hmac("stripe", HmacFormat::stripe()),
        hmac("slack", HmacFormat::slack()),
        hmac("own", own_format()),
    ]
}
