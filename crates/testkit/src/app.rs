//! The server in-process: the real store, pipeline and router, on a clock that the test
//! moves. Only time is not real; requests go over real connections.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use postrider_api::{ApiSettings, ApiState};
use postrider_delivery::{DeliverySettings, Pipeline, Role};
use postrider_domain::{RetryPolicy, Timestamp};
use postrider_store::{Cipher, Clock, ConnectOptions, ManualClock, NewKey, Store};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::{Base, Client};
use crate::{Engine, TestDatabase};

/// A running server whose clock stands still until the test moves it.
pub struct TestApp {
    database: Arc<TestDatabase>,
    store: Store,
    clock: ManualClock,
    running: Option<Running>,
    settings: DeliverySettings,
    base: Base,
    key: String,
}

struct Running {
    pipeline: Pipeline,
    server: JoinHandle<()>,
}

impl TestApp {
    /// Starts one with the default retry policy.
    pub async fn start(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// Starts one with some settings changed.
    pub async fn with(engine: Engine, change: impl FnOnce(&mut DeliverySettings)) -> Self {
        let database = Arc::new(TestDatabase::new(engine).await);
        // Near the real time, so that signatures are as young as they would be.
        let now = Timestamp::from_seconds(crate::clock::unix_seconds().cast_signed());
        let (clock, hand) = Clock::manual(now);
        let options = ConnectOptions {
            url: database.url().to_owned(),
            connections: 3,
        };
        let cipher = Cipher::new("the main secret of every test: not a secret");
        let store = Store::open(&options, cipher, clock)
            .await
            .expect("the test's database opens");
        let mut settings = settings();
        change(&mut settings);
        let key = make_key(&store).await;
        let mut app = Self {
            database,
            store,
            clock: hand,
            running: None,
            settings,
            base: Arc::new(RwLock::new(String::new())),
            key,
        };
        app.run().await;
        app
    }

    /// Starts pipeline and API on what is in the database.
    async fn run(&mut self) {
        let pipeline = Pipeline::start(self.store.clone(), self.settings.clone())
            .await
            .expect("the pipeline starts");
        let api = postrider_api::router(ApiState {
            store: self.store.clone(),
            cache: Arc::new(pipeline.cache()),
            ingest: pipeline.ingest(),
            settings: ApiSettings {
                inbox: true,
                ..ApiSettings::default()
            },
            metrics: None,
            stopping: CancellationToken::new(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port is found");
        let address = listener.local_addr().expect("a listener has an address");
        *self.base.write() = format!("http://{address}");
        let server = tokio::spawn(async move {
            let router = axum::Router::new().fallback_service(api);
            // Ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        self.running = Some(Running { pipeline, server });
    }

    /// A client with a key of the organisation `test`; it follows restarts.
    pub fn client(&self) -> Client {
        Client::new(self.base.clone(), self.key.clone())
    }

    /// The hand on the clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The database below.
    pub fn database(&self) -> &Arc<TestDatabase> {
        &self.database
    }

    /// Stops it in order, as SIGTERM would.
    pub async fn stop(&mut self) {
        let running = self.running.take().expect("the app is running");
        running.server.abort();
        running.pipeline.stop(Duration::from_secs(10)).await;
    }

    /// Starts it again.
    pub async fn restart(&mut self) {
        assert!(self.running.is_none(), "still running");
        self.run().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.server.abort();
        }
    }
}

fn settings() -> DeliverySettings {
    DeliverySettings {
        role: Role::All,
        allow_subnets: vec!["127.0.0.0/8".parse().expect("a network")],
        https_only: false,
        request_timeout: Duration::from_secs(5),
        retry_policy: RetryPolicy::default(),
        lease: Duration::from_secs(15),
        max_in_flight: 1024,
        memory_limit: 64 << 20,
        ingest_queue: 8192,
        keep_rows: Duration::from_hours(90 * 24),
        max_idle_connections: 1024,
        disk: None,
    }
}

async fn make_key(store: &Store) -> String {
    let org = store
        .ensure_org("test")
        .await
        .expect("an organisation can be made");
    let wanted = NewKey {
        name: "test".to_owned(),
        app_id: None,
        read_only: false,
        expires_at: None,
    };
    let (_, secret) = store
        .create_key(org.id, wanted)
        .await
        .expect("a key can be made");
    secret.expose().to_owned()
}
