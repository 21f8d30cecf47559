//! GitHub's, Stripe's, Slack's and made-up signatures, against what their own
//! documentation and other programs say.

use postrider_verify::{
    Encoding, Hash, HmacFormat, HmacSigner, IdSource, Outgoing, Scheme, SetupError, Verified,
    Verifier, VerifyError,
};

const SECRET: &str = "0123456789abcdef";
const BODY: &[u8] = b"{\"a\":1}";
const NOW: i64 = 1_700_000_000;

/// An own format, its signature made by Python's `hmac`.
fn own() -> HmacFormat {
    HmacFormat::new("X-Own-Signature")
        .hash(Hash::Sha512)
        .encoding(Encoding::Base64)
        .timestamp_header("X-Own-Time")
        .id_header("X-Own-Id")
        .event_type_header("X-Own-Event")
        .signed_content("{id}/{timestamp}/{body}")
}

const OWN_SIGNATURE: &str =
    "6s/EFlE3Izp/1CrqQ+jp9/PACanSYYUscgmB3uqvhd6Zt/JexbCqJrKiYiurFDjioJFrZ1rC2OaGotFSHJ0xrA==";

fn verifier(format: HmacFormat, secret: &str) -> Verifier {
    Verifier::hmac(format)
        .secret(secret)
        .unwrap()
        .build()
        .unwrap()
}

fn message<'a>(id: &'a str, body: &'a [u8]) -> Outgoing<'a> {
    Outgoing {
        id,
        event_type: Some("user.created"),
        timestamp: NOW,
        retry: 0,
        body,
    }
}

#[test]
fn an_id_that_is_signed_in_the_body_counts_before_a_header_that_is_not() {
    let format = HmacFormat::new("X-Sig").id_header("X-Id").id_in_body("id");
    let signer = HmacSigner::new(format.clone()).unwrap();
    let signer = signer.secret(SECRET).unwrap();
    let verifier = verifier(format, SECRET);
    for (body, id, source) in [
        (&b"{\"id\":\"mine\"}"[..], "mine", IdSource::Body),
        (b"{}", "another", IdSource::UnsignedHeader),
    ] {
        let mut headers = signer.headers(&message("first", body));
        // Whoever has seen the message sends it again under another id.
        for (name, value) in &mut headers {
            if name == "x-id" {
                "another".clone_into(value);
            }
        }
        let found = verifier.verify(&headers, body, NOW).unwrap();
        assert_eq!((found.id.as_str(), found.id_source), (id, source));
    }
}

#[test]
fn an_id_may_hold_what_parts_nothing_from_it() {
    for (content, id, fits) in [
        ("v0:{id}:{timestamp}:{body}", "ev0", true),
        ("v0:{id}:{timestamp}:{body}", "e:v0", false),
        ("{timestamp}.{body}|{id}#", "a.b", true),
        ("{timestamp}.{body}|{id}#", "a#", true),
        ("{timestamp}.{body}|{id}#", "a|b", false),
    ] {
        let format = HmacFormat::new("X-Sig")
            .id_header("X-Id")
            .timestamp_header("X-Time")
            .signed_content(content);
        let signer = HmacSigner::new(format.clone()).unwrap();
        let headers = signer.secret(SECRET).unwrap().headers(&message(id, BODY));
        let found = verifier(format, SECRET).verify(&headers, BODY, NOW);
        assert_eq!(found.is_ok(), fits, "{content} {id}: {found:?}");
    }
}

#[test]
fn the_example_of_github_s_documentation_verifies() {
    let github = Verifier::github()
        .secret("It's a Secret to Everybody")
        .unwrap();
    let headers = [
        (
            "X-Hub-Signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        ("X-GitHub-Event", "push"),
        ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    ];
    let verified = github
        .build()
        .unwrap()
        .verify(&headers, b"Hello, World!", 0)
        .unwrap();
    assert_eq!(verified.scheme, Scheme::GitHub);
    assert_eq!(verified.id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    assert_eq!(verified.id_source, IdSource::UnsignedHeader);
    assert_eq!(verified.event_type.as_deref(), Some("push"));
    assert_eq!(verified.timestamp, None);
}

#[test]
fn the_example_of_slack_s_documentation_verifies() {
    let slack = Verifier::slack()
        .secret("8f742231b10e8888abcd99yyyzzz85a5")
        .unwrap();
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
        channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&\
        command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121\
        .803a0bc887a14d10d2c447fce8b6703c";
    let headers = [
        ("x-slack-request-timestamp", "1531420618"),
        (
            "x-slack-signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ];
    let verified = slack
        .build()
        .unwrap()
        .verify(&headers, body, 1_531_420_700)
        .unwrap();
    assert_eq!(verified.scheme, Scheme::Slack);
    assert_eq!(verified.timestamp, Some(1_531_420_618));
    assert_eq!(verified.event_type, None);
    // A form has no event id; its digest is the same on every retry.
    assert_eq!(verified.id_source, IdSource::BodyDigest);
    assert_eq!(verified.id.len(), "sha256:".len() + 64);
}

#[test]
fn a_stripe_event_verifies_and_gives_its_id_and_type() {
    let stripe = Verifier::stripe()
        .secret("whsec_fedcba9876543210")
        .unwrap()
        .secret("whsec_0123456789abcdef")
        .unwrap()
        .build()
        .unwrap();
    let body = br#"{"id":"evt_1","type":"charge.succeeded"}"#;
    let signature = "dcfc442e8da2cd9684da3ecc8fb4274208cd4b477818707366a8dba49c6c7605";
    let zeros = "0".repeat(64);
    for header in [
        format!("t=1492774577,v1={signature}"),
        format!("v1={zeros},v0={zeros},t=1492774577,v1={signature},v9=x=y"),
    ] {
        let verified = stripe
            .verify(&[("Stripe-Signature", header)], body, 1_492_774_577)
            .unwrap();
        assert_eq!(verified.scheme, Scheme::Stripe);
        assert_eq!(verified.key, 1);
        assert_eq!(
            (verified.id.as_str(), verified.id_source),
            ("evt_1", IdSource::Body)
        );
        assert_eq!(verified.event_type.as_deref(), Some("charge.succeeded"));
    }
}

#[test]
fn formats_of_one_s_own_verify_what_other_programs_signed() {
    let own_headers = [
        ("X-Own-Signature", OWN_SIGNATURE),
        ("X-Own-Time", "1700000000"),
        ("X-Own-Id", "msg_1"),
        ("X-Own-Event", "a.b"),
    ];
    let verified = verifier(own(), SECRET)
        .verify(&own_headers, BODY, NOW)
        .unwrap();
    assert_eq!(
        (verified.id.as_str(), verified.id_source),
        ("msg_1", IdSource::SignedHeader)
    );
    assert_eq!(verified.event_type.as_deref(), Some("a.b"));

    let last = HmacFormat::new("sig")
        .encoding(Encoding::HexUpper)
        .timestamp_header("time")
        .signed_content("{body}:{timestamp}");
    let headers = [
        (
            "sig",
            "0F88323407FFCD6353EADA1F307CAA83CF8E6162A078CC48CE0913A1D7F4486B",
        ),
        ("time", "1700000000"),
    ];
    assert!(verifier(last, SECRET).verify(&headers, BODY, NOW).is_ok());

    // A key longer than the hash's block is hashed first.
    let long = HmacFormat::new("sig").hash(Hash::Sha512);
    let headers = [(
        "sig",
        "0155ff5288981f523164ebc7c97d2a6ab583492891609aba0ab683baa4e26269436f10c1b5b915434dbb1ccf845620a8008b59eb08a8cc476379491b8c34d13f",
    )];
    assert!(
        verifier(long, &"k".repeat(200))
            .verify(&headers, BODY, NOW)
            .is_ok()
    );
}

#[test]
fn what_is_signed_in_a_format_verifies_in_it_and_in_no_other() {
    let formats = [
        HmacFormat::github(),
        HmacFormat::stripe(),
        HmacFormat::slack(),
        own(),
        HmacFormat::github()
            .signature_header("X-Acme-Signature")
            .id_header("X-Acme-Delivery")
            .event_type_header("X-Acme-Event"),
    ];
    for (index, format) in formats.iter().enumerate() {
        let signer = HmacSigner::new(format.clone())
            .unwrap()
            .secret(SECRET)
            .unwrap();
        let headers = signer.headers(&message("msg_1", BODY));
        for (other, expected) in formats.iter().enumerate() {
            let answer = verifier(expected.clone(), SECRET).verify(&headers, BODY, NOW);
            assert_eq!(
                answer.is_ok(),
                index == other,
                "{format:?} under {expected:?}"
            );
        }
    }
}

#[test]
fn signing_writes_each_header_that_the_format_names_and_no_other() {
    let github = HmacSigner::new(HmacFormat::github())
        .unwrap()
        .secret(SECRET)
        .unwrap();
    let names = |headers: Vec<(String, String)>| {
        headers
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(github.headers(&message("msg_1", BODY))),
        ["x-github-delivery", "x-github-event", "x-hub-signature-256"]
    );
    let slack = HmacSigner::new(HmacFormat::slack())
        .unwrap()
        .secret(SECRET)
        .unwrap();
    let first = slack.headers(&message("msg_1", BODY));
    assert_eq!(
        names(first),
        ["x-slack-request-timestamp", "x-slack-signature"]
    );
    let retry = Outgoing {
        retry: 2,
        ..message("msg_1", BODY)
    };
    assert!(
        slack
            .headers(&retry)
            .contains(&("x-slack-retry-num".to_owned(), "2".to_owned()))
    );
}

#[test]
fn a_list_holds_a_signature_of_every_secret_and_a_single_header_of_the_first() {
    let keys = ["0000000000000000", "1111111111111111"];
    for (format, count) in [(HmacFormat::stripe(), 2), (HmacFormat::github(), 1)] {
        assert_eq!(format.holds_several(), count == 2);
        let signer = HmacSigner::new(format.clone()).unwrap();
        let signer = signer.secret(keys[0]).unwrap().secret(keys[1]).unwrap();
        let headers = signer.headers(&message("msg_1", BODY));
        let fits = |key: &&&str| {
            verifier(format.clone(), key)
                .verify(&headers, BODY, NOW)
                .is_ok()
        };
        assert_eq!(keys.iter().filter(fits).count(), count);
    }
}

#[test]
fn formats_that_prove_nothing_or_name_no_header_are_refused() {
    let timed = || HmacFormat::new("sig").timestamp_header("time");
    let content = |template| timed().signed_content(template);
    for format in [
        content("{timestamp}"),
        content("{timestamp}.{body}.{body}"),
        content("{timestamp}{body}"),
        content("{timestamp}.{timestamp}.{body}"),
        content("{timestamp}0{body}"),
        content("1{timestamp}.{body}"),
        content("{timestamp}.{method}.{body}"),
        content("{timestamp}.{body"),
        content("{timestamp}.body}"),
        content("{timestamp} {body}"),
        content(""),
        content(&format!("{{timestamp}}.{{body}}{}", ".".repeat(256))),
        content("{id}.{timestamp}.{body}"),
        timed(),
        HmacFormat::new("sig").signed_content("{timestamp}.{body}"),
        HmacFormat::stripe().timestamp_header("time"),
        HmacFormat::stripe().signed_content("{body}"),
    ] {
        assert!(
            matches!(format.check(), Err(SetupError::SignedContent(_))),
            "{format:?}"
        );
        let built = Verifier::hmac(format.clone())
            .secret(SECRET)
            .unwrap()
            .build();
        assert!(built.is_err());
        assert!(HmacSigner::new(format).is_err());
    }
    for name in ["", "a b", "a:b", "a\r\nb", "ä", &"a".repeat(129)] {
        let answer = HmacFormat::new(name).check();
        assert_eq!(answer, Err(SetupError::HeaderName(name.to_owned())));
    }
    let twice = HmacFormat::github()
        .event_type_header("X-GitHub-Delivery")
        .check();
    assert_eq!(
        twice,
        Err(SetupError::RepeatedHeader("x-github-delivery".to_owned()))
    );
    for prefix in ["sha256 ", "\n", &"a".repeat(65)] {
        assert_eq!(
            HmacFormat::new("sig").prefix(prefix).check(),
            Err(SetupError::Prefix)
        );
    }
}

#[test]
fn secrets_that_are_empty_short_long_or_badly_copied_are_refused() {
    let refused = |secret: &str| Verifier::github().secret(secret).unwrap_err();
    assert_eq!(refused(""), SetupError::Empty);
    assert_eq!(refused(" 0123456789abcdef"), SetupError::Spaces);
    assert_eq!(refused("0123456789abcdef\n"), SetupError::Spaces);
    for length in [1, 15, 513] {
        let error = refused(&"a".repeat(length));
        let expected = SetupError::WrongLength {
            found: length,
            min: 16,
            max: 512,
        };
        assert_eq!(error, expected);
    }
    assert!(Verifier::github().build().is_err());
    assert!(Verifier::github().secret_bytes(&[b' '; 16]).is_ok());
    assert!(Verifier::builder().secret_bytes(&[0; 15]).is_err());
}

#[test]
fn nothing_shows_a_secret() {
    let builder = Verifier::stripe().secret("whsec_0123456789abcdef").unwrap();
    let signer = HmacSigner::new(HmacFormat::stripe()).unwrap();
    let signer = signer.secret("whsec_0123456789abcdef").unwrap();
    for shown in [
        format!("{builder:?}"),
        format!("{:?}", builder.clone().build().unwrap()),
        format!("{signer:?}"),
    ] {
        assert!(!shown.contains("0123456789abcdef"), "{shown}");
        assert!(!shown.contains("48, 49, 50"), "{shown}");
        assert!(shown.contains("redacted"), "{shown}");
    }
}

#[test]
fn an_id_that_could_be_split_elsewhere_is_refused() {
    let signer = HmacSigner::new(own()).unwrap().secret(SECRET).unwrap();
    let headers = signer.headers(&message("msg/1", BODY));
    let answer: Result<Verified, _> = verifier(own(), SECRET).verify(&headers, BODY, NOW);
    assert_eq!(answer, Err(VerifyError::MalformedHeader("x-own-id".into())));
}
