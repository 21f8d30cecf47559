use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a secret of more than sixteen bytes";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn public(name: &str) -> &'static str {
    match name {
        "rsa" => include_str!("tests/rsa.pub.pem"),
        "short" => include_str!("tests/rsa1024.pub.pem"),
        _ => include_str!("tests/ed25519.pub.pem"),
    }
}

fn private(name: &str) -> Vec<u8> {
    let text = match name {
        "rsa" => include_str!("tests/rsa.txt"),
        _ => include_str!("tests/ed25519.txt"),
    };
    base64::engine::general_purpose::STANDARD
        .decode(text.replace('\n', ""))
        .unwrap()
}

fn encode(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

/// A token whose header is `header`, signed by `sign`.
fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", encode(header), encode(claims));
    let signature = BASE64.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn hmac(algorithm: ring::hmac::Algorithm, secret: &str) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = ring::hmac::Key::new(algorithm, secret.as_bytes());
    move |text| ring::hmac::sign(&key, text).as_ref().to_vec()
}

fn rsa(padding: &'static dyn ring::signature::RsaEncoding) -> impl Fn(&[u8]) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&private("rsa")).unwrap();
    move |text| {
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), text, &mut signature)
            .unwrap();
        signature
    }
}

fn ed25519(text: &[u8]) -> Vec<u8> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private("ed25519")).unwrap();
    pair.sign(text).as_ref().to_vec()
}

fn hs256(claims: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    signed(&header, claims, hmac(ring::hmac::HMAC_SHA256, SECRET))
}

fn key() -> JwtKey {
    JwtKey::new(JwtAlgorithm::Hs256, SECRET).unwrap()
}

fn claims() -> Value {
    json!({"sub": "org_1", "iss": "svix-server", "iat": 1_800_000_000, "exp": 1_800_003_600})
}

#[test]
fn a_token_of_each_algorithm_counts() {
    use JwtAlgorithm::{EdDsa, Hs384, Hs512, Rs256, Rs512};
    let token =
        |alg: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| signed(&json!({"alg": alg}), &claims(), sign);
    for (algorithm, text, token) in [
        (JwtAlgorithm::Hs256, SECRET, hs256(&claims())),
        (
            Hs384,
            SECRET,
            token("HS384", &hmac(ring::hmac::HMAC_SHA384, SECRET)),
        ),
        (
            Hs512,
            SECRET,
            token("HS512", &hmac(ring::hmac::HMAC_SHA512, SECRET)),
        ),
        (
            Rs256,
            public("rsa"),
            token("RS256", &rsa(&RSA_PKCS1_SHA256)),
        ),
        (
            Rs512,
            public("rsa"),
            token("RS512", &rsa(&RSA_PKCS1_SHA512)),
        ),
        (EdDsa, public("ed25519"), token("EdDSA", &ed25519)),
    ] {
        let key = JwtKey::new(algorithm, text).unwrap();
        let jwt = key
            .check(&token, NOW)
            .unwrap_or_else(|_| panic!("{}", algorithm.word()));
        assert_eq!((jwt.org.as_str(), jwt.app), ("org_1", None));
    }
}

#[test]
fn the_algorithm_is_never_the_tokens_choice() {
    let pem = public("rsa");
    let key = JwtKey::new(JwtAlgorithm::Rs256, pem).unwrap();
    // The public key, which everybody has, as a shared secret.
    let confused = hmac(ring::hmac::HMAC_SHA256, pem);
    let mut tokens = vec![
        signed(&json!({"alg": "HS256"}), &claims(), &confused),
        signed(&json!({"alg": "RS256"}), &claims(), &confused),
        signed(&json!({"alg": "RS512"}), &claims(), rsa(&RSA_PKCS1_SHA512)),
        signed(&json!({"alg": "RS256"}), &claims(), rsa(&RSA_PKCS1_SHA512)),
    ];
    for none in ["none", "None", "NONE", "nOnE", ""] {
        tokens.push(signed(&json!({"alg": none}), &claims(), |_| Vec::new()));
    }
    for token in tokens {
        assert_eq!(key.check(&token, NOW), Err(JwtFault::Invalid), "{token}");
    }
    let hs512 = hmac(ring::hmac::HMAC_SHA512, SECRET);
    let token = signed(&json!({"alg": "HS512"}), &claims(), hs512);
    assert!(self::key().check(&token, NOW).is_err());
}

#[test]
fn a_token_has_one_spelling() {
    let token = hs256(&claims());
    assert!(key().check(&token, NOW).is_ok());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    // 32 bytes are 43 digits, of which the last has two bits that say nothing.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = digits.find(signature.chars().last().unwrap()).unwrap();
    let cut = &signature[..signature.len() - 1];
    let mut others: Vec<String> = (last + 1..last + 4)
        .map(|at| format!("{signed}.{cut}{}", &digits[at..=at]))
        .collect();
    others.extend([
        format!("{token}="),
        format!("{token}A"),
        format!("{token}."),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{signed}.{signature}.{signature}"),
        format!(
            "{signed}.{}",
            signature.replace('-', "+").replace('_', "/") + "=="
        ),
        format!("{signed}."),
        signed.to_owned(),
    ]);
    for other in others {
        assert_eq!(key().check(&other, NOW), Err(JwtFault::Invalid), "{other}");
    }
}

#[test]
fn times_count_with_fifteen_minutes_of_leeway() {
    let now = 1_800_000_000_i64;
    for (extra, counts) in [
        (json!({"exp": now - 899}), true),
        (json!({"exp": now - 900}), false),
        (json!({"exp": 1_799_999_100.5}), true),
        (json!({"nbf": now + 900}), true),
        (json!({"nbf": now + 901}), false),
        (json!({"iat": now + 900}), true),
        (json!({"iat": now + 901}), false),
        (json!({}), true),
        (json!({"exp": null}), true),
        (json!({"exp": "never"}), false),
        (json!({"exp": "1900000000"}), false),
        (json!({"exp": -1}), false),
        (json!({"exp": 1e300}), false),
        (json!({"nbf": [1]}), false),
    ] {
        let mut claims = json!({"sub": "org_1"});
        claims
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        assert_eq!(key().check(&hs256(&claims), NOW).is_ok(), counts, "{extra}");
    }
    let jwt = key().check(&hs256(&claims()), NOW).unwrap();
    assert_eq!(jwt.expires_at, Some(NOW.plus(Duration::from_mins(75))));
}

#[test]
fn what_a_token_names_must_be_ids() {
    let of_app = json!({"org": "org_1", "sub": "app_1", "feature_flags": ["beta"]});
    let jwt = key().check(&hs256(&of_app), NOW).unwrap();
    assert_eq!(
        (jwt.org.as_str(), jwt.app.as_deref()),
        ("org_1", Some("app_1"))
    );
    assert_eq!(jwt.flags, ["beta"]);
    for (claims, fault) in [
        (json!({}), JwtFault::Invalid),
        (json!({"org": "org_1"}), JwtFault::Invalid),
        (json!({"sub": 1}), JwtFault::Invalid),
        (json!({"sub": "app_1"}), JwtFault::Malformed),
        (json!({"sub": "org_"}), JwtFault::Malformed),
        (json!({"sub": "org_\u{0}"}), JwtFault::Malformed),
        (json!({"sub": "org_1", "org": "org_1"}), JwtFault::Malformed),
        (json!({"sub": "app_1", "org": "app_1"}), JwtFault::Malformed),
        (
            json!({"sub": format!("org_{}", "x".repeat(257))}),
            JwtFault::Malformed,
        ),
    ] {
        assert_eq!(key().check(&hs256(&claims), NOW), Err(fault), "{claims}");
    }
}

#[test]
fn a_header_that_asks_to_be_understood_is_not() {
    let header = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    let token = signed(&header, &claims(), hmac(ring::hmac::HMAC_SHA256, SECRET));
    assert_eq!(key().check(&token, NOW), Err(JwtFault::Invalid));
}

#[test]
fn another_key_or_another_text_does_not_count() {
    let forged = signed(
        &json!({"alg": "HS256"}),
        &claims(),
        hmac(ring::hmac::HMAC_SHA256, "another secret of sixteen bytes"),
    );
    assert_eq!(key().check(&forged, NOW), Err(JwtFault::Invalid));
    let token = hs256(&claims());
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let other = encode(&json!({"sub": "org_2"}));
    let changed = format!("{header}.{other}.{signature}");
    assert_eq!(key().check(&changed, NOW), Err(JwtFault::Invalid));
}

#[test]
fn a_key_fits_its_algorithm_or_is_refused() {
    use JwtAlgorithm::{EdDsa, Hs256, Rs256};
    for (algorithm, text, fault) in [
        (Hs256, "short", JwtKeyError::Short),
        (Hs256, "", JwtKeyError::Short),
        (Rs256, SECRET, JwtKeyError::NotRsa),
        (Rs256, public("short"), JwtKeyError::NotRsa),
        (Rs256, public("ed25519"), JwtKeyError::NotRsa),
        (EdDsa, public("rsa"), JwtKeyError::NotEd25519),
        (EdDsa, SECRET, JwtKeyError::NotEd25519),
    ] {
        assert_eq!(JwtKey::new(algorithm, text).err(), Some(fault), "{text}");
    }
    let one_line = public("ed25519").replace('\n', "\\n");
    assert!(JwtKey::new(EdDsa, &one_line).is_ok());
    assert!(!format!("{:?}", key()).contains(SECRET));
}
