//! What the handlers work with.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use postrider_delivery::Ingest;
use postrider_domain::Schemes;
use postrider_store::{AppCache, Store};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::jwt::JwtKey;
use crate::key_cache::KeyCache;
use crate::live::Live;
use crate::turns::Receiver;

/// The kind of secret made for an endpoint that brings none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureKind {
    /// `whsec_`: HMAC-SHA256, Standard Webhooks v1.
    #[default]
    Hmac256,
    /// `whsk_`: Ed25519, Standard Webhooks v1a.
    Ed25519,
}

/// What the operator decides about the API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Where clients reach this server, such as `https://hooks.example.com`; for the OpenAPI document.
    pub public_url: Option<String>,
    /// Whether an endpoint's URL must be https.
    pub https_only: bool,
    /// The kind of secret for an endpoint that brings none.
    pub default_signature: SignatureKind,
    /// How deliveries are signed to an endpoint that does not say.
    pub default_signature_scheme: Schemes,
    /// For how many days a payload is kept, unless the message says: 5 to 90.
    pub default_payload_retention_days: u16,
    /// What JWTs are checked with; without it none count.
    pub jwt: Option<JwtKey>,
    /// The most bytes of a request's body.
    pub body_limit: usize,
    /// Whether inboxes can be made and receive.
    pub inbox: bool,
}

impl Default for ApiSettings {
    /// The settings of a server that nobody configured.
    fn default() -> Self {
        Self {
            public_url: None,
            https_only: false,
            default_signature: SignatureKind::Hmac256,
            default_signature_scheme: Schemes::default(),
            default_payload_retention_days: 90,
            jwt: None,
            body_limit: 2 * 1024 * 1024,
            inbox: false,
        }
    }
}

/// What [`router`](crate::router) is built on.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// The database.
    pub store: Store,
    /// Applications in memory, shared with the delivery side.
    pub cache: Arc<AppCache>,
    /// Where published messages go.
    pub ingest: Ingest,
    /// What the operator decided.
    pub settings: ApiSettings,
    /// Renders `/metrics`; without it the path is unknown.
    pub metrics: Option<PrometheusHandle>,
    /// Ends what would go on for ever: streams of events.
    pub stopping: CancellationToken,
}

/// How many large bodies a node holds at one time: each takes up to 16 MiB, and its
/// answer as much.
const LARGE_BODIES: usize = 8;

/// [`ApiState`] and what the API keeps for itself.
pub(crate) struct Shared {
    pub store: Store,
    pub cache: Arc<AppCache>,
    pub ingest: Ingest,
    pub settings: ApiSettings,
    pub metrics: Option<PrometheusHandle>,
    pub keys: KeyCache,
    pub gate: Admission,
    pub live: Arc<Live>,
    pub receiver: Receiver,
    /// Large bodies that are read and worked on at one time.
    pub large: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(state: ApiState) -> Self {
        Self {
            keys: KeyCache::new(state.store.clone(), state.settings.jwt.clone()),
            gate: Admission::new(),
            live: Live::new(state.store.clone(), state.stopping),
            receiver: Receiver::default(),
            large: Arc::new(Semaphore::new(LARGE_BODIES)),
            store: state.store,
            cache: state.cache,
            ingest: state.ingest,
            settings: state.settings,
            metrics: state.metrics,
        }
    }
}
