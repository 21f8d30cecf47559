//! A disk that is nearly full takes no messages, and loses none.

use std::time::Duration;

use postrider_testkit::{Answer, Engine, Gate, Receiver, Server, eventually, http_client};
use serde_json::json;

/// More than any disk has free: one in 2^40 MiB.
const MORE_THAN_THERE_IS: &str = "1000000000000";

async fn nothing_is_taken_while_deliveries_go_on() {
    let gate = Gate::closed();
    let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
    let mut server = Server::start(Engine::Sqlite).await;
    let client = server.client();
    let app = client.app().await;
    app.endpoint(&receiver.url()).create().await;
    let id = app.publish("a.b", "{}").accepted().await;
    receiver.first().await;
    let inbox = client.post("/inbox", &json!({})).await.field("url");
    server.kill9().await;
    let full = Server::on(Engine::Sqlite).database(server.database().clone());
    let full = full
        .set("INBOX", "true")
        .set("MIN_FREE_DISK_MIB", MORE_THAN_THERE_IS)
        .start_unwell()
        .await;
    let app = app.through(&full.client());
    let refused = eventually("publishes are refused", || async {
        let reply = app.publish("a.b", "{}").send().await;
        if reply.status == 503 {
            Ok(reply)
        } else {
            Err(reply)
        }
    })
    .await;
    assert_eq!(refused.code(503), "service_unavailable");
    let (_, token) = inbox.rsplit_once("/inbox/").expect("a token");
    let to_inbox =
        http_client(Duration::from_secs(20)).post(format!("{}/inbox/{token}", full.url()));
    assert_eq!(to_inbox.send().await.expect("an answer").status(), 503);
    assert!(refused.header("retry-after").is_some());
    let health = full.client().get("/health").await.expect(503);
    assert_eq!(
        (&health["disk"]["status"], &health["database"]["status"]),
        (&json!("error"), &json!("ok"))
    );
    gate.open();
    app.ends(&id, "success").await;
}

#[test]
fn a_nearly_full_disk_refuses_messages_and_lets_deliveries_end() {
    postrider_testkit::run(nothing_is_taken_while_deliveries_go_on());
}
