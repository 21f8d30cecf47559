//! The sender against receivers with TLS and HTTP/2.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use postrider_delivery::guard::AddressPolicy;
use postrider_delivery::sender::{CertificateDer, Report, Request, Sender, SenderConfig, classify};
use postrider_domain::{AttemptStatus, EndpointId, FailureKind, Timestamp};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

type Body = BoxBody<Bytes, Infallible>;
type Answer = fn(Version) -> Response<Body>;

struct Receiver {
    port: u16,
    certificate: CertificateDer<'static>,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// A receiver whose certificate is for this name.
    async fn start(name: &str, protocols: &[&str], answer: Answer) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(accept(
            listener,
            Arc::new(config).into(),
            connections.clone(),
            answer,
        ));
        Self {
            port,
            certificate,
            connections,
        }
    }

    fn url(&self, host: &str) -> Url {
        format!("https://{host}:{}/hook", self.port)
            .parse()
            .unwrap()
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    connections: Arc<AtomicUsize>,
    answer: Answer,
) {
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request: http::Request<Incoming>| async move {
                let version = request.version();
                let _ = request.into_body().collect().await;
                Ok::<_, Infallible>(answer(version))
            });
            let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            server.http2().max_header_list_size(1 << 20);
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn version(version: Version) -> Response<Body> {
    Response::new(Full::new(Bytes::from(format!("{version:?}"))).boxed())
}

fn sender(roots: Vec<CertificateDer<'static>>) -> Sender {
    let policy = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let mut config = SenderConfig::new(Arc::new(policy));
    config.extra_roots = roots;
    Sender::new(config).unwrap()
}

async fn post(sender: &Sender, endpoint: EndpointId, url: &Url) -> Report {
    let request = Request {
        endpoint,
        version: 1,
        url,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        deadline: Duration::from_secs(20),
    };
    sender.send(request, Timestamp::default()).await
}

fn endpoint() -> EndpointId {
    EndpointId::mint(Timestamp::from_seconds(1_700_000_000))
}

#[tokio::test]
async fn a_receiver_is_asked_for_http_2_first_and_one_connection_carries_many_sends() {
    let receiver = Receiver::start("localhost", &["h2", "http/1.1"], version).await;
    let sender = sender(vec![receiver.certificate.clone()]);
    let (id, url) = (endpoint(), receiver.url("localhost"));
    post(&sender, id, &url).await.result.unwrap();
    let reports = (0..20).map(|_| post(&sender, id, &url));
    for report in futures_util::future::join_all(reports).await {
        assert_eq!(&report.result.unwrap().body[..], b"HTTP/2.0");
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_receiver_without_http_2_is_spoken_to_in_http_1() {
    for protocols in [&["http/1.1"][..], &[]] {
        let receiver = Receiver::start("localhost", protocols, version).await;
        let sender = sender(vec![receiver.certificate.clone()]);
        let report = post(&sender, endpoint(), &receiver.url("localhost")).await;
        assert_eq!(&report.result.unwrap().body[..], b"HTTP/1.1");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_or_for_another_name_is_a_failure_of_tls() {
    let receiver = Receiver::start("localhost", &["h2"], version).await;
    let trusting = vec![receiver.certificate.clone()];
    for (roots, host) in [(vec![], "localhost"), (trusting, "127.0.0.1")] {
        let report = post(&sender(roots), endpoint(), &receiver.url(host)).await;
        let (kind, text) = report.result.unwrap_err();
        assert_eq!(kind, FailureKind::Tls, "{text}");
        assert!(text.contains("certificate"), "{text}");
    }
}

#[tokio::test]
async fn over_http_2_too_an_endless_body_ends_and_a_head_too_large_is_a_failure() {
    let endless: Answer = |_| {
        let chunk = || Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])));
        let endless = stream::repeat_with(chunk);
        Response::new(BodyExt::boxed(StreamBody::new(endless)))
    };
    let receiver = Receiver::start("localhost", &["h2"], endless).await;
    let client = sender(vec![receiver.certificate.clone()]);
    let report = post(&client, endpoint(), &receiver.url("localhost")).await;
    assert_eq!(classify(&report), (AttemptStatus::Success, None));
    let answer = report.result.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (16 * 1024, true));

    let large: Answer = |v| {
        let mut response = version(v);
        let value = "x".repeat(100 * 1024).parse().unwrap();
        response.headers_mut().insert("x-big", value);
        response
    };
    let receiver = Receiver::start("localhost", &["h2"], large).await;
    let client = sender(vec![receiver.certificate.clone()]);
    let report = post(&client, endpoint(), &receiver.url("localhost")).await;
    let (kind, text) = report.result.unwrap_err();
    assert_eq!(kind, FailureKind::Oversized, "{text}");
}
