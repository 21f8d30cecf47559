//! How an endpoint's deliveries are signed: what may be said of it, and its secrets.

use postrider_testkit::{Server, on_both_engines};
use serde_json::{Value, json};

use crate::common::fault;

const URL: &str = "http://127.0.0.1:9/";
const SECRET: &str = "the receiver's secret";

/// What cannot be sent, and a part of what the answer says of it.
fn wrong() -> Vec<(Value, &'static str)> {
    let hmac = |more: Value| {
        let mut scheme = json!({"type": "hmac", "signatureHeader": "X-Sig"});
        for (name, value) in more.as_object().expect("an object") {
            scheme[name] = value.clone();
        }
        scheme
    };
    vec![
        (json!("gitlab"), "gitlab"),
        (json!(7), "a scheme's type"),
        (json!([]), "give 1"),
        (json!(["github", "stripe", "slack"]), "3 schemes"),
        (json!(["standard", "standard"]), "standard comes twice"),
        (json!([["github"]]), "an object with its type"),
        (json!({"signatureHeader": "X-A"}), "type"),
        (json!("hmac"), "signatureHeader"),
        (
            json!({"type": "github", "signatureHeader": ""}),
            "signatureHeader",
        ),
        (json!({"type": "github", "signatureHeader": "X A"}), "X A"),
        (json!({"type": "github", "signatureHeader": null}), "null"),
        (
            json!({"type": "github", "eventHeader": "Content-Type"}),
            "eventHeader",
        ),
        (
            json!({"type": "github", "deliveryHeader": "webhook-id"}),
            "deliveryHeader",
        ),
        (
            json!({"type": "github", "eventHeader": "x-hub-signature-256"}),
            "choose another name",
        ),
        (
            json!({"type": "stripe", "signatureHeader": "svix-signature"}),
            "svix-signature",
        ),
        (
            json!({"type": "slack", "timestampHeader": "Host"}),
            "timestampHeader",
        ),
        (
            json!({"type": "slack", "retryHeader": "a\r\nb: c"}),
            "retryHeader",
        ),
        (
            json!(["github", {"type": "slack", "retryHeader": "X-GITHUB-EVENT"}]),
            "X-GITHUB-EVENT",
        ),
        (
            json!([hmac(json!({})), hmac(json!({}))]),
            "choose another name",
        ),
        (hmac(json!({"encoding": "base32"})), "base32"),
        (hmac(json!({"algorithm": "md5"})), "md5"),
        (hmac(json!({"prefix": "a b"})), "prefix"),
        (hmac(json!({"prefix": "x".repeat(65)})), "at most 64"),
        (hmac(json!({"content": "nothing"})), "{body}"),
        (hmac(json!({"content": "{body}{body}"})), "{body}"),
        (hmac(json!({"content": "{url}.{body}"})), "{body}"),
        (
            hmac(json!({"content": "{timestamp}.{body}"})),
            "timestampHeader",
        ),
        (hmac(json!({"content": "{id}.{body}"})), "idHeader"),
        (
            hmac(json!({"timestampHeader": "X-Time"})),
            "does not sign {timestamp}",
        ),
        (json!({"type": "github", "secret": "hunter2"}), "16 to 256"),
        (
            json!({"type": "github", "secret": "x".repeat(257)}),
            "16 to 256",
        ),
        (
            json!({"type": "github", "secret": " hunter2hunter2hunter2"}),
            "space",
        ),
        (
            json!({"type": "github", "secret": "whsk_hunter2hunter2hunter2"}),
            "Ed25519",
        ),
        (
            json!({"type": "github", "secret": 1_234_567_890_123_456_u64}),
            "give a text",
        ),
        (
            json!(["standard", {"type": "slack", "secret": "hunter2"}]),
            "16 to 256",
        ),
    ]
}

on_both_engines! {
    async fn a_wrong_scheme_is_refused_at_its_field_and_changes_nothing(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(URL).set("uid", "one").create().await;
        for (scheme, want) in wrong() {
            let body = json!({"url": URL, "signatureScheme": scheme});
            for reply in [
                client.post(&app.path("/endpoint"), &body).await,
                client.put(&endpoint.path(""), &body).await,
                client.patch(&endpoint.path(""), &json!({"signatureScheme": scheme})).await,
            ] {
                let at = fault(&reply);
                assert!(at.starts_with("body.signatureScheme"), "{at}: {scheme}");
                assert!(reply.text.contains(want), "{scheme}: {want}: {reply:?}");
                assert!(!reply.text.contains("hunter2"), "{reply:?}");
            }
        }
        assert_eq!(client.get(&endpoint.path("")).await.expect(200), endpoint.made);
        assert_eq!(client.all(&app.path("/endpoint")).await.len(), 1);
    }

    async fn what_is_left_out_is_as_the_sender_of_that_name_has_it(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let slack = json!({
            "type": "slack", "signatureHeader": "X-Slack-Signature",
            "timestampHeader": "X-Slack-Request-Timestamp", "retryHeader": "X-Slack-Retry-Num",
        });
        for said in [json!("slack"), json!(["slack"]), json!({"type": "slack"}), json!([slack])] {
            let endpoint = app.endpoint(URL).set("signatureScheme", said).create().await;
            assert_eq!(endpoint.made["signatureScheme"], json!([slack]));
            assert_eq!(endpoint.now().await, endpoint.made);
        }
        let plain = app.endpoint(URL).create().await;
        assert_eq!(plain.made["signatureScheme"], json!([{"type": "standard"}]));
    }

    async fn an_older_client_s_upsert_keeps_the_scheme_and_null_resets_it(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(URL).set("uid", "one").set("signatureScheme", "stripe").secret(SECRET).create().await;
        let put = client.put(&endpoint.path(""), &json!({"url": URL, "uid": "one"})).await.expect(200);
        assert_eq!(put["signatureScheme"], endpoint.made["signatureScheme"]);
        // What was read can be sent back.
        let put = client.put(&endpoint.path(""), &put).await.expect(200);
        assert_eq!(put["signatureScheme"], endpoint.made["signatureScheme"]);
        assert_eq!(endpoint.secret().await, SECRET);
        let reset = endpoint.patch(&json!({"signatureScheme": null})).await;
        assert_eq!(reset["signatureScheme"], json!([{"type": "standard"}]));
        assert!(endpoint.secret().await.starts_with("whsec_"));
        let made = client.put(&app.path("/endpoint/two"), &json!({"url": URL, "signatureScheme": "github"})).await.expect(201);
        assert_eq!(made["signatureScheme"][0]["type"], "github");
    }

    async fn custom_headers_and_headers_of_schemes_cannot_share_a_name(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let clash = json!({"x-github-event": "a"});
        let made = app.endpoint(URL).set("headers", clash.clone()).set("signatureScheme", "github").try_create().await;
        assert_eq!(fault(&made), "body.signatureScheme");
        let headed = app.endpoint(URL).set("headers", clash.clone()).create().await;
        assert_eq!(fault(&client.patch(&headed.path(""), &json!({"signatureScheme": "github"})).await), "body.signatureScheme");
        let signed = app.endpoint(URL).set("signatureScheme", "github").create().await;
        let headers = json!({"headers": clash});
        assert_eq!(fault(&client.patch(&signed.path(""), &headers).await), "body.headers");
        assert_eq!(fault(&client.put(&signed.path("/headers"), &headers).await), "body.headers");
        assert_eq!(fault(&client.patch(&signed.path("/headers"), &headers).await), "body.headers");
        // Names that belong to no header of the endpoint are free.
        client.put(&signed.path("/headers"), &json!({"headers": {"stripe-signature": "a"}})).await.expect(204);
    }

    async fn each_type_of_scheme_has_a_secret_of_its_own(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(URL).create().await;
        let standard = endpoint.secret().await;
        let both = json!({"signatureScheme": [{"type": "github", "secret": SECRET}, "standard"]});
        let now = endpoint.patch(&both).await;
        assert!(!now.to_string().contains(SECRET), "{now}");
        let of = async |scheme: &str| client.get(&endpoint.path(&format!("/secret?scheme={scheme}"))).await;
        assert_eq!(of("github").await.field("key"), SECRET);
        assert_eq!(of("standard").await.field("key"), standard);
        assert_eq!(endpoint.secret().await, SECRET, "that of the first");
        assert_eq!(fault(&of("slack").await), "query.scheme");
        assert_eq!(fault(&of("gitlab").await), "query.scheme");
        // It is changed where secrets are changed.
        let again = client.patch(&endpoint.path(""), &both).await;
        assert_eq!(fault(&again), "body.signatureScheme");
        assert!(again.text.contains("secret/rotate") && !again.text.contains(SECRET), "{again:?}");
        let rotate = async |body: Value| client.post(&endpoint.path("/secret/rotate"), &body).await;
        assert_eq!(fault(&rotate(json!({"scheme": "slack"})).await), "body.scheme");
        assert_eq!(fault(&rotate(json!({"scheme": "gitlab"})).await), "body.scheme");
        assert_eq!(fault(&rotate(json!({"key": "short"})).await), "body.key");
        assert_eq!(fault(&rotate(json!({"scheme": "standard", "key": "a text of 16 bytes"})).await), "body.key");
        assert_eq!(fault(&rotate(json!({"gracePeriodSeconds": 60})).await), "body.gracePeriodSeconds");
        let made = rotate(json!({})).await.field("key");
        assert!(made.len() == 64 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        assert_eq!(of("github").await.field("key"), made);
        assert_eq!(of("standard").await.field("key"), standard, "it was not rotated");
        let rotated = rotate(json!({"scheme": "standard", "gracePeriodSeconds": 60})).await.field("key");
        assert_eq!(of("standard").await.field("key"), rotated);
    }

    async fn the_first_secret_may_come_beside_the_scheme_or_in_it_but_once(engine: Engine) {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let github = json!({"type": "github", "secret": SECRET});
        let within = app.endpoint(URL).set("signatureScheme", github.clone()).create().await;
        let beside = app.endpoint(URL).set("signatureScheme", "github").secret(SECRET).create().await;
        assert_eq!((within.secret().await, beside.secret().await), (SECRET.to_owned(), SECRET.to_owned()));
        let twice = app.endpoint(URL).set("signatureScheme", github).secret(SECRET).try_create().await;
        assert_eq!(fault(&twice), "body.signatureScheme");
        // Beside the scheme stands the secret of the first.
        let second = json!(["standard", {"type": "slack", "secret": SECRET}]);
        let refused = app.endpoint(URL).set("signatureScheme", second.clone()).secret(SECRET).try_create().await;
        assert_eq!(fault(&refused), "body.secret");
        app.endpoint(URL).set("signatureScheme", second).create().await;
        let standard = json!(["slack", {"type": "standard", "secret": SECRET}]);
        let refused = app.endpoint(URL).set("signatureScheme", standard).try_create().await;
        assert!(fault(&refused) == "body.signatureScheme" && refused.text.contains("whsec_"), "{refused:?}");
    }

    async fn an_installation_s_scheme_that_cannot_be_is_refused_at_the_start(engine: Engine) {
        for wrong in ["gitlab", "hmac", "{\"type\": \"github\", \"eventHeader\": \"Host\"}", "{", ""] {
            let output = Server::on(engine).set("DEFAULT_SIGNATURE_SCHEME", wrong).refused().await;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("POSTRIDER_DEFAULT_SIGNATURE_SCHEME"), "{wrong}: {said}");
        }
    }
}
