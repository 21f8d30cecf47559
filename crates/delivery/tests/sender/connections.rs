//! Which connections are used again, and for how long.

use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_domain::FailureKind;
use tokio::io::AsyncWriteExt;

use crate::support::*;

#[tokio::test]
async fn a_connection_is_used_again_until_the_endpoint_changes() {
    let receiver = Receiver::start(answers!(NO_CONTENT)).await;
    let sender = sender();
    let id = endpoint();
    let url = receiver.url();
    let mut seen = Vec::new();
    for version in [1, 1, 1, 2, 2, 1, 2] {
        post(&sender, id, version, &url, LONG).await.result.unwrap();
        seen.push(receiver.connections());
    }
    assert_eq!(seen, [1, 1, 1, 2, 2, 3, 3]);
    post(&sender, endpoint(), 2, &url, LONG)
        .await
        .result
        .unwrap();
    assert_eq!(receiver.connections(), 4, "endpoints share no connections");
}

#[tokio::test]
async fn a_receiver_that_hangs_up_after_each_answer_sees_each_attempt_once_at_most() {
    static REQUESTS: AtomicUsize = AtomicUsize::new(0);
    let receiver = Receiver::start(|mut stream| {
        Box::pin(async move {
            if request(&mut stream).await.is_some() {
                REQUESTS.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(NO_CONTENT.as_bytes()).await;
            }
        })
    })
    .await;
    let sender = sender();
    let (id, url) = (endpoint(), receiver.url());
    let mut succeeded = 0;
    for _ in 0..200 {
        let report = post(&sender, id, 1, &url, LONG).await;
        match report.result {
            Ok(_) => succeeded += 1,
            Err((kind, text)) => assert_eq!(kind, FailureKind::Reset, "{text}"),
        }
    }
    assert_eq!(REQUESTS.load(Ordering::SeqCst), succeeded);
}

#[tokio::test]
async fn a_change_of_the_endpoint_closes_its_idle_connections() {
    static CLOSED: AtomicUsize = AtomicUsize::new(0);
    let receiver = Receiver::start(|mut stream| {
        Box::pin(async move {
            while request(&mut stream).await.is_some() {
                let _ = stream.write_all(NO_CONTENT.as_bytes()).await;
            }
            CLOSED.fetch_add(1, Ordering::SeqCst);
        })
    })
    .await;
    let sender = sender();
    let id = endpoint();
    let url = receiver.url();
    post(&sender, id, 1, &url, LONG).await.result.unwrap();
    post(&sender, id, 2, &url, LONG).await.result.unwrap();
    let closed = async |n| {
        while CLOSED.load(Ordering::SeqCst) < n {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, closed(1)).await.unwrap();
    sender.forget(id);
    tokio::time::timeout(LONG, closed(2)).await.unwrap();
}
