//! Settings: flags beat environment, environment beats file, file beats defaults.

mod database_url;
mod layers;
mod nearest;
mod problem;
mod read;
pub mod reference;
pub mod registry;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use postrider_api::{JwtKey, SignatureKind};
use postrider_delivery::Role;
use postrider_domain::{RetryPolicy, Schemes};
use postrider_store::Secret;
use url::Url;

pub use database_url::DatabaseUrl;
pub use layers::{DEFAULT_FILE, Inputs, Origin};
pub use problem::{Problem, Problems};
pub use read::{Loaded, Row, load};
pub use values::LogFormat;
pub(crate) use values::long_enough;

/// Shown instead of a secret.
pub const MASK: &str = "********";

/// Every setting, checked. The registry says what each means.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address that everything is served on.
    pub listen: SocketAddr,
    /// Where the data is kept.
    pub database_url: DatabaseUrl,
    /// Address under which people reach this installation.
    pub public_url: Url,
    /// What this node does.
    pub role: Role,
    /// Encrypts secrets at rest, if set; [`crate::main_secret::resolve`] finds it if not.
    pub main_secret: Option<Secret>,
    /// Checks JWTs, if they are accepted.
    pub jwt: Option<JwtKey>,
    /// Networks that deliveries may reach although they are not public.
    pub allow_subnets: Vec<IpNet>,
    /// Whether endpoints must be https.
    pub https_only: bool,
    /// Time that one attempt may take in all.
    pub request_timeout: Duration,
    /// When failed attempts are repeated.
    pub retry_policy: RetryPolicy,
    /// Kind of secret made for an endpoint that brings none.
    pub default_signature: SignatureKind,
    /// How deliveries are signed to an endpoint that does not say.
    pub default_signature_scheme: Schemes,
    /// Requests under way at one time.
    pub max_in_flight: usize,
    /// Payloads that wait in memory, in bytes.
    pub memory_limit_bytes: usize,
    /// Messages that may wait for their commit.
    pub ingest_queue: usize,
    /// Connections to the database at most.
    pub database_connections: u32,
    /// Silence after which other nodes take over.
    pub node_lease: Duration,
    /// Days that payloads are kept.
    pub payload_retention_days: u32,
    /// Days that messages, deliveries and attempts are kept.
    pub row_retention_days: u32,
    /// Free bytes on the disk of a SQLite database below which no message is taken; 0: never.
    pub min_free_disk: u64,
    /// Whether inboxes can be made; if unset, only under `--dev`.
    pub inbox: Option<bool>,
    /// Whether `/metrics` is served.
    pub metrics: bool,
    /// What is logged, as an env-filter.
    pub log: String,
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Threads of the runtime; one per core if `None`.
    pub worker_threads: Option<usize>,
}
