//! Which secrets and keys are taken, and that none is ever shown.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use postrider_verify::{SetupError, SigningKey, Verifier};

use SetupError::{
    Empty, InvalidPublicKey, KeyPairMismatch, NoSecret, NotBase64, PrivateKeyForVerifying,
    PublicKeyForSigning, UnknownPrefix, WrongLength,
};

fn whsec(length: usize) -> String {
    format!("whsec_{}", STANDARD.encode(vec![0xfb; length]))
}

fn refused(secret: &str) -> SetupError {
    Verifier::new(secret).expect_err(secret)
}

fn refused_to_sign(secret: &str) -> SetupError {
    SigningKey::parse(secret).expect_err(secret)
}

#[test]
fn a_verifier_takes_secrets_of_16_to_75_bytes_with_or_without_prefix() {
    for length in 16..=75 {
        let secret = whsec(length);
        assert!(Verifier::new(&secret).is_ok(), "{length}");
        assert!(Verifier::new(&secret["whsec_".len()..]).is_ok(), "{length}");
    }
    for found in (1..16).chain(76..100) {
        let (min, max) = (16, 75);
        let answer = refused(&whsec(found));
        let WrongLength { found: told, .. } = answer else {
            panic!("{found}: {answer}");
        };
        assert_eq!(
            answer,
            WrongLength {
                found: told,
                min,
                max
            }
        );
        assert!(told.abs_diff(found) < 3, "{found}, told {told}");
    }
}

#[test]
fn a_signing_key_has_24_to_75_bytes_and_needs_its_prefix() {
    for length in 24..=75 {
        assert!(SigningKey::parse(&whsec(length)).is_ok(), "{length}");
    }
    let (min, max) = (24, 75);
    for found in [1, 16, 23, 76] {
        let answer = refused_to_sign(&whsec(found));
        assert!(matches!(answer, WrongLength { .. }), "{found}: {answer}");
    }
    assert_eq!(
        refused_to_sign(&whsec(23)),
        WrongLength {
            found: 23,
            min,
            max
        }
    );
    assert_eq!(refused_to_sign(&whsec(32)["whsec_".len()..]), UnknownPrefix);
}

#[test]
fn empty_secrets_are_refused_as_empty() {
    for secret in ["", "whsec_", "whpk_"] {
        assert_eq!(refused(secret), Empty, "{secret}");
    }
    for secret in ["", "whsec_", "whsk_"] {
        assert_eq!(refused_to_sign(secret), Empty, "{secret}");
    }
    assert_eq!(Verifier::builder().build().unwrap_err(), NoSecret);
}

#[test]
fn base64_that_is_not_strict_is_refused() {
    let bytes = [0xfb; 32];
    let good = STANDARD.encode(bytes);
    let values = [
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}="),
        format!("whsec_{good}"),
        good.replace('=', "*"),
        // The last character before the padding carries bits that mean nothing.
        format!("{}t=", &good[..42]),
        "secret".to_owned(),
        "\u{e9}\u{e9}".to_owned(),
    ];
    for value in values {
        let secret = format!("whsec_{value}");
        assert_eq!(refused(&secret), NotBase64, "{value:?}");
        assert_eq!(refused_to_sign(&secret), NotBase64, "{value:?}");
    }
}

#[test]
fn prefixes_of_the_wrong_side_or_of_nobody_are_named() {
    let key = SigningKey::generate_ed25519([3; 32]);
    assert_eq!(refused(&key.to_secret_string()), PrivateKeyForVerifying);
    assert_eq!(
        refused_to_sign(&key.verifying_string()),
        PublicKeyForSigning
    );
    for secret in [
        "whsk1_AAAA",
        "whpk1_AAAA",
        "sk_live_AAAA",
        "WHSEC_AAAA",
        "_",
    ] {
        assert_eq!(refused(secret), UnknownPrefix, "{secret}");
        assert_eq!(refused_to_sign(secret), UnknownPrefix, "{secret}");
    }
}

#[test]
fn public_keys_that_are_weak_or_no_points_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    for bytes in [[0; 32], identity, off_curve] {
        let secret = format!("whpk_{}", STANDARD.encode(bytes));
        assert_eq!(refused(&secret), InvalidPublicKey, "{bytes:?}");
    }
    for length in [31, 33] {
        let secret = format!("whpk_{}", STANDARD.encode(vec![5; length]));
        assert!(matches!(
            refused(&secret),
            WrongLength {
                min: 32,
                max: 32,
                ..
            }
        ));
    }
}

#[test]
fn a_private_key_is_64_bytes_whose_halves_belong_together() {
    let key = SigningKey::generate_ed25519([3; 32]).to_secret_string();
    let pair = STANDARD.decode(&key["whsk_".len()..]).unwrap();
    assert_eq!(pair.len(), 64);
    assert_eq!(pair[..32], [3; 32]);

    let other = SigningKey::generate_ed25519([4; 32]).to_secret_string();
    let other = STANDARD.decode(&other["whsk_".len()..]).unwrap();
    let mixed = [&pair[..32], &other[32..]].concat();
    let mixed = format!("whsk_{}", STANDARD.encode(mixed));
    assert_eq!(refused_to_sign(&mixed), KeyPairMismatch);

    let seed = format!("whsk_{}", STANDARD.encode([3; 32]));
    let expected = WrongLength {
        found: 32,
        min: 64,
        max: 64,
    };
    assert_eq!(refused_to_sign(&seed), expected);
}

#[test]
fn a_verifier_can_be_given_another_tolerance() {
    let key = SigningKey::generate_hmac([1; 32]);
    let signature = key.sign("msg", 1000, b"");
    let headers = [
        ("svix-id", "msg"),
        ("svix-timestamp", "1000"),
        ("svix-signature", &signature),
    ];
    let passes = |tolerance, now| {
        let builder = Verifier::builder().secret(&key.verifying_string()).unwrap();
        let verifier = builder.tolerance(tolerance).build().unwrap();
        verifier.verify(&headers, b"", now).is_ok()
    };
    assert!(passes(Duration::ZERO, 1000));
    assert!(!passes(Duration::ZERO, 1001));
    assert!(!passes(Duration::from_millis(1999), 1002));
    assert!(passes(Duration::from_secs(10), 990));
    assert!(!passes(Duration::from_secs(10), 989));
    assert!(passes(Duration::MAX, i64::MIN));
    assert!(passes(Duration::MAX, i64::MAX));
}

#[test]
fn no_secret_shows_in_debug_output_or_errors() {
    let hmac = SigningKey::generate_hmac(*b"canary canary canary canary cana");
    let ed25519 = SigningKey::generate_ed25519(*b"canary canary canary canary cana");
    let verifier = Verifier::builder()
        .secret(&hmac.verifying_string())
        .unwrap()
        .secret(&ed25519.verifying_string())
        .unwrap();
    let short = format!("whsec_{}", STANDARD.encode("canary"));
    let shown = format!(
        "{hmac:?} {ed25519:?} {verifier:?} {:?} {:?} {}",
        verifier.clone().build(),
        refused(&short),
        refused("whsec_canary!")
    );
    let base64 = STANDARD.encode("canary");
    assert!(
        !shown.contains("canary") && !shown.contains(&base64),
        "{shown}"
    );
    // The bytes of "ca", as a derived Debug would print them.
    assert!(!shown.contains("99, 97"), "{shown}");
}

#[test]
fn keys_and_verifiers_can_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<SigningKey>();
    shared::<Verifier>();
}

#[test]
fn every_error_says_something_of_its_own() {
    let errors = [
        NoSecret,
        Empty,
        UnknownPrefix,
        NotBase64,
        WrongLength {
            found: 3,
            min: 16,
            max: 75,
        },
        WrongLength {
            found: 3,
            min: 32,
            max: 32,
        },
        PrivateKeyForVerifying,
        PublicKeyForSigning,
        InvalidPublicKey,
        KeyPairMismatch,
        SetupError::Ed25519Disabled,
    ];
    let texts: std::collections::HashSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len());
}
