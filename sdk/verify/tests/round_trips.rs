//! What is signed verifies, and nothing else does, over random messages.

mod random;

use postrider_verify::{Scheme, SigningKey, Verifier, VerifyError, sign_all};
use random::Random;

const ROUNDS: usize = 300;

fn id(random: &mut Random) -> String {
    let length = 1 + random.next() as usize % 64;
    let byte = |_| match b'!' + (random.next() % 94) as u8 {
        b'.' => '_',
        byte => char::from(byte),
    };
    (0..length).map(byte).collect()
}

fn key(random: &mut Random) -> SigningKey {
    if random.next().is_multiple_of(4) {
        SigningKey::generate_ed25519(random.array())
    } else {
        SigningKey::generate_hmac(random.array())
    }
}

fn headers<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("Webhook-Id", id),
        ("Webhook-Timestamp", timestamp),
        ("Webhook-Signature", signature),
    ]
}

#[test]
fn what_any_key_of_several_signed_verifies_with_any_of_several_secrets() {
    let mut random = Random(11);
    for _ in 0..ROUNDS {
        let shared = key(&mut random);
        let id = id(&mut random);
        let timestamp = (random.next() >> 1) as i64;
        let length = random.next() as usize % 300;
        let body = random.bytes(length);

        let mut senders = vec![key(&mut random), key(&mut random)];
        senders.insert(random.next() as usize % 3, shared.clone());
        let signature = sign_all(&senders, &id, timestamp, &body);
        let at = random.next() as usize % 3;
        let mut secrets = vec![key(&mut random), key(&mut random)];
        secrets.insert(at, shared.clone());
        let verifier = secrets
            .iter()
            .try_fold(Verifier::builder(), |builder, key| {
                builder.secret(&key.verifying_string())
            })
            .and_then(postrider_verify::VerifierBuilder::build)
            .unwrap();

        let text = timestamp.to_string();
        let accepted = verifier
            .verify(&headers(&id, &text, &signature), &body, timestamp)
            .unwrap();
        assert_eq!(accepted.id, id);
        assert_eq!(accepted.timestamp, Some(timestamp));
        assert_eq!(accepted.key, at);
        assert_eq!(accepted.scheme, shared.scheme());
    }
}

#[test]
fn one_flipped_bit_anywhere_in_the_body_fails() {
    let mut random = Random(12);
    for _ in 0..ROUNDS {
        let key = key(&mut random);
        let length = 1 + random.next() as usize % 100;
        let mut body = random.bytes(length);
        let signature = key.sign("msg", 5, &body);
        let verifier = Verifier::new(&key.verifying_string()).unwrap();
        body[random.next() as usize % length] ^= 1 << (random.next() % 8);
        let answer = verifier.verify(&headers("msg", "5", &signature), &body, 5);
        assert_eq!(answer, Err(VerifyError::NoMatchingSignature));
    }
}

#[test]
fn one_changed_character_anywhere_in_the_signature_fails() {
    let mut random = Random(13);
    for _ in 0..ROUNDS {
        let key = key(&mut random);
        let genuine = key.sign("msg", 5, b"body");
        let verifier = Verifier::new(&key.verifying_string()).unwrap();
        let mut bytes = genuine.clone().into_bytes();
        let at = random.next() as usize % bytes.len();
        bytes[at] = b'!' + (random.next() % 94) as u8;
        let changed = String::from_utf8(bytes).unwrap();
        let answer = verifier.verify(&headers("msg", "5", &changed), b"body", 5);
        assert_eq!(answer.is_ok(), changed == genuine, "{changed}");
    }
}

#[test]
fn random_headers_never_pass_and_never_panic() {
    let mut random = Random(14);
    let verifier = Verifier::builder()
        .secret(&SigningKey::generate_hmac([1; 32]).verifying_string())
        .unwrap()
        .secret(&SigningKey::generate_ed25519([1; 32]).verifying_string())
        .unwrap()
        .build()
        .unwrap();
    let pieces: [&[u8]; 12] = [
        b"v1,", b"v1a,", b" ", b",", b"=", b"AAAA", b"9", b"-", b".", b"\xff", b"0", b"",
    ];
    for _ in 0..ROUNDS * 10 {
        let mut value = || -> Vec<u8> {
            let count = random.next() % 40;
            let mut pick = || pieces[random.next() as usize % pieces.len()];
            (0..count).flat_map(|_| pick().to_vec()).collect()
        };
        let headers = [
            ("webhook-id", value()),
            ("webhook-timestamp", value()),
            ("webhook-signature", value()),
        ];
        let genuine = [
            ("webhook-id", b"msg".to_vec()),
            ("webhook-timestamp", b"5".to_vec()),
            ("webhook-signature", value()),
        ];
        let now = random.next() as i64;
        assert!(verifier.verify(&headers, b"", now).is_err());
        assert!(verifier.verify(&genuine, b"", 5).is_err());
    }
}

#[test]
fn keys_survive_their_text_form() {
    let mut random = Random(15);
    for _ in 0..ROUNDS {
        let key = key(&mut random);
        let again = SigningKey::parse(&key.to_secret_string()).unwrap();
        assert_eq!(again.to_secret_string(), key.to_secret_string());
        assert_eq!(again.verifying_string(), key.verifying_string());
        assert_eq!(again.sign("m", 1, b"b"), key.sign("m", 1, b"b"));
        let prefix = match key.scheme() {
            Scheme::V1 => "whsec_",
            _ => "whpk_",
        };
        assert!(key.verifying_string().starts_with(prefix));
    }
}
