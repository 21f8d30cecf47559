//! Each send reads the endpoint as it is then.

use postrider_testkit::{Answer, Receiver, Server, on_both_engines};
use postrider_verify::SigningKey;
use serde_json::json;

on_both_engines! {
    async fn a_changed_url_counts_for_the_retry(engine: Engine) {
        let old = Receiver::always(Answer::status(500)).await;
        let new = Receiver::start().await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "2").start().await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&old.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        old.received(1).await;
        endpoint.patch(&json!({ "url": new.url() })).await;
        assert_eq!(new.first().await.message_id(), id);
        let attempts = app.attempts_reach(&id, 2).await;
        assert_eq!(attempts[0]["url"], old.url());
        assert_eq!(attempts[1]["url"], new.url());
    }

    async fn rotated_secrets_sign_side_by_side_and_each_for_its_own_time(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let keys: Vec<_> = (1..=3).map(|n| SigningKey::generate_hmac([n; 32])).collect();
        let secret = keys[0].to_secret_string();
        let endpoint = app.endpoint(&receiver.url()).secret(&secret).create().await;
        for key in &keys[1..] {
            let body = json!({ "key": key.to_secret_string(), "gracePeriodSeconds": 3600 });
            endpoint.rotate(&body).await;
        }
        // Rotated twice, the first secret still has its hour.
        app.publish("a.b", "{}").accepted().await;
        let request = receiver.first().await;
        for key in &keys {
            request.verify(&key.verifying_string()).unwrap();
        }
        let last = SigningKey::generate_hmac([9; 32]);
        endpoint
            .rotate(&json!({ "key": last.to_secret_string(), "gracePeriodSeconds": 0 }))
            .await;
        app.publish("a.b", "{}").accepted().await;
        let request = receiver.received(2).await.swap_remove(1);
        request.verify(&last.verifying_string()).unwrap();
        assert!(request.verify(&keys[2].verifying_string()).is_err(), "its grace was zero");
        request.verify(&keys[0].verifying_string()).unwrap();
    }

    async fn an_endpoint_made_now_gets_the_next_publish(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        for n in 1..=20 {
            app.endpoint(&receiver.url_of(&format!("/{n}"))).create().await;
            app.publish("a.b", "{}").accepted().await;
        }
        // 1 + 2 + ... + 20: none was missed, none came twice.
        let requests = receiver.received(210).await;
        assert_eq!(requests.len(), 210);
    }
}
