//! `cargo xtask seed`: a database as a busy installation has it after a month, written
//! through the store's own bulk statements with a clock that this program moves.

mod traffic;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use postrider::settings::{self, Inputs, registry};
use postrider_domain::{AppId, EndpointId, NodeId, OrgId, SchemeKind, Timestamp};
use postrider_store::{
    Cipher, Clock, ConnectOptions, EndpointSettings, Engine, IngestBatch, KeyBlock, ManualClock,
    NewApp, NewEndpoint, NewEventType, NewSecret, Rollup, Secret, Store,
};

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use traffic::{EVENT_TYPES, Traffic};

/// Messages of one transaction.
const BATCH: u32 = 500;
/// Deliveries of each.
const FAN_OUT: u32 = 2;
/// Longer than any seeding takes.
const LEASE: Duration = Duration::from_hours(24 * 400);

/// What is written, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct SeedOptions {
    /// The database, made or brought up to date; no server may use it meanwhile
    /// [default: as POSTRIDER_DATABASE_URL or postrider.toml says]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The organisation that gets it all
    #[arg(long, default_value = "default")]
    pub(crate) org: String,
    /// Applications
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) applications: u32,
    /// Endpoints of all applications together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) endpoints: u32,
    /// Attempts to all endpoints together
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    pub(crate) attempts: u32,
    /// Days over which they are spread, up to now
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=80))]
    pub(crate) days: u32,
}

/// An application and what belongs to it.
struct Seeded {
    id: AppId,
    version: i64,
    endpoints: Vec<EndpointId>,
}

/// Seeds the database that the options or the settings name.
pub(crate) fn run(_root: &Path, options: &SeedOptions) -> io::Result<Vec<String>> {
    let flags: BTreeMap<&'static str, String> = options
        .database_url
        .iter()
        .map(|url| (registry::DATABASE_URL.name, url.clone()))
        .collect();
    let inputs = Inputs::gather(flags, None).map_err(io::Error::other)?;
    let settings = settings::load(inputs).map_err(io::Error::other)?.settings;
    if let Some(folder) = settings.database_url.sqlite_path().and_then(Path::parent) {
        std::fs::create_dir_all(folder)?;
    }
    let secret = postrider::main_secret::resolve(&settings).map_err(io::Error::other)?;
    let url = settings.database_url.expose().to_owned();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let (store, _) = write(&url, secret.expose(), options).await?;
        store.close().await;
        io::Result::Ok(())
    })?;
    println!(
        "seeded: `postrider key create --org {}` makes a key for it",
        options.org
    );
    Ok(Vec::new())
}

/// Writes everything. The store's clock stands at the present at the end.
pub(crate) async fn write(
    url: &str,
    secret: &str,
    options: &SeedOptions,
) -> io::Result<(Store, OrgId)> {
    let now = Clock::system().now();
    let begin = now.minus(Duration::from_hours(24) * options.days);
    let (clock, hand) = Clock::manual(begin);
    let connect = ConnectOptions {
        url: url.to_owned(),
        connections: 4,
    };
    let store = Store::open(&connect, Cipher::new(secret), clock)
        .await
        .map_err(io::Error::other)?;
    let org = store
        .ensure_org(&options.org)
        .await
        .map_err(io::Error::other)?;
    catalogue(&store, org.id).await?;
    let apps = applications(&store, org.id, options).await?;
    println!(
        "{} applications, {} endpoints",
        options.applications, options.endpoints
    );
    traffic(&store, &hand, &apps, (begin, now), options).await?;
    hand.advance_to(now);
    println!("{} attempts", options.attempts);
    while store.trim_journal().await.map_err(io::Error::other)? {}
    if store.engine() == Engine::Postgres {
        // As autovacuum would have, in a month.
        let mut connection = PgConnection::connect(url).await.map_err(io::Error::other)?;
        connection
            .execute("analyze")
            .await
            .map_err(io::Error::other)?;
    }
    Ok((store, org.id))
}

async fn catalogue(store: &Store, org: OrgId) -> io::Result<()> {
    for name in EVENT_TYPES {
        let group = name.split('.').next().unwrap_or(name);
        let new = NewEventType {
            name: name.to_owned(),
            description: format!("Tells of {name}"),
            schemas: Some(r#"{"1":{"type":"object"}}"#.to_owned()),
            group_name: Some(group.to_owned()),
            ..NewEventType::default()
        };
        store
            .put_event_type(org, new)
            .await
            .map_err(io::Error::other)?;
    }
    Ok(())
}

async fn applications(store: &Store, org: OrgId, options: &SeedOptions) -> io::Result<Vec<Seeded>> {
    let mut apps = Vec::new();
    for number in 0..options.applications {
        let new = NewApp {
            uid: Some(format!("customer-{number}")),
            name: format!("Customer {number}"),
            throttle_rate: None,
            metadata: "{}".to_owned(),
        };
        let (app, _) = store
            .app_or_create(org, new)
            .await
            .map_err(io::Error::other)?;
        let from =
            u64::from(number) * u64::from(options.endpoints) / u64::from(options.applications);
        let to =
            u64::from(number + 1) * u64::from(options.endpoints) / u64::from(options.applications);
        let mut endpoints = Vec::new();
        for at in from..to {
            let endpoint = store.create_endpoint(app.id, endpoint(at)).await;
            endpoints.push(endpoint.map_err(io::Error::other)?.id);
        }
        let name = app.id.to_string();
        let version = store
            .app(org, &name)
            .await
            .map_err(io::Error::other)?
            .config_version;
        apps.push(Seeded {
            id: app.id,
            version,
            endpoints,
        });
    }
    Ok(apps)
}

fn endpoint(number: u64) -> NewEndpoint {
    NewEndpoint {
        settings: EndpointSettings {
            // Reserved: nothing is ever there (RFC 2606, section 2).
            url: format!("https://customer-{number}.invalid/webhooks"),
            description: format!("Receiver {number}"),
            ..EndpointSettings::default()
        },
        secrets: vec![NewSecret {
            scheme: SchemeKind::Standard,
            text: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        }],
    }
}

/// How much of the time has passed when a share of the messages has been published: some
/// hours of each day are busier than others.
fn rhythm(share: f64, days: f64) -> f64 {
    const DEPTH: f64 = 0.6;
    let turns = std::f64::consts::TAU * days.max(1.0);
    share + DEPTH * (turns * share).sin() / turns
}

async fn traffic(
    store: &Store,
    hand: &ManualClock,
    apps: &[Seeded],
    (begin, end): (Timestamp, Timestamp),
    options: &SeedOptions,
) -> io::Result<()> {
    let node = store
        .register_node(NodeId::mint(begin), "all", LEASE)
        .await
        .map_err(io::Error::other)?;
    let batches = options.attempts.div_ceil(BATCH * FAN_OUT);
    let span = end.since(begin);
    // When so many of all messages have been published.
    let at = |number: u32| {
        let share = number as f64 / (batches.max(1) * BATCH) as f64;
        begin.plus(span.mul_f64(rhythm(share, f64::from(options.days))))
    };
    let mut writer = store.writer();
    let (mut keys, mut traffic) = (KeyBlock::empty(), Traffic::new(node, end));
    for batch in 0..batches {
        hand.advance_to(at(batch * BATCH));
        if batch % 64 == 0 {
            // Days that were before this program began have no partitions yet.
            store.make_partitions().await.map_err(io::Error::other)?;
        }
        store
            .refill(&mut keys, BATCH as usize)
            .await
            .map_err(io::Error::other)?;
        let (messages, outcomes) =
            traffic.batch(apps, |number| at(batch * BATCH + number), &mut keys);
        let batch = IngestBatch {
            node,
            now: store.clock().now(),
            messages: &messages,
        };
        writer
            .write(batch, &outcomes)
            .await
            .map_err(io::Error::other)?;
    }
    println!("rolling statistics up");
    let mut rollup = Rollup::new(node);
    while store.roll_up(&mut rollup).await.map_err(io::Error::other)? {}
    store
        .take_over(node)
        .await
        .map(|_| ())
        .map_err(io::Error::other)
}
