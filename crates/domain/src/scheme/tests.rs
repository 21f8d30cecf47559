use super::*;

fn read(text: &str) -> Result<Schemes, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn written(text: &str) -> String {
    serde_json::to_string(&read(text).unwrap()).unwrap()
}

#[test]
fn a_word_an_object_and_a_list_of_these_are_the_same_scheme() {
    let github = concat!(
        r#"[{"type":"github","signatureHeader":"X-Hub-Signature-256","#,
        r#""eventHeader":"X-GitHub-Event","deliveryHeader":"X-GitHub-Delivery"}]"#
    );
    for text in [
        r#""github""#,
        r#"["github"]"#,
        r#"{"type":"github"}"#,
        r#"[{"type":"github"}]"#,
        github,
    ] {
        assert_eq!(written(text), github, "{text}");
    }
    assert_eq!(read(r#""standard""#).unwrap(), Schemes::default());
}

#[test]
fn every_scheme_survives_its_json() {
    for text in [
        r#"[{"type":"standard"}]"#,
        r#"[{"type":"stripe","signatureHeader":"Acme-Signature"},{"type":"standard"}]"#,
        r#"[{"type":"slack","signatureHeader":"X-S","timestampHeader":"X-T","retryHeader":null}]"#,
        concat!(
            r#"[{"type":"hmac","signatureHeader":"X-Sig","prefix":"sha512=","encoding":"base64","algorithm":"sha512","#,
            r#""content":"{id}.{timestamp}.{body}","idHeader":"X-Id","timestampHeader":"X-Time","eventHeader":null}]"#
        ),
    ] {
        assert_eq!(written(text), text);
    }
    let defaults = written(r#"{"type":"hmac","signatureHeader":"X-Sig"}"#);
    assert!(
        defaults
            .contains(r#""prefix":"","encoding":"hex","algorithm":"sha256","content":"{body}""#)
    );
}

#[test]
fn an_optional_header_is_there_unless_it_is_null() {
    let schemes = read(r#"{"type":"github","eventHeader":null,"deliveryHeader":"X-Id"}"#).unwrap();
    let headers = schemes.as_slice()[0].headers();
    let names: Vec<_> = headers.iter().map(|of| (of.field, of.name)).collect();
    let want = [
        ("signatureHeader", "X-Hub-Signature-256"),
        ("deliveryHeader", "X-Id"),
    ];
    assert_eq!(names, want);
}

/// What cannot be, and a part of what is said of it.
const WRONG: &[(&str, &str)] = &[
    (r#""gitlab""#, "unknown variant `gitlab`"),
    (r#""hmac""#, "signatureHeader"),
    ("7", "a scheme's type"),
    (r#"[["github"]]"#, "an object with its type"),
    ("[]", "a list of 0 schemes: give 1"),
    (r#"["github","slack","stripe"]"#, "a list of 3 schemes"),
    (r#"["standard","standard"]"#, "standard comes twice"),
    (r#"{"signatureHeader":"X-A"}"#, "type"),
    (r#"{"type":"hmac"}"#, "signatureHeader"),
    (r#"{"type":"github","signatureHeader":null}"#, "null"),
    (
        r#"{"type":"github","signatureHeader":""}"#,
        "signatureHeader: \"\" is no header name",
    ),
    (
        r#"{"type":"github","signatureHeader":"a b"}"#,
        "signatureHeader: \"a b\"",
    ),
    (
        r#"{"type":"github","eventHeader":"Host"}"#,
        "eventHeader: \"Host\" cannot be set",
    ),
    (
        r#"{"type":"stripe","signatureHeader":"webhook-signature"}"#,
        "cannot be set",
    ),
    (
        r#"{"type":"slack","timestampHeader":"svix-timestamp"}"#,
        "timestampHeader",
    ),
    (
        r#"{"type":"slack","retryHeader":"x-slack-signature"}"#,
        "retryHeader: \"x-slack-signature\" is another",
    ),
    (
        r#"["github",{"type":"hmac","signatureHeader":"x-hub-signature-256"}]"#,
        "signatureHeader: \"x-hub-signature-256\" is another",
    ),
    (r#"["github","github"]"#, "is another header"),
    (
        r#"{"type":"hmac","signatureHeader":"X","encoding":"base32"}"#,
        "base32",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","algorithm":"sha1"}"#,
        "sha1",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","prefix":"a\nb"}"#,
        "prefix",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{timestamp}"}"#,
        "does not sign the body once",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{body}{body}"}"#,
        "does not sign the body once",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":""}"#,
        "does not sign the body once",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{id}.{id}.{body}","idHeader":"I"}"#,
        "something else twice",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{id}{body}","idHeader":"I"}"#,
        "touch",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"v0{timestamp}.{body}","timestampHeader":"T"}"#,
        "touch",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"a {body}"}"#,
        "something else",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","timestampHeader":"T"}"#,
        "does not sign {timestamp}",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{url}{body}"}"#,
        "something else",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{body}}"}"#,
        "something else",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"é{body}"}"#,
        "something else",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{timestamp}.{body}"}"#,
        "give timestampHeader",
    ),
    (
        r#"{"type":"hmac","signatureHeader":"X","content":"{id}.{body}"}"#,
        "give idHeader",
    ),
];

#[test]
fn what_cannot_be_sent_is_refused_with_the_field_and_the_remedy() {
    for (text, want) in WRONG {
        let error = read(text).unwrap_err();
        assert!(error.contains(want), "{text}: {error}");
    }
    let long = format!(
        r#"{{"type":"hmac","signatureHeader":"X","content":"{{body}}{}"}}"#,
        "x".repeat(200)
    );
    assert!(read(&long).unwrap_err().contains("is too long"));
    let long = format!(
        r#"{{"type":"hmac","signatureHeader":"X","prefix":"{}"}}"#,
        "x".repeat(65)
    );
    assert!(read(&long).unwrap_err().contains("at most 64"));
}

#[test]
fn the_same_kind_twice_may_move_a_receiver_to_other_headers() {
    let text =
        r#"[{"type":"hmac","signatureHeader":"X-Old"},{"type":"hmac","signatureHeader":"X-New"}]"#;
    assert_eq!(read(text).unwrap().kinds(), [SchemeKind::Hmac]);
}

#[test]
fn a_template_is_read_into_its_parts_and_written_back() {
    let text = |text: &str| Part::Text(text.to_owned());
    for (template, parts) in [
        ("{body}", vec![Part::Body]),
        (
            "v0:{timestamp}:{body}",
            vec![text("v0:"), Part::Timestamp, text(":"), Part::Body],
        ),
        ("{body}.{id}", vec![Part::Body, text("."), Part::Id]),
    ] {
        let content = Content::parse(template).unwrap();
        assert_eq!(content.parts(), parts);
        assert_eq!(content.to_string(), template);
    }
}

#[test]
fn a_custom_header_must_not_bear_the_name_of_a_scheme_s_header() {
    let schemes = read(r#"["github","standard"]"#).unwrap();
    assert_eq!(schemes.check_beside(["X-Team", "authorization"]), Ok(()));
    let error = schemes.check_beside(["x-github-event"]).unwrap_err();
    assert!(error.msg.contains("x-github-event"), "{error}");
}

#[test]
fn a_kind_survives_its_code_and_its_word() {
    for kind in SchemeKind::ALL {
        assert_eq!(SchemeKind::try_from(kind.code()), Ok(kind));
        assert_eq!(SchemeKind::of_word(kind.word()), Some(kind));
    }
    assert!(SchemeKind::try_from(5).is_err() && SchemeKind::try_from(-1).is_err());
    assert_eq!(SchemeKind::of_word("GitHub"), None);
}

#[test]
fn a_text_secret_is_16_to_256_bytes_of_text_and_never_shown() {
    let check = |secret: &str| SchemeKind::GitHub.check_text_secret(secret);
    for good in [
        "0123456789abcdef",
        "whsec_test_secret of a sender",
        "ключ-ключ",
        &"x".repeat(256),
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "hunter2",
        &"x".repeat(257),
        "hunter2hunter2hunter2\n",
        " hunter2hunter2hunter2",
        "whsk_hunter2hunter2hunter2",
        "whpk_hunter2hunter2hunter2",
    ] {
        let error = check(bad).unwrap_err();
        assert!(!error.msg.contains("hunter2"), "{error}");
    }
}
