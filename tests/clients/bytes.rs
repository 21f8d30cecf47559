//! Bodies arrive as they were published, byte for byte.

use postrider_testkit::{Receiver, Server, on_both_engines};

/// Texts that a parser and a printer, or a database's own JSON type, would change.
const PAYLOADS: &[&str] = &[
    "{}",
    "{\"b\":1,\"a\":2,\"b\":3}",
    "{ \"spaced\" :\t[ 1 ,\n2 ] }",
    r#"{"escapes":"\u0041\/\"\\\b\f\n\r\t","nul":"\u0000","pair":"\ud83d\ude00"}"#,
    r#"{"big":123456789012345678901234567890,"small":1e-400,"float":1.0,"exp":1E+2,"minus":-0}"#,
    "{\"text\":\"Zoë 漢字 😀 \u{2028}\u{7f}\"}",
    r#"{"":null,"true":[true,false,[],{}],"deep":{"er":{"still":[[[[0]]]]}}}"#,
];

on_both_engines! {
    async fn bodies_arrive_byte_for_byte_as_published(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let secret = endpoint.secret().await;
        let long = format!("{{\"long\":\"{}\"}}", "é".repeat(300_000));
        for payload in PAYLOADS.iter().copied().chain([long.as_str()]) {
            let before = receiver.count();
            let id = app.publish("bytes.test", payload).accepted().await;
            let got = receiver.received(before + 1).await.swap_remove(before);
            assert_eq!(got.text(), payload);
            assert_eq!(got.message_id(), id);
            assert_eq!(got.only_header("content-type"), "application/json");
            got.verify(&secret).unwrap();
            let read = app.client().get(&app.path(&format!("/msg/{id}"))).await;
            read.ok();
            assert!(read.text.contains(payload), "read back otherwise: {}", read.text);
        }
    }

    async fn bodies_are_the_same_when_they_come_from_the_database(engine: Engine) {
        let receiver = Receiver::always(postrider_testkit::Answer::status(500)).await;
        let mut server = Server::on(engine)
            .set("RETRY_SCHEDULE", "1,1,1,1,1,1,1,1")
            .set("REQUEST_TIMEOUT", "5")
            .set("NODE_LEASE", "10")
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        for payload in PAYLOADS {
            app.publish("bytes.test", payload).accepted().await;
        }
        receiver.received(PAYLOADS.len()).await;
        // What the next process sends cannot have been kept in memory.
        server.kill9().await;
        let before = receiver.count();
        receiver.now_answer(postrider_testkit::Answer::status(200));
        server.restart().await;
        receiver
            .received_until("each payload again", |all| {
                PAYLOADS.iter().all(|payload| {
                    all[before..].iter().any(|request| request.body == payload.as_bytes())
                })
            })
            .await;
    }
}
