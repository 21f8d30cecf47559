//! The same forgeries and malformed inputs against every scheme.

mod schemes;

use hmac::{Hmac, KeyInit, Mac};
use postrider_verify::testing::{Forgery, TestRequest};
use schemes::{BODY, NOW, Pair};
use sha2::{Digest, Sha256};

/// Spoils a genuine request; `None` where the scheme has nothing to spoil so.
type Spoil = fn(&Pair, TestRequest) -> Option<TestRequest>;

fn signature(request: &mut TestRequest) -> &mut String {
    let mut headers = request.headers.iter_mut();
    let (_, value) = headers
        .find(|(name, _)| name.contains("signature"))
        .unwrap();
    value
}

#[expect(clippy::unnecessary_wraps, reason = "what a `Spoil` gives")]
fn with(request: TestRequest, change: impl FnOnce(&str) -> String) -> Option<TestRequest> {
    let mut request = request;
    let value = signature(&mut request);
    *value = change(value);
    Some(request)
}

#[expect(clippy::unnecessary_wraps, reason = "what a `Spoil` gives")]
fn body(request: TestRequest, body: &[u8]) -> Option<TestRequest> {
    let mut request = request;
    request.body = body.to_vec();
    Some(request)
}

/// Where the signature itself begins.
fn start(value: &str) -> usize {
    let text = value.trim_end_matches('=');
    text.rfind([',', '=', ':']).map_or(0, |index| index + 1)
}

fn replaced(value: &str, signature: &str) -> String {
    format!("{}{signature}", &value[..start(value)])
}

fn timestamp(request: &mut TestRequest, to: &str) -> Option<()> {
    let now = NOW.to_string();
    let mut headers = request.headers.iter_mut();
    let (_, value) = headers.find(|(_, value)| value.contains(&now))?;
    *value = value.replacen(&now, to, 1);
    Some(())
}

fn timed(request: TestRequest, to: &str) -> Option<TestRequest> {
    let mut request = request;
    timestamp(&mut request, to)?;
    Some(request)
}

#[expect(clippy::format_collect, reason = "thirty bytes in a test")]
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The request with its signature (what stands behind the prefix) changed.
fn signed(request: TestRequest, change: impl FnOnce(&str) -> String) -> Option<TestRequest> {
    with(request, |value| {
        let changed = change(&value[start(value)..]);
        replaced(value, &changed)
    })
}

/// Anything but what is expected, of the form that the scheme wants.
fn tagged(pair: &Pair, request: TestRequest, tag: &[u8]) -> Option<TestRequest> {
    use base64::Engine;
    let encoded = match pair.name {
        "github" | "stripe" | "slack" => hex(tag),
        _ => base64::engine::general_purpose::STANDARD.encode(tag),
    };
    signed(request, |_| encoded)
}

const SIGNATURES: &[(&str, Spoil)] = &[
    ("no headers", |_, mut r| {
        r.headers.clear();
        Some(r)
    }),
    ("signature blank", |_, r| with(r, |_| String::new())),
    ("signature of spaces", |_, r| with(r, |_| "   ".to_owned())),
    ("space before it", |_, r| signed(r, |s| format!(" {s}"))),
    ("space within it", |_, r| {
        signed(r, |s| format!("{} {}", &s[..5], &s[5..]))
    }),
    ("tab behind it", |_, r| signed(r, |s| format!("{s}\t"))),
    ("line end behind it", |_, r| {
        signed(r, |s| format!("{s}\r\n"))
    }),
    ("NUL behind it", |_, r| signed(r, |s| format!("{s}\0"))),
    ("a letter outside ASCII behind it", |_, r| {
        signed(r, |s| format!("{s}é"))
    }),
    ("full-width digits", |_, r| {
        signed(r, |_| "１２３４".to_owned())
    }),
    ("half of it", |_, r| {
        signed(r, |s| s[..s.len() / 2].to_owned())
    }),
    ("one character of it", |_, r| {
        signed(r, |s| s[..1].to_owned())
    }),
    ("four characters of it", |_, r| {
        signed(r, |s| s[..4].to_owned())
    }),
    ("all but its first character", |_, r| {
        signed(r, |s| s[1..].to_owned())
    }),
    ("it twice over", |_, r| signed(r, |s| format!("{s}{s}"))),
    ("it without its prefix", |_, r| {
        with(r, |v| v[start(v)..].to_owned())
    }),
    ("its prefix twice", |p, r| {
        // Stripe's is then a list with one signature too many, and rightly so.
        let again = with(r, |v| format!("{}{v}", &v[..start(v)]));
        again.filter(|_| p.name != "stripe")
    }),
    ("its prefix in the other case", |_, r| {
        with(r, |v| {
            let (front, back) = v.split_at(start(v));
            let (upper, lower) = (front.to_uppercase(), front.to_lowercase());
            format!("{}{back}", if upper == front { lower } else { upper })
        })
    }),
    ("it in quotes", |_, r| signed(r, |s| format!("\"{s}\""))),
    ("it percent-encoded", |_, r| signed(r, |s| format!("%{s}"))),
    ("it with 0x", |_, r| signed(r, |s| format!("0x{s}"))),
    ("an equals sign before it", |_, r| {
        signed(r, |s| format!("={s}"))
    }),
    ("a comma before it", |_, r| signed(r, |s| format!(",{s}"))),
    ("a semicolon behind it", |_, r| {
        signed(r, |s| format!("{s};"))
    }),
    ("its case swapped", |_, r| {
        signed(r, |s| {
            let swap = |c: char| {
                if c.is_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                }
            };
            s.chars().map(swap).collect()
        })
    }),
    ("its last digit another", |_, r| {
        signed(r, |s| {
            let end = s.trim_end_matches('=').len() - 2;
            let other = if &s[end..=end] == "0" { "1" } else { "0" };
            format!("{}{other}{}", &s[..end], &s[end + 1..])
        })
    }),
    ("backwards", |_, r| signed(r, |s| s.chars().rev().collect())),
    ("zeros", |p, r| tagged(p, r, &[0; 32])),
    ("as many zeros as SHA-512 has", |p, r| {
        (p.name != "own").then(|| tagged(p, r, &[0; 64]))?
    }),
    ("ones", |p, r| tagged(p, r, &[0xff; 32])),
    ("the body's hash", |p, r| {
        let tag = Sha256::digest(&r.body);
        tagged(p, r, &tag)
    }),
    ("hash of key and body without HMAC", |p, r| {
        let key = p.key.clone().unwrap_or_default();
        let tag = Sha256::digest([key, r.body.clone()].concat());
        tagged(p, r, &tag)
    }),
    ("HMAC with an empty key", |p, r| {
        let tag = Hmac::<Sha256>::new_from_slice(b"")
            .unwrap()
            .chain_update(&r.body);
        tagged(p, r, &tag.finalize().into_bytes())
    }),
    ("HMAC with a zero behind the key", |p, r| {
        // HMAC pads keys with zeros, so the zero goes before.
        let key = [vec![0], p.key.clone()?].concat();
        let tag = Hmac::<Sha256>::new_from_slice(&key)
            .unwrap()
            .chain_update(&r.body);
        tagged(p, r, &tag.finalize().into_bytes())
    }),
    ("a megabyte of it", |_, r| {
        signed(r, |s| s.repeat(1 + (1 << 20) / s.len()))
    }),
    ("a megabyte of commas", |_, r| {
        with(r, |_| ",".repeat(1 << 20))
    }),
    ("a thousand entries", |_, r| {
        with(r, |v| format!("{v},").repeat(1000))
    }),
    ("a thousand entries with spaces", |_, r| {
        with(r, |v| format!("{v} ").repeat(1000))
    }),
    ("a header of another name", |_, mut r| {
        let mut headers = r.headers.iter_mut();
        headers
            .find(|(name, _)| name.contains("signature"))?
            .0
            .push('s');
        Some(r)
    }),
];

const BODIES: &[(&str, Spoil)] = &[
    ("a byte order mark", |_, r| {
        body(r, &[b"\xef\xbb\xbf", BODY].concat())
    }),
    ("a NUL behind", |_, r| body(r, &[BODY, b"\0"].concat())),
    ("a space before", |_, r| body(r, &[b" ", BODY].concat())),
    ("its last byte gone", |_, r| {
        body(r, &BODY[..BODY.len() - 1])
    }),
    ("twice over", |_, r| body(r, &[BODY, BODY].concat())),
    ("an escape written out", |_, r| {
        body(
            r,
            br#"{"id":"evt_1","type":"user.created","name":"Zo\u00EB","n":1.0}"#,
        )
    }),
    ("a number printed again", |_, r| {
        body(
            r,
            br#"{"id":"evt_1","type":"user.created","name":"Zo\u00eb","n":1}"#,
        )
    }),
    ("keys sorted", |_, r| {
        body(
            r,
            br#"{"id":"evt_1","n":1.0,"name":"Zo\u00eb","type":"user.created"}"#,
        )
    }),
    ("printed by a parser", |_, r| {
        let value: serde_json::Value = serde_json::from_slice(BODY).unwrap();
        body(r, value.to_string().as_bytes())
    }),
    ("in capitals", |_, r| body(r, &BODY.to_ascii_uppercase())),
    ("bytes that are no text", |_, r| body(r, b"\xff\xfe\x00")),
    ("a million bytes", |_, r| body(r, &vec![b'a'; 1_000_000])),
];

const TIMESTAMPS: &[&str] = &[
    "",
    "-1",
    "-0",
    "0",
    "1",
    "01700000000",
    "+1700000000",
    " 1700000000",
    "1700000000 ",
    "1700000000.0",
    "1.7e9",
    "0x6553f100",
    "1700000001",
    "1700000000000",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "١٧٠٠٠٠٠٠٠٠",
    "now",
    "NaN",
];

/// Checks one spoilt request and counts it.
fn refused(pair: &Pair, what: &str, genuine: &TestRequest, spoilt: Option<TestRequest>) -> usize {
    let Some(spoilt) = spoilt else { return 0 };
    assert!(
        spoilt != *genuine,
        "{}: {what}: nothing is spoilt",
        pair.name
    );
    let answer = pair.verifier.verify(&spoilt.headers, &spoilt.body, NOW);
    assert!(answer.is_err(), "{}: {what}: {answer:?}", pair.name);
    1
}

#[test]
fn forty_forgeries_and_malformed_inputs_are_refused_in_every_scheme() {
    for pair in schemes::all() {
        let genuine = pair.sender.request("msg_1", NOW, BODY);
        assert!(
            pair.verifier
                .verify(&genuine.headers, &genuine.body, NOW)
                .is_ok()
        );
        let mut count = 0;
        for (what, spoil) in SIGNATURES.iter().chain(BODIES) {
            count += refused(&pair, what, &genuine, spoil(&pair, genuine.clone()));
        }
        for forgery in Forgery::ALL {
            let spoilt = pair.sender.forge(*forgery, "msg_1", NOW, BODY);
            count += refused(&pair, &forgery.to_string(), &genuine, spoilt);
        }
        for value in TIMESTAMPS {
            count += refused(&pair, value, &genuine, timed(genuine.clone(), value));
        }
        assert!(count >= 55, "{}: only {count}", pair.name);
    }
}

#[test]
fn clocks_at_their_extremes_refuse_and_do_not_overflow() {
    for pair in schemes::all() {
        let genuine = pair.sender.request("msg_1", NOW, BODY);
        for now in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            let answer = pair.verifier.verify(&genuine.headers, &genuine.body, now);
            assert_eq!(
                answer.is_ok(),
                pair.name == "github",
                "{} at {now}",
                pair.name
            );
        }
    }
}

#[test]
fn no_scheme_accepts_what_another_signed() {
    let pairs = schemes::all();
    for (index, sender) in pairs.iter().enumerate() {
        let request = sender.sender.request("msg_1", NOW, BODY);
        for (other, receiver) in pairs.iter().enumerate() {
            let answer = receiver
                .verifier
                .verify(&request.headers, &request.body, NOW);
            assert_eq!(
                answer.is_ok(),
                index == other,
                "{} by {}",
                sender.name,
                receiver.name
            );
        }
    }
}

#[test]
fn each_forgery_has_its_own_name_in_words() {
    let names: std::collections::HashSet<_> =
        Forgery::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), Forgery::ALL.len());
    assert_eq!(Forgery::ReserialisedBody.to_string(), "reserialised body");
}
