use postrider_verify::testing::{Forgery, TestRequest, TestSender};
use postrider_verify::{HmacFormat, HmacSigner, Outgoing, SigningKey};

use super::diagnosis::{At, Diagnosis};
use super::judge;
use super::request::Pasted;
use crate::cli::VerifyScheme;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = br#"{"type":"user.created","name":"Zo\u00eb"}"#;

fn senders() -> [(VerifyScheme, TestSender); 4] {
    [
        (
            VerifyScheme::Standard,
            TestSender::standard(SECRET).unwrap(),
        ),
        (VerifyScheme::Github, TestSender::github(SECRET).unwrap()),
        (VerifyScheme::Stripe, TestSender::stripe(SECRET).unwrap()),
        (VerifyScheme::Slack, TestSender::slack(SECRET).unwrap()),
    ]
}

fn pasted(request: &TestRequest) -> Pasted {
    let headers = request.headers.iter();
    Pasted {
        headers: headers
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect(),
        body: request.body.clone(),
    }
}

fn judged(request: &Pasted, secret: &str, scheme: Option<VerifyScheme>, at: At) -> Diagnosis {
    judge(request, &[secret.to_owned()], scheme, at).unwrap()
}

fn first_line(request: &Pasted, secret: &str) -> String {
    judged(request, secret, None, At::Seconds(NOW))
        .lines
        .remove(0)
}

#[test]
fn a_genuine_request_is_said_to_be_one_in_every_scheme() {
    for (scheme, sender) in senders() {
        let request = pasted(&sender.request("msg_1", NOW - 10, BODY));
        for asked in [None, Some(scheme)] {
            let found = judged(&request, SECRET, asked, At::Seconds(NOW));
            assert!(found.genuine, "{scheme:?}: {:?}", found.lines);
        }
    }
}

#[test]
fn every_forgery_has_a_reason_and_is_not_genuine() {
    for (scheme, sender) in senders() {
        for forgery in Forgery::ALL {
            let Some(forged) = sender.forge(*forgery, "msg_1", NOW, BODY) else {
                continue;
            };
            let found = judged(&pasted(&forged), SECRET, None, At::Seconds(NOW));
            assert!(!found.genuine, "{scheme:?}: {forgery}");
            let expected = match forgery {
                Forgery::OtherSecret | Forgery::OtherSignature | Forgery::ChangedBody => {
                    "wrong secret"
                }
                Forgery::ReserialisedBody | Forgery::ExtendedBody => "re-serialised body",
                Forgery::StaleTimestamp | Forgery::FutureTimestamp => "stale timestamp",
                _ => "",
            };
            assert!(
                found.lines[0].starts_with(expected),
                "{scheme:?}: {forgery}: {:?}",
                found.lines
            );
        }
    }
}

#[test]
fn an_old_request_of_a_changed_body_is_told_both() {
    let (_, sender) = senders().into_iter().next().unwrap();
    let mut request = pasted(&sender.request("msg_1", NOW - 86_400, BODY));
    request.body.push(b'\n');
    let found = judged(&request, SECRET, None, At::Seconds(NOW));
    assert!(
        found.lines[0].starts_with("re-serialised body"),
        "{:?}",
        found.lines
    );
    assert!(
        found.lines.last().unwrap().contains("24 h ago"),
        "{:?}",
        found.lines
    );
}

#[test]
fn at_the_time_of_its_signing_no_request_is_too_old() {
    for (scheme, sender) in senders() {
        let request = pasted(&sender.request("msg_1", 1_000_000_000, BODY));
        assert!(
            judged(&request, SECRET, None, At::Signing).genuine,
            "{scheme:?}"
        );
    }
}

#[test]
fn a_request_of_another_scheme_is_told_which_one() {
    for (scheme, sender) in senders() {
        let request = pasted(&sender.request("msg_1", NOW, BODY));
        for (other, _) in senders().into_iter().filter(|(other, _)| *other != scheme) {
            let found = judged(&request, SECRET, Some(other), At::Seconds(NOW));
            let wanted = format!("give --scheme {}", scheme.name());
            assert!(
                found.lines[1].starts_with("wrong scheme"),
                "{:?}",
                found.lines
            );
            assert!(found.lines[1].contains(&wanted), "{:?}", found.lines);
        }
    }
}

#[test]
fn a_secret_that_is_right_but_read_otherwise_is_told_how() {
    // The sender took the text for the key; the receiver decodes it, as the standard says.
    let text = SigningKey::parse(&format!(
        "whsec_{}",
        base64_of(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    ));
    let sender = TestSender::standard(&text.unwrap().to_secret_string()).unwrap();
    let line = first_line(&pasted(&sender.request("msg_1", NOW, BODY)), SECRET);
    assert!(line.contains("its text is the key"), "{line}");

    // The other way round, with GitHub's.
    let signer = HmacSigner::new(HmacFormat::github()).unwrap();
    let headers = signer
        .secret("AAAAAAAAAAAAAAAA")
        .unwrap()
        .headers(&Outgoing {
            id: "1",
            event_type: None,
            timestamp: NOW,
            retry: 0,
            body: BODY,
        });
    let request = Pasted {
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect(),
        body: BODY.to_vec(),
    };
    let line = first_line(
        &request,
        &format!("whsec_{}", base64_of(b"AAAAAAAAAAAAAAAA")),
    );
    assert!(line.contains("base64 stands for"), "{line}");
}

#[test]
fn two_signatures_while_a_customer_migrates_need_one_secret() {
    let [(_, standard), (_, github), ..] = senders();
    let mut request = standard.request("msg_1", NOW, BODY);
    request
        .headers
        .extend(github.request("msg_1", NOW, BODY).headers);
    assert!(judged(&pasted(&request), SECRET, None, At::Seconds(NOW)).genuine);
    let foreign = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    assert!(!judged(&pasted(&request), foreign, None, At::Seconds(NOW)).genuine);
}

#[test]
fn a_request_without_a_signature_is_told_what_is_known() {
    let request = Pasted::read(b"Content-Type: application/json\n\n{}").unwrap();
    assert!(first_line(&request, SECRET).starts_with("not signed"));
}

#[test]
fn no_diagnosis_shows_a_secret() {
    for (_, sender) in senders() {
        for forgery in Forgery::ALL {
            if let Some(forged) = sender.forge(*forgery, "msg_1", NOW, BODY) {
                let lines = judged(&pasted(&forged), SECRET, None, At::Seconds(NOW)).lines;
                assert!(!lines.join("\n").contains("MfKQ9r8GKYq"), "{lines:?}");
            }
        }
    }
    let request = Pasted::read(b"X-Hub-Signature-256: x\n\n{}").unwrap();
    let error = judge(&request, &["short".to_owned()], None, At::Seconds(NOW)).unwrap_err();
    assert!(!error.to_string().contains("\"short\""), "{error}");
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
