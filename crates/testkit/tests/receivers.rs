//! Receivers do what their names say.

use std::time::Duration;

use postrider_testkit::{Answer, Gate, Nobody, Receiver, eventually, http_client, run};
use postrider_verify::SigningKey;

fn client() -> reqwest::Client {
    http_client(Duration::from_millis(500))
}

async fn post(url: &str) -> reqwest::Result<reqwest::Response> {
    client()
        .post(url)
        .header("X-One", "1")
        .body("hello")
        .send()
        .await
}

#[test]
fn a_request_is_recorded_as_it_came() {
    run(async {
        let receiver = Receiver::start().await;
        let request = client()
            .post(receiver.url_of("/a?b=c"))
            .header("x-twice", "1")
            .header("x-twice", "2")
            .body(&b"\0\xff raw"[..]);
        assert_eq!(request.send().await.unwrap().status(), 204);
        let got = receiver.first().await;
        assert_eq!((got.method.as_str(), got.path.as_str()), ("POST", "/a?b=c"));
        assert_eq!(&got.body[..], b"\0\xff raw");
        let twice = got.headers.iter().filter(|(name, _)| name == "x-twice");
        assert_eq!(
            twice.map(|(_, value)| &value[..]).collect::<Vec<_>>(),
            [b"1", b"2"]
        );
        assert_eq!(receiver.most_in_flight(), 1);
    });
}

#[test]
fn answers_come_in_turn_and_the_last_one_stays() {
    run(async {
        let receiver = Receiver::in_turn([
            Answer::status(503).header("retry-after", "7").body("later"),
            Answer::redirect("http://127.0.0.1:1/"),
            Answer::status(200),
        ])
        .await;
        let first = post(&receiver.url()).await.unwrap();
        assert_eq!(first.headers()["retry-after"], "7");
        assert_eq!(
            (first.status().as_u16(), first.text().await.unwrap()),
            (503, "later".into())
        );
        for expected in [302, 200, 200] {
            assert_eq!(post(&receiver.url()).await.unwrap().status(), expected);
        }
        receiver.now_answer(Answer::status(410));
        assert_eq!(post(&receiver.url()).await.unwrap().status(), 410);
        assert_eq!(receiver.received(5).await.len(), 5);
    });
}

#[test]
fn an_answer_behind_a_gate_waits_for_it() {
    run(async {
        let gate = Gate::closed();
        let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
        assert!(post(&receiver.url()).await.unwrap_err().is_timeout());
        let url = receiver.url();
        let waiting = tokio::spawn(async move { post(&url).await });
        receiver.received(2).await;
        gate.open();
        assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    });
}

#[test]
fn hostile_answers_fail_at_the_client() {
    run(async {
        let cases = [
            ("hang", Answer::hang()),
            ("trickle", Answer::trickle()),
            ("reset", Answer::reset()),
            ("reset in body", Answer::reset_in_body()),
            ("garbage", Answer::garbage()),
            ("endless body", Answer::endless_body()),
            ("endless headers", Answer::endless_headers()),
        ];
        for (name, answer) in cases {
            let receiver = Receiver::always(answer).await;
            let ended = match post(&receiver.url()).await {
                Ok(response) => response.bytes().await.map(|bytes| bytes.len()),
                Err(error) => Err(error),
            };
            assert!(ended.is_err(), "{name}: {ended:?}");
            // Hanging may cost the client its connection, never the receiver its record.
            assert_eq!(receiver.count(), 1, "{name}");
        }
    });
}

#[test]
fn nobody_refuses_or_stays_silent() {
    run(async {
        let refusing = Nobody::refusing();
        assert!(post(&refusing.url()).await.unwrap_err().is_connect());
        let silent = Nobody::silent().await;
        assert!(post(&silent.url()).await.unwrap_err().is_timeout());
    });
}

#[test]
fn signatures_are_checked_with_the_verifier_that_recipients_use() {
    run(async {
        let receiver = Receiver::start().await;
        let key = SigningKey::generate_hmac([7; 32]);
        let probe = tempfile::tempfile()
            .unwrap()
            .metadata()
            .unwrap()
            .modified()
            .unwrap();
        let now = probe
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let timestamp = i64::try_from(now).unwrap();
        let send = |signature: String| {
            client()
                .post(receiver.url())
                .header("webhook-id", "msg_1")
                .header("webhook-timestamp", timestamp.to_string())
                .header("webhook-signature", signature)
                .body("body")
                .send()
        };
        send(key.sign("msg_1", timestamp, b"body")).await.unwrap();
        send(key.sign("msg_1", timestamp, b"other")).await.unwrap();
        let got = receiver.received(2).await;
        assert_eq!(got[0].verify(&key.verifying_string()).unwrap().id, "msg_1");
        assert!(got[1].verify(&key.verifying_string()).is_err());
        eventually("both to be answered", async || match receiver.in_flight() {
            0 => Ok(()),
            left => Err(left),
        })
        .await;
    });
}
