//! Secrets are where they are asked for by name, and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use postrider_testkit::{Client, Server, on_both_engines};
use serde_json::json;

use super::{Made, operations};

/// Secrets of every kind, in use, each with what it is.
async fn in_use(client: &Client, made: &mut Made) -> Vec<(&'static str, String)> {
    let standard = |of: &str| format!("whsec_{}", STANDARD.encode(of));
    let (first, second) = (
        standard("canary: an endpoint's secret"),
        standard("canary: an inbox's secret"),
    );
    let (github, header) = ("canary-of-a-scheme-of-others", "canary-of-a-custom-header");
    let endpoint = made.app.path(&format!("/endpoint/{}", made.endpoint));
    let rotated = json!({"key": first, "gracePeriodSeconds": 0});
    client
        .post(&format!("{endpoint}/secret/rotate"), &rotated)
        .await
        .expect(200);
    let schemes = json!({"signatureScheme": ["standard", {"type": "github", "secret": github}]});
    client.patch(&endpoint, &schemes).await.expect(200);
    let headers = json!({"headers": {"Authorization": header}});
    client
        .put(&format!("{endpoint}/headers"), &headers)
        .await
        .expect(204);
    let inbox = format!("/inbox/{}", made.inbox);
    client
        .patch(&inbox, &json!({"secret": second}))
        .await
        .expect(200);
    let key = client.post("/key", &json!({"name": "canary"})).await;
    let access = format!("/auth/app-portal-access/{}", made.app.id());
    let access = client.post(&access, &json!({})).await.expect(200);
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let (_, code) = access["url"]
        .as_str()
        .and_then(|url| url.split_once("#code="))
        .expect("a code");
    // What was sent under all of them.
    made.message = made.app.publish("made", "{}").accepted().await;
    let attempt = made.app.attempts_reach(&made.message, 1).await.remove(0);
    made.attempt = text(&attempt["id"]);
    vec![
        ("the key that asks", client.key().to_owned()),
        ("a key", text(&key.expect(201)["key"])),
        ("a token", text(&access["token"])),
        ("a code", code.to_owned()),
        ("the standard's secret", first),
        ("an inbox's secret", second),
        ("another scheme's secret", github.to_owned()),
        ("a custom header", header.to_owned()),
    ]
}

on_both_engines! {
    async fn no_secret_is_in_a_list_an_attempt_the_log_or_the_file(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let mut made = Made::by(&client).await;
        let secrets = in_use(&client, &mut made).await;
        let (mut asked, mut told) = (0, 0);
        for operation in operations(&client).await {
            let streams = operation.item["responses"]["200"]["content"].get("text/event-stream").is_some();
            if operation.method != Method::GET || streams {
                continue;
            }
            let reply = client.get(&made.path(&operation.path, None)).await;
            asked += usize::from(reply.status.is_success());
            let tells = operation.path.ends_with("/secret");
            for (what, secret) in &secrets {
                let is_there = reply.text.contains(secret.as_str());
                assert!(tells || !is_there, "{operation:?} shows {what}");
                told += usize::from(is_there);
            }
        }
        assert!(asked > 30, "{asked}");
        assert_eq!(told, 1, "the one that is asked for by name");
        let sent = made.receiver.received(2).await.swap_remove(1);
        assert_eq!(sent.header("authorization"), Some("canary-of-a-custom-header"));
        for (what, secret) in &secrets {
            assert!(!server.logs().contains(secret.as_str()), "{what} is in the log");
            for file in server.database().file().into_iter().flat_map(|file| {
                let log = format!("{}-wal", file.display());
                [file, log.into()]
            }) {
                let bytes = std::fs::read(&file).unwrap_or_default();
                let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!is_there, "{what} is in {}", file.display());
            }
        }
    }
}
