//! Receivers that are told what to do with a connection, and a sender for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use postrider_delivery::guard::AddressPolicy;
use postrider_delivery::sender::{Report, Request, Sender, SenderConfig, classify};
use postrider_domain::{AttemptStatus, EndpointId, FailureKind, Timestamp};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const SHORT: Duration = Duration::from_millis(200);
/// Sun, 06 Nov 1994 08:49:37 GMT
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(784_111_777);

/// What a receiver does with a connection once it has read a request's head.
pub(crate) type Behaviour = fn(TcpStream) -> futures_util::future::BoxFuture<'static, ()>;

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// A receiver that hands each connection to this behaviour.
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
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

    pub(crate) fn url(&self) -> Url {
        format!("http://{}/hook?token=hunter2", self.address)
            .parse()
            .unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request with its body; its head, or `None` at the end.
pub(crate) async fn request(stream: &mut TcpStream) -> Option<String> {
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

pub(crate) const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

pub(crate) fn sender_with(allow: &[&str], change: impl FnOnce(&mut SenderConfig)) -> Sender {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    let mut config = SenderConfig::new(Arc::new(AddressPolicy::new(allow)));
    change(&mut config);
    Sender::new(config).unwrap()
}

pub(crate) fn sender() -> Sender {
    sender_with(&["127.0.0.0/8"], |_| {})
}

pub(crate) fn endpoint() -> EndpointId {
    EndpointId::mint(Timestamp::from_seconds(1_700_000_000))
}

pub(crate) async fn post(
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

pub(crate) async fn report(behaviour: Behaviour, deadline: Duration) -> Report {
    let receiver = Receiver::start(behaviour).await;
    let report = post(&sender(), endpoint(), 1, &receiver.url(), deadline).await;
    assert!(receiver.connections() <= 1, "one request at most");
    report
}

pub(crate) fn failed(report: &Report) -> (FailureKind, String) {
    let (kind, text) = report.result.clone().unwrap_err();
    assert_eq!(classify(report), (AttemptStatus::Fail, Some(kind)));
    for secret in ["hunter2", "hook", "http://"] {
        assert!(!text.contains(secret), "{text}");
    }
    (kind, text)
}
