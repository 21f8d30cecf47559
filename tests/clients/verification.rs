//! What is delivered verifies with every verifier that recipients use, and nothing else
//! does.

use std::process::Command;

use postrider_testkit::{App, Engine, Receiver, Server, run};
use postrider_verify::SigningKey;
use serde_json::json;

use crate::cases::Case;
use crate::{ours, toolbox};

const PAYLOAD: &str =
    r#"{"type":"user.created","data":{"name":"Zoë \u0041","big":12345678901234567890}}"#;

/// Publishes to one endpoint and gives the delivery.
async fn delivered(app: &App, receiver: &Receiver) -> postrider_testkit::Request {
    let before = receiver.count();
    let id = app.publish("user.created", PAYLOAD).accepted().await;
    let request = receiver.received(before + 1).await.swap_remove(before);
    assert_eq!(request.message_id(), id);
    request
}

/// What must verify, and each way in which it must not.
fn variations(name: &str, key: &SigningKey, request: &postrider_testkit::Request) -> Vec<Case> {
    let fits = Case::arrived(name, &key.verifying_string(), request);
    vec![
        fits.with_a_changed_byte(),
        fits.with_a_wrong_secret(),
        fits.signed_too_long_ago(key),
        fits,
    ]
}

async fn hmac_cases(server: &Server, family: &str) -> Vec<Case> {
    let receiver = Receiver::start().await;
    let app = server.client().app().await;
    let (old, new) = (
        SigningKey::generate_hmac([1; 32]),
        SigningKey::generate_hmac([2; 32]),
    );
    let draft = app
        .endpoint(&receiver.url())
        .secret(&old.to_secret_string());
    let endpoint = draft.set("headerFamily", family).create().await;
    let mut cases = variations(
        &format!("one hmac secret, {family} headers"),
        &old,
        &delivered(&app, &receiver).await,
    );
    endpoint
        .rotate(&json!({ "key": new.to_secret_string(), "gracePeriodSeconds": 600 }))
        .await;
    let request = delivered(&app, &receiver).await;
    for (name, key) in [("old", &old), ("new", &new)] {
        cases.extend(variations(
            &format!("{name} hmac secret during rotation, {family} headers"),
            key,
            &request,
        ));
    }
    cases
}

async fn ed25519_cases(server: &Server) -> Vec<Case> {
    let receiver = Receiver::start().await;
    let app = server.client().app().await;
    let hmac = SigningKey::generate_hmac([3; 32]);
    let (first, second) = (
        SigningKey::generate_ed25519([4; 32]),
        SigningKey::generate_ed25519([5; 32]),
    );
    let draft = app
        .endpoint(&receiver.url())
        .secret(&hmac.to_secret_string());
    let endpoint = draft.create().await;
    let mut cases = Vec::new();
    let grace = |key: &SigningKey, seconds: u32| json!({ "key": key.to_secret_string(), "gracePeriodSeconds": seconds });
    endpoint.rotate(&grace(&first, 600)).await;
    assert_eq!(endpoint.secret().await, first.verifying_string());
    let both = delivered(&app, &receiver).await;
    let kinds: Vec<_> = both
        .only_header("webhook-signature")
        .split(' ')
        .filter_map(|signature| signature.split_once(',').map(|(kind, _)| kind.to_owned()))
        .collect();
    assert_eq!(kinds.len(), 2, "both kinds are in the header: {kinds:?}");
    cases.extend(variations("hmac beside ed25519", &hmac, &both));
    cases.extend(variations("ed25519 beside hmac", &first, &both));

    let app = server.client().app().await;
    let endpoint = app
        .endpoint(&receiver.url())
        .secret(&second.to_secret_string())
        .create()
        .await;
    cases.extend(variations(
        "ed25519 alone",
        &second,
        &delivered(&app, &receiver).await,
    ));
    endpoint.rotate(&grace(&first, 600)).await;
    let request = delivered(&app, &receiver).await;
    cases.extend(variations("old ed25519 during rotation", &second, &request));
    cases.extend(variations("new ed25519 during rotation", &first, &request));
    cases
}

#[test]
fn deliveries_verify_with_every_verifier_and_forgeries_with_none() {
    run(async {
        let server = Server::start(Engine::Sqlite).await;
        let mut cases = hmac_cases(&server, "webhook").await;
        cases.extend(hmac_cases(&server, "svix").await);
        cases.extend(ed25519_cases(&server).await);

        let wrong: Vec<_> = cases
            .iter()
            .filter(|case| ours::accepts(case) != case.accepted)
            .map(|case| &case.name)
            .collect();
        assert!(wrong.is_empty(), "postrider-verify: {wrong:#?}");

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.json");
        let cases: Vec<_> = cases.iter().map(Case::json).collect();
        std::fs::write(&file, serde_json::to_string(&cases).unwrap()).unwrap();
        let mut node = Command::new("node");
        node.arg("verify.mjs")
            .arg(&file)
            .current_dir(toolbox::javascript());
        toolbox::against(&server, node).await;
        let mut python = Command::new(toolbox::python("requirements.txt"));
        python.args(["-B", "verify.py"]).arg(&file);
        python.current_dir(toolbox::sources("python"));
        toolbox::against(&server, python).await;
        let mut rust = Command::new(toolbox::rust());
        rust.arg(&file);
        toolbox::against(&server, rust).await;
    });
}
