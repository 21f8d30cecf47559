//! `cargo xtask bench dashboard`: how long each question and each screen of the dashboard
//! takes on a seeded database.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use postrider_domain::{AppId, EndpointId, OrgId};
use postrider_store::{
    AppFilter, AttemptFilter, Bucket, DeliveryStatus, MessageFilter, MessageQuery, MonitorFilter,
    Order, PageRequest, StatScope, Store, StoreResult,
};

use super::database::{Database, folder};
use super::server::MAIN_SECRET;
use super::{Engines, screens};
use crate::seed;

/// How often each is asked, after once for the caches.
const TIMES: usize = 20;
/// What none should take longer than.
const MARK: Duration = Duration::from_millis(100);

/// What is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Which database
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// PostgreSQL server to make a database on [default: POSTRIDER_TEST_DATABASE_URL, else
    /// postgres://postgres@127.0.0.1:5432/postgres]
    #[arg(long)]
    postgres_url: Option<String>,
    /// Only the questions, not the screens in a browser
    #[arg(long)]
    no_screens: bool,
    /// Measures the screens of this postrider binary, instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    #[command(flatten)]
    seed: seed::SeedOptions,
}

/// How long one question took.
struct Asked {
    name: &'static str,
    median: Duration,
    worst: Duration,
}

/// Measures and prints.
pub(super) fn run(root: &Path, target: &Path, options: &Options) -> io::Result<Vec<String>> {
    let binary = match &options.binary {
        _ if options.no_screens => None,
        Some(binary) => Some(std::fs::canonicalize(binary)?),
        None => {
            // With the dashboard in it.
            super::succeed(
                std::process::Command::new("make")
                    .arg("build")
                    .current_dir(root),
            )?;
            Some(target.join("release/postrider"))
        }
    };
    if binary.is_some() {
        screens::prepare(root)?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let folder = folder(target, "dashboard")?;
        let bench = Bench {
            root,
            folder: &folder,
            binary: binary.as_deref(),
        };
        if options.engine != Engines::Postgres {
            measure(&bench, Database::sqlite(&folder).await?, options).await?;
        }
        if options.engine != Engines::Sqlite {
            let database = Database::postgres(options.postgres_url.as_deref()).await?;
            measure(&bench, database, options).await?;
        }
        std::fs::remove_dir_all(&folder)?;
        Ok(Vec::new())
    })
}

/// Where it happens, and what serves the screens, if they are measured.
struct Bench<'a> {
    root: &'a Path,
    folder: &'a Path,
    binary: Option<&'a Path>,
}

async fn measure(bench: &Bench<'_>, database: Database, options: &Options) -> io::Result<()> {
    println!("{}", database.description);
    let measured = async {
        let (store, org) = seed::write(&database.url, MAIN_SECRET, &options.seed).await?;
        let rows = questions(&store, org).await.map_err(io::Error::other)?;
        store.close().await;
        print(&rows);
        match bench.binary {
            Some(binary) => {
                let of = (database.url.as_str(), options.seed.org.as_str());
                screens::measure(bench.root, binary, bench.folder, of).await
            }
            None => Ok(()),
        }
    };
    let measured = measured.await;
    database.remove().await?;
    measured
}

fn print(rows: &[Asked]) {
    println!("\n{:<48}{:>12}{:>12}", "", "median ms", "worst ms");
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    for Asked {
        name,
        median,
        worst,
    } in rows
    {
        let over = if *worst > MARK { "   over 100" } else { "" };
        let (median, worst) = (millis(*median), millis(*worst));
        println!("{name:<48}{median:>12.1}{worst:>12.1}{over}");
    }
    println!();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench measures on the machine's clock"
)]
async fn ask<T, F>(name: &'static str, question: impl Fn() -> F) -> StoreResult<Asked>
where
    F: Future<Output = StoreResult<T>>,
{
    question().await?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = std::time::Instant::now();
        question().await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(Asked {
        name,
        median: times[TIMES / 2],
        worst: times[TIMES - 1],
    })
}

fn page<K>() -> PageRequest<K> {
    PageRequest {
        limit: 50,
        order: Order::Descending,
        cursor: None,
    }
}

fn look(
    status: Option<DeliveryStatus>,
    endpoint: Option<EndpointId>,
    text: Option<&str>,
) -> MessageQuery {
    MessageQuery {
        status,
        endpoint,
        text: text.map(str::to_owned),
        ..MessageQuery::default()
    }
}

async fn questions(store: &Store, org: OrgId) -> StoreResult<Vec<Asked>> {
    // The application with most of the traffic.
    let app: AppId = store.app(org, "customer-0").await?.id;
    let every = MonitorFilter::default();
    let of_app = MonitorFilter {
        app: Some(app),
        ..every
    };
    let failing = MonitorFilter {
        failing: true,
        ..every
    };
    let endpoints = store.monitored_endpoints(org, of_app, page()).await?;
    let ids: Vec<EndpointId> = endpoints.rows.iter().map(|row| row.id).collect();
    let all = store.monitored_endpoints(org, every, page()).await?;
    let many: Vec<EndpointId> = all.rows.iter().map(|row| row.id).collect();
    let one = ids[0];
    let mut rows = statistics(store, org, app, (one, &many)).await?;
    rows.extend([
        ask("overview", || store.overview(org)).await?,
        ask("nodes", || store.nodes()).await?,
        ask("endpoints of all, 50", || {
            store.monitored_endpoints(org, every, page())
        })
        .await?,
        ask("endpoints that fail, 50", || {
            store.monitored_endpoints(org, failing, page())
        })
        .await?,
        ask("applications, 50", || {
            store.apps(org, AppFilter::default(), page())
        })
        .await?,
        ask("applications that hold a text: none", || {
            let filter = AppFilter {
                text: Some("nothing".to_owned()),
                ..AppFilter::default()
            };
            store.apps(org, filter, page())
        })
        .await?,
        ask("messages, 50", || {
            store.messages(app, MessageFilter::default(), page())
        })
        .await?,
        ask("attempts of an endpoint, 50", || {
            store.attempts_by_endpoint(app, one, AttemptFilter::default(), page())
        })
        .await?,
        ask("events of the last 15 s", || async {
            store
                .commits_since(store.clock().now().minus(Duration::from_secs(15)), 50_000)
                .await
        })
        .await?,
    ]);
    for (name, query) in [
        ("search: everything", look(None, None, None)),
        (
            "search: event types that begin so",
            look(None, None, Some("order.")),
        ),
        (
            "search: nothing is called so",
            look(None, None, Some("nothing")),
        ),
        (
            "search: succeeded",
            look(Some(DeliveryStatus::Succeeded), None, None),
        ),
        (
            "search: exhausted",
            look(Some(DeliveryStatus::Exhausted), None, None),
        ),
        (
            "search: failing",
            look(Some(DeliveryStatus::Failing), None, None),
        ),
        (
            "search: never tried",
            look(Some(DeliveryStatus::Pending), None, None),
        ),
        (
            "search: exhausted at an endpoint",
            look(Some(DeliveryStatus::Exhausted), Some(one), None),
        ),
    ] {
        rows.push(ask(name, || store.search_messages(app, query.clone(), page())).await?);
    }
    Ok(rows)
}

async fn statistics(
    store: &Store,
    org: OrgId,
    app: AppId,
    (one, many): (EndpointId, &[EndpointId]),
) -> StoreResult<Vec<Asked>> {
    let now = store.clock().now();
    let mut rows = Vec::new();
    for (name, scope, event_type, bucket, hours) in [
        (
            "series: all, 24 hours",
            StatScope::Org(org),
            None,
            Bucket::Hour,
            24,
        ),
        (
            "series: all, 24 hours by the minute",
            StatScope::Org(org),
            None,
            Bucket::Minute,
            24,
        ),
        (
            "series: all, 60 days by the hour",
            StatScope::Org(org),
            None,
            Bucket::Hour,
            60 * 24,
        ),
        (
            "series: all, 90 days",
            StatScope::Org(org),
            None,
            Bucket::Day,
            90 * 24,
        ),
        (
            "series: an event type, 30 days",
            StatScope::Org(org),
            Some("order.created"),
            Bucket::Day,
            30 * 24,
        ),
        (
            "series: an application, 24 hours",
            StatScope::App(app),
            None,
            Bucket::Hour,
            24,
        ),
        (
            "series: an application, 90 days",
            StatScope::App(app),
            None,
            Bucket::Day,
            90 * 24,
        ),
        (
            "series: an endpoint, 60 days by the hour",
            StatScope::Endpoint(one),
            None,
            Bucket::Hour,
            60 * 24,
        ),
    ] {
        let window = bucket.window(now.minus(Duration::from_hours(hours)), now);
        rows.push(
            ask(name, || {
                store.stat_series(scope, event_type, bucket, window)
            })
            .await?,
        );
    }
    for (name, bucket, hours) in [
        ("series: 50 endpoints, 24 hours", Bucket::Hour, 24),
        ("series: 50 endpoints, 30 days", Bucket::Day, 30 * 24),
    ] {
        let window = bucket.window(now.minus(Duration::from_hours(hours)), now);
        rows.push(ask(name, || store.endpoint_series(many, bucket, window)).await?);
    }
    Ok(rows)
}
