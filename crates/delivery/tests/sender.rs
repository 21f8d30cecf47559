//! The sender against real receivers on loopback, good and bad.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use postrider_delivery::guard::AddressPolicy;
use postrider_delivery::sender::{Report, Request, Sender, SenderConfig, classify};
use postrider_domain::{AttemptStatus, EndpointId, FailureKind, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);
/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: Timestamp = Timestamp::from_seconds(784_111_777);

/// What a receiver does with a connection once it has read a request's head.
type Behaviour = fn(TcpStream) -> futures_util::future::BoxFuture<'static, ()>;

struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// A receiver that hands each connection to this behaviour.
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(behaviour(stream));
            }
        });
        Self {
            address,
            connections,
        }
    }

    fn url(&self) -> Url {
        format!("http://{}/hook?token=hunter2", self.address)
            .parse()
            .unwrap()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request with its body; its head, or `None` at the end.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        seen.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |n| n.parse().unwrap());
        if body.len() >= length {
            return Some(head.to_owned());
        }
    }
}

/// A behaviour that answers each request with this text.
macro_rules! answers {
    ($text:expr) => {
        |mut stream| {
            Box::pin(async move {
                while request(&mut stream).await.is_some() {
                    let _ = stream.write_all($text.as_bytes()).await;
                }
            })
        }
    };
}

/// A behaviour that answers the first request with this text and hangs up.
macro_rules! answers_and_closes {
    ($text:expr) => {
        |mut stream| {
            Box::pin(async move {
                request(&mut stream).await;
                let _ = stream.write_all($text.as_bytes()).await;
                let _ = stream.shutdown().await;
            })
        }
    };
}

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn sender_with(allow: &[&str], change: impl FnOnce(&mut SenderConfig)) -> Sender {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    let mut config = SenderConfig::new(Arc::new(AddressPolicy::new(allow)));
    change(&mut config);
    Sender::new(config).unwrap()
}

fn sender() -> Sender {
    sender_with(&["127.0.0.0/8"], |_| {})
}

fn endpoint() -> EndpointId {
    EndpointId::mint(Timestamp::from_seconds(1_700_000_000))
}

async fn post(
    sender: &Sender,
    endpoint: EndpointId,
    version: i64,
    url: &Url,
    deadline: Duration,
) -> Report {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "msg_1".parse().unwrap());
    let request = Request {
        endpoint,
        version,
        url,
        headers,
        body: Bytes::from_static(b"{\"a\": 1}"),
        deadline,
    };
    sender.send(request, NOW).await
}

async fn report(behaviour: Behaviour, deadline: Duration) -> Report {
    let receiver = Receiver::start(behaviour).await;
    let report = post(&sender(), endpoint(), 1, &receiver.url(), deadline).await;
    assert!(receiver.connections() <= 1, "one request at most");
    report
}

fn failed(report: &Report) -> (FailureKind, String) {
    let (kind, text) = report.result.clone().unwrap_err();
    assert_eq!(classify(report), (AttemptStatus::Fail, Some(kind)));
    for secret in ["hunter2", "hook", "http://"] {
        assert!(!text.contains(secret), "{text}");
    }
    (kind, text)
}

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

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    // Environment variables are the process's: a child of this test sets them.
    const CHILD: &str = "POSTRIDER_TEST_PROXY_CHILD";
    let name = "proxies_of_the_environment_are_not_used";
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
