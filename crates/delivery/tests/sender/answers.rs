//! What is made of what a receiver answers, or does not.

use std::time::Duration;

use postrider_delivery::sender::classify;
use postrider_domain::{AttemptStatus, FailureKind};
use tokio::io::AsyncWriteExt;

use crate::support::*;

#[tokio::test]
async fn a_2xx_is_success() {
    let report = report(answers!(NO_CONTENT), LONG).await;
    let answer = report.result.as_ref().unwrap();
    assert_eq!((answer.status, answer.truncated), (204, false));
    assert_eq!(classify(&report), (AttemptStatus::Success, None));
}

#[tokio::test]
async fn an_http_1_receiver_gets_one_post_with_our_headers_and_the_body_as_it_is() {
    let echo: Behaviour = |mut stream| {
        Box::pin(async move {
            let head = request(&mut stream).await.unwrap();
            let text = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
                head.len()
            );
            let _ = stream.write_all(text.as_bytes()).await;
        })
    };
    let answer = report(echo, LONG).await.result.unwrap();
    let head = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        head.starts_with("POST /hook?token=hunter2 HTTP/1.1\r\n"),
        "{head}"
    );
    let agent = concat!("user-agent: Postrider/", env!("CARGO_PKG_VERSION"));
    for line in ["webhook-id: msg_1", "content-length: 8", agent] {
        assert!(head.contains(line), "{head}");
    }
    for name in ["accept-encoding", "referer", "cookie"] {
        assert!(!head.contains(name), "{head}");
    }
}

#[tokio::test]
async fn a_500_is_a_failure_with_its_headers_and_body() {
    let report = report(
        answers!("HTTP/1.1 500 Oh\r\nx-why: because\r\ncontent-length: 4\r\n\r\nsorr"),
        LONG,
    )
    .await;
    assert_eq!(
        classify(&report),
        (AttemptStatus::Fail, Some(FailureKind::Http))
    );
    let answer = report.result.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (500, &b"sorr"[..]));
    assert!(
        answer
            .headers
            .contains(&("x-why".to_owned(), "because".to_owned()))
    );
}

#[tokio::test]
async fn retry_after_is_read_in_seconds_and_as_a_date_and_only_of_failures() {
    let busy = report(
        answers!("HTTP/1.1 503 B\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"),
        LONG,
    );
    assert_eq!(busy.await.retry_after, Some(Duration::from_secs(7)));
    let until = report(
        answers!(
            "HTTP/1.1 429 B\r\nretry-after: Sun, 06 Nov 1994 08:51:37 GMT\r\ncontent-length: 0\r\n\r\n"
        ),
        LONG,
    );
    let wait = until.await.retry_after.unwrap();
    assert!(
        (Duration::from_secs(100)..=Duration::from_mins(2)).contains(&wait),
        "{wait:?}"
    );
    let fine = report(
        answers!("HTTP/1.1 200 OK\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"),
        LONG,
    );
    assert_eq!(fine.await.retry_after, None);
}

#[tokio::test]
async fn a_receiver_that_never_answers_ends_at_the_deadline() {
    let report = report(
        |mut stream| {
            Box::pin(async move {
                request(&mut stream).await;
                std::future::pending::<()>().await;
            })
        },
        SHORT,
    )
    .await;
    let (kind, text) = failed(&report);
    assert_eq!(kind, FailureKind::Timeout);
    assert!(text.contains("0.2 s"), "{text}");
    assert!(report.duration >= SHORT && report.duration < SHORT * 10);
}

#[tokio::test]
async fn a_body_that_trickles_beyond_the_deadline_is_a_time_out_although_its_status_came() {
    let report = report(
        |mut stream| {
            Box::pin(async move {
                request(&mut stream).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
                    .await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
            })
        },
        SHORT,
    )
    .await;
    let (kind, text) = failed(&report);
    assert_eq!(kind, FailureKind::Timeout);
    assert!(text.contains("status 200"), "{text}");
}

#[tokio::test]
async fn a_connection_closed_before_or_amid_the_answer_is_a_reset() {
    for behaviour in [
        answers_and_closes!("") as Behaviour,
        answers_and_closes!("HTTP/1.1 200"),
        answers_and_closes!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
        answers_and_closes!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
    ] {
        let (kind, text) = failed(&report(behaviour, LONG).await);
        assert_eq!(kind, FailureKind::Reset, "{text}");
    }
}

#[tokio::test]
async fn a_failure_whose_body_breaks_off_keeps_its_status() {
    let report = report(
        answers_and_closes!("HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\nhalf"),
        LONG,
    )
    .await;
    let answer = report.result.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..], answer.truncated),
        (410, &b"half"[..], true)
    );
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_an_http_failure() {
    for behaviour in [
        answers_and_closes!("garbage\r\n\r\n") as Behaviour,
        answers_and_closes!("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        answers_and_closes!("HTTP/1.1 99999 No\r\n\r\n"),
    ] {
        let (kind, text) = failed(&report(behaviour, LONG).await);
        assert_eq!(kind, FailureKind::Http, "{text}");
    }
}

#[tokio::test]
async fn an_endless_body_ends_at_64_kib_with_its_status_counted() {
    let behaviour: Behaviour = |mut stream| {
        Box::pin(async move {
            request(&mut stream).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
                .await;
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
        })
    };
    let report = report(behaviour, LONG).await;
    assert_eq!(classify(&report), (AttemptStatus::Success, None));
    let answer = report.result.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (16 * 1024, true));
    assert!(report.duration < LONG);
}

#[tokio::test]
async fn of_a_body_16_kib_are_kept() {
    let exactly = report(
        answers!(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 16384\r\n\r\n{}",
            "x".repeat(16384)
        )),
        LONG,
    );
    let answer = exactly.await.result.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (16384, false));
    let more = report(
        answers!(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 16385\r\n\r\n{}",
            "x".repeat(16385)
        )),
        LONG,
    );
    let answer = more.await.result.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (16384, true));
}

#[tokio::test]
async fn a_compressed_body_is_kept_as_it_came() {
    let gzip = report(
        answers!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"),
        LONG,
    );
    assert_eq!(&gzip.await.result.unwrap().body[..], b"abc");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_oversized() {
    for behaviour in [
        answers!(format!(
            "HTTP/1.1 200 OK\r\nx-big: {}\r\n\r\n",
            "x".repeat(100 * 1024)
        )) as Behaviour,
        answers!(format!(
            "HTTP/1.1 200 OK\r\nx-big: {}\r\n\r\n",
            "x".repeat(1024 * 1024)
        )),
        answers!(format!(
            "HTTP/1.1 200 OK\r\n{}\r\n",
            "x-a: b\r\n".repeat(5000)
        )),
    ] {
        let (kind, text) = failed(&report(behaviour, LONG).await);
        assert_eq!(kind, FailureKind::Oversized, "{text}");
    }
}
