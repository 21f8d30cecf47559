//! The server: opens the store, starts delivery and API, and stops them again.
//!
//! On the way down: no new connections, requests under way end, sends under way end,
//! outcomes are recorded, the rest is given back.

mod ending;
mod exclusive;
mod http;
mod limits;
mod telemetry;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use postrider_api::{ApiSettings, ApiState};
use postrider_delivery::{DeliverySettings, DiskWatch, Pipeline, Role, StartError};
use postrider_store::{NewKey, Store, StoreError, entropy};
use postrider_verify::SigningKey;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::database::{self, DatabaseError};
use crate::exit::Exit;
use crate::first_run::{self, FirstRun};
use crate::login_link;
use crate::main_secret;
use crate::settings::Settings;
use crate::sqlite_file::{self, FileError};

/// The longest deadline that an endpoint may have (30 s), and 5 s for what follows.
const LONGEST_SEND: Duration = Duration::from_secs(35);
/// How long the database may take to close the connections.
const CLOSING: Duration = Duration::from_secs(3);
/// Port of the trial receiver that the first start's text names.
const RECEIVER_PORT: u16 = 8072;
/// The organisation that `--dev` makes.
const DEV_ORG: &str = "default";
const DAY: Duration = Duration::from_hours(24);

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database file is another's or out of reach.
    #[error(transparent)]
    File(#[from] FileError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Delivery cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operating system refused something that a server needs.
    #[error("{operation}")]
    System {
        /// What was being done.
        operation: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl ServeError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Database(error) => error.exit(),
            Self::Start(StartError::Store(error)) if error.is_transient() => {
                Exit::DatabaseUnreachable
            }
            Self::File(error) => error.exit(),
            Self::Listen { .. } | Self::Start(_) | Self::System { .. } => Exit::Failure,
        }
    }
}

impl From<StoreError> for ServeError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.into())
    }
}

/// Serves until it is told to stop. `dev` allows loopback receivers and makes the first key.
pub async fn run(settings: Settings, dev: bool) -> Result<(), ServeError> {
    let stop = ending::order()?;
    let idle = limits::raise_descriptors(settings.max_in_flight);
    let _lock = exclusive::lock(&settings).await?;
    let started = tokio::select! {
        started = start(settings, dev, idle) => started?,
        // A start may take as long as the database likes.
        () = stop.cancelled() => return Ok(()),
    };
    started.serve(stop).await;
    Ok(())
}

/// A server whose parts all run.
struct Started {
    store: Store,
    pipeline: Pipeline,
    listener: TcpListener,
    api: postrider_api::Api,
    /// Ends streams of events.
    streams: CancellationToken,
}

async fn start(mut settings: Settings, dev: bool, idle: usize) -> Result<Started, ServeError> {
    let metrics = telemetry::start(settings.metrics);
    let found_key = main_secret::found_key(&settings);
    let store = database::open_to_serve(&settings).await?;
    if dev {
        settings.allow_subnets.extend(loopback());
    }
    let listener =
        TcpListener::bind(settings.listen)
            .await
            .map_err(|source| ServeError::Listen {
                address: settings.listen,
                source,
            })?;
    let address = listener.local_addr().map_err(|source| ServeError::System {
        operation: "cannot read the listening address",
        source,
    })?;
    if settings.public_url.port() == Some(0) {
        // Any free port was asked for: links need the one that it became.
        let _ = settings.public_url.set_port(Some(address.port()));
    }
    let streams = CancellationToken::new();
    let pipeline = Pipeline::start(store.clone(), delivery_settings(&settings, idle)).await?;
    let state = ApiState {
        store: store.clone(),
        cache: Arc::new(pipeline.cache()),
        ingest: pipeline.ingest(),
        settings: api_settings(&settings, dev),
        metrics,
        stopping: streams.clone(),
    };
    let api = match settings.role {
        Role::All | Role::Api => postrider_api::router(state),
        Role::Worker => postrider_api::worker_router(state),
    };
    announce(&store, &settings, address, dev).await?;
    if dev && let Some(text) = database::bereft(&settings, &store, found_key) {
        println!("Beware: {text}\n");
    }
    Ok(Started {
        store,
        pipeline,
        listener,
        api,
        streams,
    })
}

impl Started {
    /// Serves until `stop`, and ends within a minute of it, each step in its own time.
    async fn serve(self, stop: CancellationToken) {
        let ordered = async {
            stop.cancelled().await;
            self.pipeline.stop_sending();
            self.streams.cancel();
        };
        let requests = http::serve(self.listener, self.api, ordered).await;
        self.pipeline
            .stop(LONGEST_SEND.saturating_sub(requests))
            .await;
        if tokio::time::timeout(CLOSING, self.store.close())
            .await
            .is_err()
        {
            tracing::warn!("the database did not let go of every connection");
        }
    }
}

/// Says where the server listens, on standard output; at the first `--dev` start also how
/// to see a first event arrive.
async fn announce(
    store: &Store,
    settings: &Settings,
    address: SocketAddr,
    dev: bool,
) -> Result<(), ServeError> {
    println!("listening on http://{address}");
    if !dev {
        return Ok(());
    }
    println!("--dev: deliveries may reach loopback addresses (127.0.0.0/8 and ::1)");
    if store.has_keys().await? {
        return sign_in_line(store, settings).await;
    }
    let org = store.ensure_org(DEV_ORG).await?;
    let new = NewKey {
        name: "first key".to_owned(),
        app_id: None,
        read_only: false,
        expires_at: None,
    };
    let (_, key) = store.create_key(org.id, new).await?;
    let secret = SigningKey::generate_hmac(entropy()).to_secret_string();
    let directory = std::env::current_dir().unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_else(|_| "postrider".into());
    println!(
        "{}",
        first_run::banner(&FirstRun {
            listen: SocketAddr::new(settings.listen.ip(), address.port()),
            org: DEV_ORG,
            key: key.expose(),
            secret: &secret,
            program: &first_run::program(&executable, &directory),
            receiver_port: RECEIVER_PORT,
        })
    );
    sign_in_line(store, settings).await
}

/// Prints a link into the console of the organisation that `--dev` made, if it has.
async fn sign_in_line(store: &Store, settings: &Settings) -> Result<(), ServeError> {
    let org = match store.org_by_name(DEV_ORG).await {
        Err(StoreError::NotFound(_)) => return Ok(()),
        found => found?,
    };
    let link = login_link::make(store, org.id, &settings.public_url).await?;
    println!("To sign in to the console, open this once, within ten minutes:\n\n  {link}\n");
    Ok(())
}

fn loopback() -> [IpNet; 2] {
    let v4 = IpNet::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8);
    let v6 = IpNet::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 128);
    // Both prefixes are within bounds; the fallbacks are single addresses.
    [
        v4.unwrap_or_else(|_| IpAddr::V4(Ipv4Addr::LOCALHOST).into()),
        v6.unwrap_or_else(|_| IpAddr::V6(Ipv6Addr::LOCALHOST).into()),
    ]
}

fn delivery_settings(settings: &Settings, idle: usize) -> DeliverySettings {
    DeliverySettings {
        role: settings.role,
        allow_subnets: settings.allow_subnets.clone(),
        https_only: settings.https_only,
        request_timeout: settings.request_timeout,
        retry_policy: settings.retry_policy.clone(),
        lease: settings.node_lease,
        max_in_flight: settings.max_in_flight,
        memory_limit: settings.memory_limit_bytes,
        ingest_queue: settings.ingest_queue,
        keep_rows: DAY * settings.row_retention_days,
        max_idle_connections: idle,
        disk: disk_watch(settings),
    }
}

/// PostgreSQL has disks of its own; a SQLite file lies with all that is this server's.
fn disk_watch(settings: &Settings) -> Option<DiskWatch> {
    let path = sqlite_file::real_path(settings.database_url.sqlite_path()?);
    let folder = sqlite_file::folder(&path).to_owned();
    (settings.min_free_disk > 0).then(|| DiskWatch {
        paths: vec![path, folder],
        min_free: settings.min_free_disk,
    })
}

fn api_settings(settings: &Settings, dev: bool) -> ApiSettings {
    ApiSettings {
        inbox: settings.inbox.unwrap_or(dev),
        jwt: settings.jwt.clone(),
        public_url: Some(settings.public_url.to_string()),
        https_only: settings.https_only,
        default_signature: settings.default_signature,
        default_signature_scheme: settings.default_signature_scheme.clone(),
        default_payload_retention_days: u16::try_from(settings.payload_retention_days)
            .unwrap_or(90),
        ..ApiSettings::default()
    }
}
