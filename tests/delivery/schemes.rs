//! Deliveries signed as receivers of another sender check them already.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_testkit::{Answer, Receiver, Request, Server, on_both_engines};
use postrider_verify::{HmacFormat, Verifier};
use ring::hmac;
use serde_json::{Value, json};

const SECRET: &str = "It's a Secret to Everybody";
const NEXT: &str = "whsec_it was, but it has changed";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes it");
        text
    })
}

/// Hex of an HMAC-SHA256 of these parts, by nobody's signing code but ring's.
fn mac(secret: &str, parts: &[&[u8]]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, &parts.concat()).as_ref())
}

/// The value of each header in the record of the first attempt, which must be what arrived.
fn recorded_as_sent(attempt: &Value, request: &Request, names: &[&str]) {
    let sent = &attempt["requestHeaders"];
    for name in names {
        assert_eq!(sent[name], request.only_header(name), "{name}: {sent}");
    }
}

on_both_engines! {
    async fn github_s_way_signs_the_body_and_names_event_and_delivery(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let draft = app.endpoint(&receiver.url()).secret(SECRET);
        let endpoint = draft.set("signatureScheme", "github").create().await;
        assert_eq!(endpoint.secret().await, SECRET);
        let id = app.publish("user.created", "{\"a\":1}").accepted().await;
        let request = receiver.first().await;
        let want = format!("sha256={}", mac(SECRET, &[&request.body]));
        assert_eq!(request.only_header("x-hub-signature-256"), want);
        assert_eq!(request.only_header("x-github-event"), "user.created");
        assert_eq!(request.only_header("x-github-delivery"), id);
        // What needs no secret goes along, so that each message can be handled once.
        assert_eq!((request.message_id(), request.attempt()), (id.as_str(), 1));
        assert_eq!(request.only_header("webhook-event-type"), "user.created");
        for absent in ["webhook-signature", "webhook-timestamp"] {
            assert!(request.header(absent).is_none(), "{request:?}");
        }
        let verifier = Verifier::github().secret(SECRET).unwrap().build().unwrap();
        assert_eq!(verifier.verify_now(&request.headers, &request.body).unwrap().id, id);
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        let names = ["X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery", "webhook-id"];
        recorded_as_sent(&attempt, &request, &names);
        assert_eq!(attempt["requestHeaders"]["webhook-signature"], json!(null));
        assert!(!server.logs().contains(SECRET), "secrets are not logged");
    }

    async fn the_operator_names_the_headers_and_leaves_some_out(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let scheme = json!({
            "type": "github", "signatureHeader": "X-Acme-Signature-256",
            "eventHeader": "X-Acme-Event", "deliveryHeader": null,
        });
        let draft = app.endpoint(&receiver.url()).secret(SECRET).set("headers", json!({"x-team": "a"}));
        draft.set("signatureScheme", scheme).create().await;
        app.publish("a.b", "{}").accepted().await;
        let request = receiver.first().await;
        assert_eq!(request.only_header("x-acme-signature-256"), format!("sha256={}", mac(SECRET, &[b"{}"])));
        assert_eq!((request.only_header("x-acme-event"), request.only_header("x-team")), ("a.b", "a"));
        for absent in ["x-github-event", "x-github-delivery", "x-hub-signature-256"] {
            assert!(request.header(absent).is_none(), "{request:?}");
        }
    }

    async fn stripe_s_way_carries_a_signature_of_each_secret_in_force(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let draft = app.endpoint(&receiver.url()).secret(SECRET);
        let endpoint = draft.set("signatureScheme", "stripe").create().await;
        let signed = async |number: usize, secrets: &[&str]| {
            app.publish("a.b", "{\"id\":\"evt_1\"}").accepted().await;
            let request = receiver.received(number).await.swap_remove(number - 1);
            let header = request.only_header("stripe-signature").to_owned();
            let (time, _) = header.strip_prefix("t=").and_then(|rest| rest.split_once(',')).expect("a time");
            let verifier = Verifier::stripe().secret(secrets[0]).unwrap().build().unwrap();
            verifier.verify_now(&request.headers, &request.body).unwrap();
            let signature = |secret: &&str| format!("v1={}", mac(secret, &[time.as_bytes(), b".", &request.body]));
            let signatures: Vec<_> = secrets.iter().map(signature).collect();
            assert_eq!(header, format!("t={time},{}", signatures.join(",")));
        };
        signed(1, &[SECRET]).await;
        endpoint.rotate(&json!({"key": NEXT})).await;
        assert_eq!(endpoint.secret().await, NEXT);
        signed(2, &[NEXT, SECRET]).await;
        let last = "and the last of the three";
        endpoint.rotate(&json!({"key": last, "gracePeriodSeconds": 0})).await;
        signed(3, &[last, SECRET]).await;
    }

    async fn slack_s_way_counts_retries_and_manual_sends(engine: Engine) {
        let receiver = Receiver::in_turn([Answer::status(500), Answer::status(200)]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "0").start().await;
        let app = server.client().app().await;
        let draft = app.endpoint(&receiver.url()).secret(SECRET);
        let endpoint = draft.set("signatureScheme", "slack").create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.ends(&id, "success").await;
        endpoint.resend(&id).await.expect(202);
        let requests = receiver.received(3).await;
        let retries: Vec<_> = requests.iter().map(|request| request.header("x-slack-retry-num")).collect();
        assert_eq!(retries, [None, Some("1"), Some("2")]);
        for request in &requests {
            let time = request.only_header("x-slack-request-timestamp");
            let want = mac(SECRET, &[b"v0:", time.as_bytes(), b":", &request.body]);
            assert_eq!(request.only_header("x-slack-signature"), format!("v0={want}"));
            assert_eq!(request.message_id(), id);
        }
        let attempts = app.attempts_reach(&id, 3).await;
        let names = ["X-Slack-Signature", "X-Slack-Request-Timestamp"];
        recorded_as_sent(&attempts[0], &requests[0], &names);
        assert_eq!(attempts[0]["requestHeaders"]["X-Slack-Retry-Num"], json!(null));
        recorded_as_sent(&attempts[2], &requests[2], &[names[0], names[1], "X-Slack-Retry-Num"]);
    }

    async fn a_scheme_of_one_signature_is_signed_with_the_new_secret_at_once(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let draft = app.endpoint(&receiver.url()).secret(SECRET);
        let endpoint = draft.set("signatureScheme", "github").create().await;
        let rotate = endpoint.path("/secret/rotate");
        let grace = json!({"key": NEXT, "gracePeriodSeconds": 3600});
        let refused = server.client().post(&rotate, &grace).await.expect(422);
        assert!(refused.to_string().contains("one signature"), "{refused}");
        assert_eq!(endpoint.secret().await, SECRET);
        endpoint.rotate(&json!({"key": NEXT})).await;
        app.publish("a.b", "{}").accepted().await;
        let request = receiver.first().await;
        assert_eq!(request.only_header("x-hub-signature-256"), format!("sha256={}", mac(NEXT, &[b"{}"])));
    }

    async fn any_hmac_is_made_as_it_is_described(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let scheme = json!({
            "type": "hmac", "signatureHeader": "X-Acme-Signature", "prefix": "v2=", "encoding": "base64",
            "algorithm": "sha512", "content": "{timestamp}:{body}.{id}", "idHeader": "X-Acme-Id",
            "timestampHeader": "X-Acme-Time", "eventHeader": "X-Acme-Event",
        });
        let draft = app.endpoint(&receiver.url()).secret(SECRET);
        let endpoint = draft.set("signatureScheme", scheme.clone()).create().await;
        assert_eq!(endpoint.made["signatureScheme"], json!([scheme]));
        let id = app.publish("a.b", "{}").accepted().await;
        let request = receiver.first().await;
        let time = request.only_header("x-acme-time").to_owned();
        let key = hmac::Key::new(hmac::HMAC_SHA512, SECRET.as_bytes());
        let want = hmac::sign(&key, format!("{time}:{{}}.{id}").as_bytes());
        assert_eq!(request.only_header("x-acme-signature"), format!("v2={}", STANDARD.encode(want)));
        assert_eq!((request.only_header("x-acme-id"), request.only_header("x-acme-event")), (id.as_str(), "a.b"));
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        let names = ["X-Acme-Signature", "X-Acme-Id", "X-Acme-Time", "X-Acme-Event"];
        recorded_as_sent(&attempt, &request, &names);
    }

    async fn two_schemes_at_once_let_a_receiver_move(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let draft = app.endpoint(&receiver.url()).secret(SECRET).set("headerFamily", "svix");
        let endpoint = draft.set("signatureScheme", "github").create().await;
        // The receiver gets a secret of the standard beside the one that it has.
        endpoint.patch(&json!({"signatureScheme": ["github", "standard"]})).await;
        assert_eq!(endpoint.secret().await, SECRET);
        let standard = client.get(&endpoint.path("/secret?scheme=standard")).await.field("key");
        assert!(standard.starts_with("whsec_"), "{standard}");
        let id = app.publish("a.b", "{}").accepted().await;
        let both = receiver.first().await;
        let github = Verifier::github().secret(SECRET).unwrap().build().unwrap();
        assert_eq!(github.verify_now(&both.headers, &both.body).unwrap().id, id);
        assert_eq!(both.verify(&standard).unwrap().id, id);
        let attempt = app.attempts_reach(&id, 1).await.swap_remove(0);
        let names = ["X-Hub-Signature-256", "svix-signature", "svix-timestamp", "svix-id", "svix-attempt"];
        recorded_as_sent(&attempt, &both, &names);

        // Each secret is rotated for itself.
        let next = client.post(&endpoint.path("/secret/rotate"), &json!({"scheme": "standard"})).await.field("key");
        assert_eq!(endpoint.secret().await, SECRET);
        endpoint.patch(&json!({"signatureScheme": "standard"})).await;
        assert_eq!(endpoint.secret().await, next);
        app.publish("a.b", "{}").accepted().await;
        let moved = receiver.received(2).await.swap_remove(1);
        for secret in [&standard, &next] {
            moved.verify(secret).unwrap();
        }
        assert!(moved.header("x-hub-signature-256").is_none(), "{moved:?}");
        // A scheme that is put back has the secret that it had.
        endpoint.patch(&json!({"signatureScheme": "github"})).await;
        assert_eq!(endpoint.secret().await, SECRET);
    }

    async fn an_attempt_s_record_stays_when_the_scheme_changes_and_retries_follow_it(engine: Engine) {
        let receiver = Receiver::in_turn([Answer::status(500), Answer::status(200)]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "2").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.attempts_reach(&id, 1).await;
        let scheme = json!({"type": "stripe", "secret": SECRET});
        endpoint.patch(&json!({"signatureScheme": scheme})).await;
        let requests = receiver.received(2).await;
        let stripe = Verifier::stripe().secret(SECRET).unwrap().build().unwrap();
        stripe.verify_now(&requests[1].headers, &requests[1].body).unwrap();
        let attempts = app.attempts_reach(&id, 2).await;
        recorded_as_sent(&attempts[0], &requests[0], &["webhook-signature", "webhook-timestamp"]);
        recorded_as_sent(&attempts[1], &requests[1], &["Stripe-Signature"]);
        assert_eq!(attempts[1]["requestHeaders"]["webhook-signature"], json!(null));
    }

    async fn a_changed_scheme_counts_for_the_next_delivery_on_every_node(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        for round in 0..10 {
            let header = format!("X-Round-{round}");
            let scheme = json!({"type": "hmac", "signatureHeader": header});
            endpoint.patch(&json!({"signatureScheme": scheme})).await;
            app.publish("a.b", "{}").accepted().await;
            let request = receiver.received(round + 1).await.swap_remove(round);
            request.only_header(&header);
        }
        let format = HmacFormat::new("X-Round-9");
        let secret = endpoint.secret().await;
        assert_eq!(secret.len(), 64, "32 random bytes in hex");
        let last = receiver.requests().swap_remove(9);
        Verifier::hmac(format).secret(&secret).unwrap().build().unwrap()
            .verify_now(&last.headers, &last.body).unwrap();
    }

    async fn the_installation_can_sign_otherwise_by_default(engine: Engine) {
        let receiver = Receiver::start().await;
        let scheme = r#"{"type": "github", "signatureHeader": "X-Acme-Signature-256"}"#;
        let server = Server::on(engine).set("DEFAULT_SIGNATURE_SCHEME", scheme).start().await;
        let app = server.client().app().await;
        // As an older client makes it, which knows nothing of schemes.
        let endpoint = app.endpoint(&receiver.url()).secret(SECRET).create().await;
        assert_eq!(endpoint.made["signatureScheme"][0]["signatureHeader"], "X-Acme-Signature-256");
        app.publish("a.b", "{}").accepted().await;
        let request = receiver.first().await;
        assert_eq!(request.only_header("x-acme-signature-256"), format!("sha256={}", mac(SECRET, &[b"{}"])));
        let standard = app.endpoint(&receiver.url()).set("signatureScheme", "standard").create().await;
        assert!(standard.secret().await.starts_with("whsec_"));
        let back = standard.patch(&json!({"signatureScheme": null})).await;
        assert_eq!(back["signatureScheme"], endpoint.made["signatureScheme"]);
        // The organisation's own endpoints are signed as the standard says all the same.
        let body = json!({"url": receiver.url_of("/operational")});
        let path = "/operational-webhook/endpoint";
        let made = server.client().post(path, &body).await.expect(201);
        let secret = format!("{path}/{}/secret", made["id"].as_str().expect("an id"));
        let secret = server.client().get(&secret).await.field("key");
        app.endpoint(&receiver.url()).create().await;
        let told = receiver
            .received_until("an operational event", |all| all.iter().any(|one| one.path == "/operational"))
            .await;
        let told = told.iter().find(|one| one.path == "/operational").expect("one came");
        told.verify(&secret).unwrap();
    }
}
