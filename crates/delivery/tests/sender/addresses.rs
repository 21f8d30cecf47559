//! Where a request may go: addresses, names, proxies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_delivery::sender::classify;
use postrider_domain::FailureKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::*;

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    static TARGET: std::sync::OnceLock<SocketAddr> = std::sync::OnceLock::new();
    let target = Receiver::start(answers!(NO_CONTENT)).await;
    TARGET.set(target.address).unwrap();
    for status in [301, 302, 307, 308] {
        static STATUS: AtomicUsize = AtomicUsize::new(0);
        STATUS.store(status, Ordering::SeqCst);
        let report = report(
            answers!(format!(
                "HTTP/1.1 {} Moved\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
                STATUS.load(Ordering::SeqCst),
                TARGET.get().unwrap()
            )),
            LONG,
        )
        .await;
        assert_eq!(report.status(), Some(status as u16));
        assert_eq!(classify(&report).1, Some(FailureKind::Http));
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused_in_every_spelling_without_a_connection() {
    let receiver = Receiver::start(answers!(NO_CONTENT)).await;
    let sender = sender_with(&[], |_| {});
    let port = receiver.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
    ] {
        let url = format!("http://{host}:{port}/hook?token=hunter2")
            .parse()
            .unwrap();
        let (kind, text) = failed(&post(&sender, endpoint(), 1, &url, LONG).await);
        assert_eq!(kind, FailureKind::RefusedAddress, "{host}: {text}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn an_allowed_address_is_reached_by_number_by_its_mapped_form_and_by_name() {
    let receiver = Receiver::start(answers!(NO_CONTENT)).await;
    let sender = sender();
    let port = receiver.address.port();
    for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"] {
        let url = format!("http://{host}:{port}/").parse().unwrap();
        let report = post(&sender, endpoint(), 1, &url, LONG).await;
        assert_eq!(report.status(), Some(204), "{host}: {:?}", report.result);
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_failure_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/hook?token=hunter2",
        listener.local_addr().unwrap()
    );
    drop(listener);
    let report = post(&sender(), endpoint(), 1, &url.parse().unwrap(), LONG).await;
    assert_eq!(failed(&report).0, FailureKind::Connect);
}

#[tokio::test]
async fn a_name_without_an_address_is_a_failure_of_dns_and_one_that_hangs_a_time_out() {
    use futures_util::future::BoxFuture;
    use postrider_delivery::guard::{Lookup, LookupError};
    use std::net::IpAddr;

    struct Names;
    impl Lookup for Names {
        fn lookup(&self, name: String) -> BoxFuture<'_, Result<Vec<IpAddr>, LookupError>> {
            Box::pin(async move {
                match name.as_str() {
                    "hangs.example" => std::future::pending().await,
                    "rebound.example" => Ok(vec!["10.0.0.1".parse().unwrap()]),
                    _ => Err(LookupError::NoAddress),
                }
            })
        }
    }
    let sender = sender_with(&[], |config| config.lookup = Some(Arc::new(Names)));
    for (host, deadline, want) in [
        ("nowhere.example", LONG, FailureKind::Dns),
        ("rebound.example", LONG, FailureKind::RefusedAddress),
        ("hangs.example", SHORT, FailureKind::Timeout),
    ] {
        let url = format!("https://{host}/hook?token=hunter2")
            .parse()
            .unwrap();
        let (kind, text) = failed(&post(&sender, endpoint(), 1, &url, deadline).await);
        assert_eq!(kind, want, "{host}: {text}");
    }
}

#[tokio::test]
async fn what_is_no_tls_is_a_failure_of_tls() {
    for behaviour in [
        (|mut stream: TcpStream| {
            Box::pin(async move {
                let _ = stream.read(&mut [0; 64]).await;
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                let _ = stream.read(&mut [0; 4096]).await;
            }) as futures_util::future::BoxFuture<'static, ()>
        }) as Behaviour,
        |mut stream| {
            Box::pin(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.shutdown().await;
            })
        },
    ] {
        let receiver = Receiver::start(behaviour).await;
        let url = format!("https://{}/hook?token=hunter2", receiver.address);
        let report = post(&sender(), endpoint(), 1, &url.parse().unwrap(), LONG).await;
        let (kind, text) = failed(&report);
        assert_eq!(kind, FailureKind::Tls, "{text}");
        assert_eq!(receiver.connections(), 1);
    }
}

#[tokio::test]
async fn where_https_is_asked_for_http_is_refused() {
    let receiver = Receiver::start(answers!(NO_CONTENT)).await;
    let sender = sender_with(&["127.0.0.0/8"], |config| config.https_only = true);
    let report = post(&sender, endpoint(), 1, &receiver.url(), LONG).await;
    assert_eq!(report.result.unwrap_err().0, FailureKind::RefusedAddress);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    // Environment variables are the process's: a child of this test sets them.
    const CHILD: &str = "POSTRIDER_TEST_PROXY_CHILD";
    let name = "addresses::proxies_of_the_environment_are_not_used";
    if std::env::var_os(CHILD).is_some() {
        let report = report(answers!(NO_CONTENT), LONG).await;
        assert_eq!(report.status(), Some(204));
        return;
    }
    let proxy = Receiver::start(answers!("HTTP/1.1 502 Proxy\r\ncontent-length: 0\r\n\r\n")).await;
    let address = format!("http://{}", proxy.address);
    let status = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(CHILD, "1")
        .env("http_proxy", &address)
        .env("HTTP_PROXY", &address)
        .env("all_proxy", &address)
        .env("ALL_PROXY", &address)
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .stdout(std::process::Stdio::null())
        .status()
        .await
        .unwrap();
    assert!(status.success());
    assert_eq!(proxy.connections(), 0);
}
