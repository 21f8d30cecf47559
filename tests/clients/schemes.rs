//! What is signed as GitHub, Stripe or Slack sign, or as an operator describes it, passes
//! the verifiers that these publish, and nothing else does.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_testkit::{Receiver, Request, Server, on_both_engines};
use serde_json::{Value, json};

use crate::toolbox;

const PAYLOAD: &str = r#"{"type":"user.created","data":{"name":"Zoë \u0041"}}"#;
const OLD: &str = "the secret that the receiver has had for years";
const NEW: &str = "whsec_and the one that comes in its place";

/// A delivery as the other languages' verifiers read it; `scheme` says how it was signed.
fn case(name: &str, scheme: &Value, secret: &str, request: &Request, accepted: bool) -> Value {
    let headers: serde_json::Map<_, _> = request
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                str::from_utf8(value).unwrap().into(),
            )
        })
        .collect();
    json!({
        "name": name,
        "scheme": scheme["type"],
        "secret": secret,
        "headers": headers,
        "body": STANDARD.encode(&request.body),
        "accepted": accepted,
        // What the general scheme is told beside.
        "signature": scheme["signatureHeader"].as_str().map(str::to_ascii_lowercase),
        "prefix": scheme["prefix"],
        "encoding": scheme["encoding"],
        "algorithm": scheme["algorithm"],
        "signed": scheme["content"],
    })
}

/// The delivery, and each way in which it must not pass.
fn variations(name: &str, scheme: &Value, secret: &str, request: &Request) -> Vec<Value> {
    let mut changed = request.clone();
    let mut body = changed.body.to_vec();
    // Upper case to lower: still JSON, so that no parser is what refuses it.
    let letter = body.iter_mut().rfind(|byte| byte.is_ascii_alphabetic());
    *letter.expect("a body with a letter") ^= 0x20;
    changed.body = body.into();
    let wrong = "a secret that somebody else has";
    vec![
        case(name, scheme, secret, request, true),
        case(
            &format!("{name}, a byte changed"),
            scheme,
            secret,
            &changed,
            false,
        ),
        case(
            &format!("{name}, a wrong secret"),
            scheme,
            wrong,
            request,
            false,
        ),
    ]
}

async fn cases(server: &Server, scheme: Value) -> Vec<Value> {
    let receiver = Receiver::start().await;
    let app = server.client().app().await;
    let draft = app.endpoint(&receiver.url()).secret(OLD);
    let endpoint = draft.set("signatureScheme", scheme).create().await;
    let scheme = &endpoint.made["signatureScheme"][0];
    let word = scheme["type"].as_str().expect("a type");
    assert_eq!(endpoint.secret().await, OLD);
    app.publish("user.created", PAYLOAD).accepted().await;
    let first = receiver.first().await;
    let mut cases = variations(word, scheme, OLD, &first);

    endpoint.rotate(&json!({ "key": NEW })).await;
    app.publish("user.created", PAYLOAD).accepted().await;
    let second = receiver.received(2).await.swap_remove(1);
    cases.extend(variations(
        &format!("{word} after a rotation"),
        scheme,
        NEW,
        &second,
    ));
    // Only Stripe's header carries the old secret's signature beside the new one's.
    let during = format!("{word} by the old secret during a rotation");
    cases.push(case(&during, scheme, OLD, &second, word == "stripe"));
    cases
}

on_both_engines! {
    async fn deliveries_of_every_scheme_pass_its_own_verifiers_and_forgeries_none(engine: Engine) {
        let server = Server::start(engine).await;
        let mut all = Vec::new();
        for scheme in [
            json!("github"),
            json!("stripe"),
            json!("slack"),
            json!({"type": "hmac", "signatureHeader": "X-Acme-Signature", "prefix": "sha256="}),
            json!({
                "type": "hmac", "signatureHeader": "X-Acme-Signature", "encoding": "base64", "algorithm": "sha512",
                "content": "{id}.{timestamp}.{body}", "idHeader": "X-Acme-Id", "timestampHeader": "X-Acme-Timestamp",
            }),
        ] {
            all.extend(cases(&server, scheme).await);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.json");
        std::fs::write(&file, serde_json::to_string(&all).unwrap()).unwrap();
        let mut node = Command::new("node");
        node.arg("verify_schemes.mjs").arg(&file).current_dir(toolbox::javascript());
        toolbox::against(&server, node).await;
        let mut python = Command::new(toolbox::python("requirements.txt"));
        python.args(["-B", "verify_schemes.py"]).arg(&file);
        python.current_dir(toolbox::sources("python"));
        toolbox::against(&server, python).await;
    }
}
