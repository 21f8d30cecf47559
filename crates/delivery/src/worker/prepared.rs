//! Endpoints made ready for sending, once per revision: URL, headers and keys parsed.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use moka::sync::Cache;
use postrider_domain::{EndpointId, Timestamp};
use postrider_store::EndpointConfig;
use postrider_verify::Outgoing;
use url::Url;

use super::signing::{Signed, Signers};
use crate::sender::custom_headers;

/// An endpoint as a send uses it.
pub(crate) struct Prepared {
    pub(crate) config: Arc<EndpointConfig>,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    signers: Signers,
}

/// An endpoint that was stored by rules that no longer hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unready {
    #[error("the endpoint's URL cannot be read")]
    Url,
    #[error("the endpoint has no usable signing secret")]
    Secret,
}

impl Prepared {
    fn new(config: Arc<EndpointConfig>) -> Result<Self, Unready> {
        let settings = &config.settings;
        let schemes = &settings.signature_scheme;
        // The names differ, unless two changes of the endpoint crossed: then a signature
        // goes before what somebody added.
        let custom = settings
            .headers
            .iter()
            .filter(|(name, _)| schemes.check_beside([name.as_str()]).is_ok())
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Self {
            url: Url::parse(&settings.url).map_err(|_| Unready::Url)?,
            headers: custom_headers(custom),
            signers: Signers::new(&config).map_err(|_| Unready::Secret)?,
            config,
        })
    }

    /// Signs one attempt with the secrets that are in force.
    pub(crate) fn sign(&self, now: Timestamp, delivery: &Outgoing<'_>) -> Signed {
        self.signers.sign(now, delivery)
    }

    /// The endpoint's deadline, or the installation's.
    pub(crate) fn deadline(&self, default: Duration) -> Duration {
        self.config.timeout().unwrap_or(default)
    }
}

/// Prepared endpoints, the latest of each.
pub(crate) struct Preparer(Cache<EndpointId, Arc<Prepared>>);

impl Preparer {
    pub(crate) fn new() -> Self {
        Self(Cache::new(20_000))
    }

    /// The endpoint made ready, made anew if its configuration is another object.
    pub(crate) fn prepare(&self, config: &Arc<EndpointConfig>) -> Result<Arc<Prepared>, Unready> {
        if let Some(prepared) = self.0.get(&config.id)
            && Arc::ptr_eq(&prepared.config, config)
        {
            return Ok(prepared);
        }
        let prepared = Arc::new(Prepared::new(Arc::clone(config))?);
        self.0.insert(config.id, Arc::clone(&prepared));
        Ok(prepared)
    }
}
