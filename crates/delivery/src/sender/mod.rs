//! One attempt: a POST to an endpoint under one deadline, and what came of it.
//!
//! **Invariants:** the address is checked where the connection is made; an attempt
//! is one request on the wire at most (no redirect, no retry, no proxy); what a
//! receiver answers costs bounded memory; no text of an error holds the URL or a
//! secret.
//!
//! Next on a message's way: `crates/delivery/src/commit/outcomes.rs`.

mod answer;
mod classify;
mod clients;
pub mod headers;
mod retry_after;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use postrider_domain::{EndpointId, FailureKind, Timestamp};
use tokio::time::Instant;
use url::Url;

pub use answer::{Answer, BODY_KEPT, BODY_READ};
pub use classify::classify;
use clients::Clients;
pub use headers::{DeliveryHeaders, custom_headers};
pub use rustls::pki_types::CertificateDer;

use crate::guard::dns::SystemLookup;
use crate::guard::{AddressPolicy, GuardedResolver, Lookup, check_literal};

/// The sender could not be set up. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// No trusted certificates, or one that cannot be read.
    #[error("no TLS: {0}; install the system's CA certificates (package ca-certificates)")]
    Tls(#[from] rustls::Error),
    /// The system's resolver configuration cannot be read.
    #[error("no name lookup: {0}")]
    Resolver(String),
}

/// How deliveries are sent.
pub struct SenderConfig {
    /// Which addresses may be reached.
    pub policy: Arc<AddressPolicy>,
    /// Refuse endpoints whose URL is not https.
    pub https_only: bool,
    /// The `user-agent` header of every delivery.
    pub user_agent: HeaderValue,
    /// Endpoints whose connections are kept open; the least recently used go first.
    pub max_clients: usize,
    /// Idle connections kept per endpoint.
    pub max_idle_per_endpoint: usize,
    /// Idle connections kept over all endpoints; the least recently used go first.
    pub max_idle: usize,
    /// Certificates trusted beside the platform's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Who finds addresses; `None`: the system's name servers and hosts file.
    pub lookup: Option<Arc<dyn Lookup>>,
}

impl SenderConfig {
    /// The defaults under this policy.
    pub fn new(policy: Arc<AddressPolicy>) -> Self {
        Self {
            policy,
            https_only: false,
            user_agent: HeaderValue::from_static(concat!("Postrider/", env!("CARGO_PKG_VERSION"))),
            max_clients: 512,
            max_idle_per_endpoint: 256,
            max_idle: 16_384,
            extra_roots: Vec::new(),
            lookup: None,
        }
    }
}

/// One attempt to make.
pub struct Request<'a> {
    /// Whose connections to use.
    pub endpoint: EndpointId,
    /// The version of the endpoint's configuration: connections of an older one are
    /// not used again.
    pub version: i64,
    /// Where to post.
    pub url: &'a Url,
    /// All headers of the delivery.
    pub headers: HeaderMap,
    /// The body, sent as it is.
    pub body: Bytes,
    /// How long everything may take, from name lookup to the last byte read.
    pub deadline: Duration,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Report {
    /// The answer, whatever its status, or why there is none, in words that a tenant
    /// may read.
    pub result: Result<Answer, (FailureKind, String)>,
    /// How long it took.
    pub duration: Duration,
    /// How long the receiver asks to be left alone, counted from the answer; only
    /// of answers that are not 2xx.
    pub retry_after: Option<Duration>,
}

impl Report {
    /// The status of the answer, if there is one.
    pub fn status(&self) -> Option<u16> {
        self.result.as_ref().ok().map(|answer| answer.status)
    }
}

/// Sends deliveries. One is enough for a process; share it.
pub struct Sender {
    policy: Arc<AddressPolicy>,
    https_only: bool,
    clients: Clients,
}

/// An answer as it is read, kept outside the deadline's reach.
#[derive(Default)]
struct Progress {
    status: Option<StatusCode>,
    retry_after: Option<HeaderValue>,
}

impl Sender {
    /// Reads the platform's certificates and resolver configuration.
    pub fn new(config: SenderConfig) -> Result<Self, SenderError> {
        let lookup = match config.lookup {
            Some(lookup) => lookup,
            None => Arc::new(SystemLookup::new().map_err(SenderError::Resolver)?),
        };
        let resolver = GuardedResolver::new(lookup, config.policy.clone());
        Ok(Self {
            policy: config.policy,
            https_only: config.https_only,
            clients: Clients::new(clients::Settings {
                tls: tls::config(config.extra_roots)?,
                resolver: Arc::new(resolver),
                user_agent: config.user_agent,
                max_clients: config.max_clients,
                max_idle: config.max_idle_per_endpoint,
                max_idle_in_all: config.max_idle,
            }),
        })
    }

    /// Makes one attempt, which begins at `now`. Never fails: what goes wrong is in
    /// the report.
    #[expect(
        clippy::disallowed_methods,
        reason = "durations are measured on the monotonic clock"
    )]
    pub async fn send(&self, request: Request<'_>, now: Timestamp) -> Report {
        let started = Instant::now();
        let deadline = request.deadline;
        let mut progress = Progress::default();
        let exchange = self.exchange(request, &mut progress);
        let result = match tokio::time::timeout(deadline, exchange).await {
            Ok(result) => result,
            Err(_) => Err((FailureKind::Timeout, late(deadline, progress.status))),
        };
        let duration = started.elapsed();
        let retry_after = progress
            .retry_after
            .filter(|_| result.is_ok())
            .and_then(|value| retry_after::parse(&value, now.plus(duration)));
        Report {
            result,
            duration,
            retry_after,
        }
    }

    /// Closes the idle connections of an endpoint, as when it is deleted.
    pub fn forget(&self, endpoint: EndpointId) {
        self.clients.remove(endpoint);
    }

    async fn exchange(
        &self,
        request: Request<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, (FailureKind, String)> {
        self.check(request.url)?;
        let client = self
            .clients
            .get(request.endpoint, request.version)
            .map_err(|error| (FailureKind::Connect, classify::words(&error)))?;
        let https = request.url.scheme() == "https";
        let mut post = reqwest::Request::new(Method::POST, request.url.clone());
        *post.headers_mut() = request.headers;
        *post.body_mut() = Some(request.body.into());
        let response = client
            .execute(post)
            .await
            .map_err(|error| classify::transport(&error, https))?;
        progress.status = Some(response.status());
        if !response.status().is_success() {
            progress.retry_after = response.headers().get(RETRY_AFTER).cloned();
        }
        answer::read(response, https).await
    }

    fn check(&self, url: &Url) -> Result<(), (FailureKind, String)> {
        let refuse = |text: String| Err((FailureKind::RefusedAddress, text));
        match url.scheme() {
            "https" => {}
            "http" if !self.https_only => {}
            _ => return refuse("deliveries go to https URLs only".to_owned()),
        }
        check_literal(&self.policy, url).or_else(|refused| refuse(refused.to_string()))
    }
}

fn late(deadline: Duration, status: Option<StatusCode>) -> String {
    let seconds = deadline.as_secs_f64();
    match status {
        None => format!("no answer within {seconds} s"),
        Some(status) => format!(
            "status {} came, but not the whole answer, within {seconds} s",
            status.as_u16()
        ),
    }
}
