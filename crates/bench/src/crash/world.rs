//! A server with an application, endpoints of each kind, and publishers with books.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use postrider_testkit::{Engine, SmallDisk, TestDatabase};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::Context;
use super::ledger::{Books, Ledger, Unanswered};
use super::process::{Launch, Process};
use super::record::Record;
use super::tally::{Balance, DOWN, FICKLE, GOOD, Gate, REPLAYED, SLOW, Tally, WIDE};
use crate::bench::api::Api;
use crate::bench::clock::{Clock, now, seconds};
use crate::bench::database::folder;

/// Endpoints that get every message of the usual application.
const ENDPOINTS: &[&str] = &[GOOD, FICKLE, SLOW, DOWN, REPLAYED];
/// More than are written with their message.
const WIDTH: usize = 1_050;
/// Between two looks at whether all has arrived.
const LOOK: Duration = Duration::from_millis(250);

/// Everything but the server's process.
#[derive(Debug)]
pub(super) struct World {
    pub(super) launch: Launch,
    pub(super) database: Arc<TestDatabase>,
    pub(super) books: Arc<Books>,
    pub(super) tally: Arc<Tally>,
    pub(super) rate: u32,
    key: String,
    app: String,
    wide_app: Option<String>,
    replayed: String,
    clock: Clock,
    /// Dropping it would close the receiver.
    gate: Gate,
}

impl World {
    /// Makes one on `database`, with a first server that runs.
    pub(super) async fn on(
        database: TestDatabase,
        context: &Context,
        settings: &[(&str, &str)],
    ) -> io::Result<(Self, Process)> {
        let launch = launch(&database, context, settings)?;
        Self::launched(launch, database, context).await
    }

    /// Makes one whose SQLite file is on a disk of its own.
    pub(super) async fn on_disk(
        disk: &SmallDisk,
        context: &Context,
        settings: &[(&str, &str)],
    ) -> io::Result<(Self, Process)> {
        let database = disk.database();
        let mut launch = launch(&database, context, settings)?;
        launch.under = disk.words();
        Self::launched(launch, database, context).await
    }

    async fn launched(
        launch: Launch,
        database: TestDatabase,
        context: &Context,
    ) -> io::Result<(Self, Process)> {
        let server = launch.serve().await?;
        let key = launch.key().await?;
        let tally = Arc::new(Tally::new(context.seed));
        let gate = Gate::open(&tally).await?;
        let mut api = Api::open(server.address, &key).await?;
        let app = api.application("crash").await?;
        let mut replayed = String::new();
        for path in ENDPOINTS {
            replayed = endpoint(&mut api, &app, gate.address, path).await?;
        }
        let books = Books::new(context.seed, &key, &app);
        books.doors.open(&[server.address]);
        let world = Self {
            launch,
            database: Arc::new(database),
            books,
            tally,
            rate: context.rate,
            key,
            app,
            wide_app: None,
            replayed,
            clock: Clock::start(),
            gate,
        };
        Ok((world, server))
    }

    /// Adds an application whose messages are for more endpoints than a publish writes.
    pub(super) async fn widen(&mut self, server: SocketAddr) -> io::Result<()> {
        let mut api = self.api(server).await?;
        let app = api.application("wide").await?;
        for number in 0..WIDTH {
            endpoint(
                &mut api,
                &app,
                self.gate.address,
                &format!("{WIDE}{number}"),
            )
            .await?;
        }
        self.wide_app = Some(app);
        Ok(())
    }

    /// Publishes one message of the wide application, in the background.
    pub(super) fn fan_out(&self) {
        if let Some(app) = self.wide_app.clone() {
            let books = Arc::clone(&self.books);
            tokio::spawn(async move { books.publish(&app, "crash.wide").await });
        }
    }

    /// Has some messages sent again by a background task. Failing is no fault: the server
    /// may be on its way out.
    pub(super) fn replay(&self, server: SocketAddr) {
        let kind = "crash.replay";
        let (books, key, app) = (Arc::clone(&self.books), self.key.clone(), self.app.clone());
        let path = format!("/api/v1/app/{app}/endpoint/{}/bulk-replay", self.replayed);
        let body = json!({ "since": postrider_testkit::days_ago(1), "eventTypes": [kind] });
        tokio::spawn(async move {
            for _ in 0..5 {
                books.publish(&app, kind).await;
            }
            if let Ok(mut api) = Api::open(server, &key).await {
                let _ = api.call(Method::POST, &path, &body).await;
            }
        });
    }

    /// Changes the application, in the background. Being refused is no fault.
    pub(super) fn rename(&self, server: SocketAddr) {
        let (key, path) = (self.key.clone(), format!("/api/v1/app/{}", self.app));
        tokio::spawn(async move {
            for number in 0..20 {
                if let Ok(mut api) = Api::open(server, &key).await {
                    let body = json!({ "name": format!("crash {number}") });
                    let _ = api.call(Method::PATCH, &path, &body).await;
                }
            }
        });
    }

    pub(super) async fn api(&self, server: SocketAddr) -> io::Result<Api> {
        Api::open(server, &self.key).await
    }

    /// Starts publishing.
    pub(super) fn publish(&self) -> Ledger {
        Ledger::open(&self.books, self.rate)
    }

    /// The messages of the usual application that were acknowledged so far.
    pub(super) fn acknowledged(&self) -> Vec<Uuid> {
        self.books.ids(&self.app)
    }

    /// Publishes one message once, which may be repeated.
    pub(super) async fn try_once(&self) -> (Unanswered, bool) {
        self.books.try_once(&self.app).await
    }

    /// Waits until a message has arrived at the first endpoint, and gives the seconds that it
    /// took; none after `limit`.
    pub(super) async fn arrives(&self, id: Uuid, limit: Duration) -> Option<f64> {
        let begun = now();
        while !self.tally.missing(GOOD, &[id]).is_empty() {
            if begun.elapsed() > limit {
                return None;
            }
            sleep(Duration::from_millis(10)).await;
        }
        Some(begun.elapsed().as_secs_f64())
    }

    /// Waits until the database owes nothing any more, and gives the seconds that it took;
    /// none after `limit`.
    pub(super) async fn owes_nothing(&self, limit: Duration) -> Option<f64> {
        let begun = now();
        let owed = "select count(*) from delivery where state = 0";
        while self.database.number(owed).await > 0 {
            if begun.elapsed() > limit {
                return None;
            }
            sleep(LOOK).await;
        }
        Some(begun.elapsed().as_secs_f64())
    }

    /// Which messages each endpoint is owed.
    fn owed(&self) -> Vec<(String, Vec<Uuid>)> {
        let ids = self.acknowledged();
        let usual = ENDPOINTS
            .iter()
            .map(|path| ((*path).to_owned(), ids.clone()));
        let mut owed: Vec<_> = usual.collect();
        if let Some(app) = &self.wide_app {
            let ids = self.books.ids(app);
            owed.extend((0..WIDTH).map(|number| (format!("{WIDE}{number}"), ids.clone())));
        }
        owed
    }

    /// Waits until all that was acknowledged has arrived, or `limit` is over, and gives the
    /// seconds that it took.
    pub(super) async fn settle(&self, limit: Duration) -> f64 {
        let begun = now();
        let mut owed = self.owed();
        while begun.elapsed() < limit {
            for (path, ids) in &mut owed {
                *ids = self.tally.missing(path, ids);
            }
            owed.retain(|(_, ids)| !ids.is_empty());
            if owed.is_empty() {
                break;
            }
            sleep(LOOK).await;
        }
        begun.elapsed().as_secs_f64()
    }

    /// Deliveries a second at the usual endpoints while all is well.
    pub(super) fn deliveries_per_second(&self) -> f64 {
        f64::from(self.rate) * ENDPOINTS.len() as f64
    }

    /// Closes the books: what was acknowledged against what came.
    pub(super) fn close(&self, context: &Context, part: &str, rounds: u64) -> (Record, Balance) {
        let balance = self.tally.balance(&self.owed());
        let mut faults = self.books.faults();
        faults.extend(
            balance
                .lost
                .iter()
                .take(20)
                .map(|one| format!("lost: {one}")),
        );
        let strangers = self.tally.strangers();
        faults.extend(strangers.iter().map(|path| format!("a stranger at {path}")));
        let engine = match self.database.engine() {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        };
        let record = Record {
            part: part.to_owned(),
            engine: engine.to_owned(),
            seed: context.seed,
            rounds,
            seconds: seconds(self.clock.nanos()) as u64,
            acknowledged: self.books.count(),
            deliveries: balance.owed,
            lost: balance.lost.len() as u64,
            twice: balance.twice,
            faults,
            ..context.record()
        };
        (record, balance)
    }
}

/// What servers on `database` are started with, in a new folder.
pub(super) fn launch(
    database: &TestDatabase,
    context: &Context,
    settings: &[(&str, &str)],
) -> io::Result<Launch> {
    // Other runs may be going on, with the same seed too.
    let name = format!("crash-{}-{}", context.seed, std::process::id());
    let folder: PathBuf = folder(&context.target, &name)?;
    let settings = settings.iter();
    Ok(Launch {
        binary: context.binary.clone(),
        folder,
        database_url: database.url().to_owned(),
        settings: settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        under: Vec::new(),
    })
}

/// Makes an endpoint at a path of the receiver and gives its id.
async fn endpoint(
    api: &mut Api,
    app: &str,
    receiver: SocketAddr,
    path: &str,
) -> io::Result<String> {
    let body = json!({ "url": format!("http://{receiver}{path}") });
    let made = api
        .call(Method::POST, &format!("/api/v1/app/{app}/endpoint"), &body)
        .await?;
    let id = made.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(id.to_owned())
}

/// The middle of some figures; 0 when there are none.
pub(super) fn median(values: Vec<f64>) -> f64 {
    crate::bench::stats::median(values)
}
