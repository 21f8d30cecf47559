//! The tests' own HTTP client: loopback only, no proxies, no redirects, no TLS roots.

use std::sync::Arc;
use std::time::Duration;

/// A client for plain HTTP on this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' client talks to what the tests themselves started, on loopback"
)]
pub fn http_client(timeout: Duration) -> reqwest::Client {
    // Reading the platform's certificates takes longer than most tests do.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .expect("nothing here depends on the machine")
}
