//! A database of its own for each test, on either engine, and what tests put in it.
#![allow(
    dead_code,
    unreachable_pub,
    unused_macros,
    reason = "each suite uses a part"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_domain::{
    AppId, AttemptId, AttemptStatus, DeliveryState, EndpointId, FailureKind, MessageId, NextReason,
    NodeId, OrgId, SchemeKind, Timestamp, Trigger,
};
use postrider_store::{
    Applied, Cipher, CleanUp, Clock, ConnectOptions, Cursor, Deliveries, EndpointSettings, Event,
    IngestBatch, IngestResult, KeyBlock, ManualClock, NewApp, NewAttempt, NewDelivery, NewEndpoint,
    NewMessage, NewSecret, Order, Outcome, PageRequest, Rollup, Secret, Start, Step, Store,
    StoreResult,
};
use postrider_testkit::{Engine, TestDatabase};

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const MAIN_SECRET: &str = "a main secret of at least 32 characters";

/// Makes two tests of each, one per engine.
#[allow(unused_macros, reason = "some suites are about one engine")]
macro_rules! both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident) $body:block)*) => {
        mod cases {
            #[allow(unused_imports)]
            use super::*;
            $($(#[$attribute])* pub(super) async fn $name($db: &support::Database) $body)*
        }
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                super::cases::$name(&super::support::Database::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                super::cases::$name(&super::support::Database::postgres().await).await;
            })*
        }
    };
}

pub struct Database {
    pub store: Store,
    pub clock: ManualClock,
    kept: TestDatabase,
}

impl Database {
    pub async fn sqlite() -> Self {
        Self::on(Engine::Sqlite).await
    }

    pub async fn postgres() -> Self {
        Self::on(Engine::Postgres).await
    }

    async fn on(engine: Engine) -> Self {
        // Empty, since the schema is what is tested here.
        let database = TestDatabase::empty(engine).await;
        let (store, clock) = open(database.url()).await;
        // Tests write as number 1.
        database.execute("update node set number = 1").await;
        Self {
            store,
            clock,
            kept: database,
        }
    }

    /// A first round of cleaning up.
    pub async fn clean_up(&self, keep_rows: Duration) -> StoreResult<bool> {
        self.store
            .clean_up(&mut CleanUp::default(), keep_rows)
            .await
    }

    /// Rolls up as node 1, until there is nothing more.
    pub async fn roll_up(&self) {
        let mut rollup = Rollup::new(1);
        while self.store.roll_up(&mut rollup).await.unwrap() {}
    }

    /// A store on the same database, after this one has been closed.
    pub async fn reopened(&self) -> Store {
        self.store.close().await;
        open(self.kept.url()).await.0
    }

    /// Statements of a test's own, on a connection of their own.
    pub async fn execute(&self, text: &str) -> u64 {
        self.kept.execute(text).await
    }

    /// Adds `count` due deliveries of unknown messages to the endpoint of some delivery.
    pub async fn multiply_deliveries(&self, count: i64) -> u64 {
        let random = match self.kept.engine() {
            Engine::Sqlite => "randomblob(16)",
            Engine::Postgres => "gen_random_uuid()",
        };
        let text = format!(
            "insert into delivery (endpoint_id, message_id, state, due_at, first_at) \
             with recursive n(n) as (select 1 union all select n + 1 from n where n < {count}) \
             select e.id, {random}, 0, 1, 1 from n cross join (select endpoint_id as id from delivery limit 1) e"
        );
        self.execute(&text).await
    }

    /// Where it is, for connections of a test's own.
    pub fn url(&self) -> &str {
        self.kept.url()
    }

    /// One number of the database's.
    pub async fn number(&self, text: &str) -> i64 {
        self.kept.number(text).await
    }

    pub async fn org(&self) -> OrgId {
        self.store.ensure_org("Acme").await.unwrap().id
    }

    /// An application of the organisation `Acme`.
    pub async fn app(&self) -> AppId {
        let org = self.org().await;
        self.store.create_app(org, new_app(None)).await.unwrap().id
    }

    pub async fn endpoint(&self, app: AppId) -> EndpointId {
        self.store
            .create_endpoint(app, new_endpoint())
            .await
            .unwrap()
            .id
    }

    /// Publishes one message after another, a second apart.
    pub async fn publish(
        &self,
        app: AppId,
        event_type: &str,
        deliveries: &[(EndpointId, Start)],
    ) -> MessageId {
        self.publish_with(app, event_type, deliveries, None, None)
            .await
    }

    pub async fn publish_with(
        &self,
        app: AppId,
        event_type: &str,
        deliveries: &[(EndpointId, Start)],
        event_id: Option<&str>,
        channels: Option<&[&str]>,
    ) -> MessageId {
        self.clock.advance(Duration::from_secs(1));
        let now = self.clock.now();
        let org = self.org().await;
        let version = self
            .store
            .app(org, &app.to_string())
            .await
            .unwrap()
            .config_version;
        let mut keys = KeyBlock::empty();
        self.store.refill(&mut keys, 1).await.unwrap();
        let message = NewMessage {
            app_id: app,
            app_version: version,
            id: MessageId::mint(now),
            event: Arc::new(Event {
                event_type: Arc::from(event_type),
                payload: Bytes::from_static(br#"{"n":1}"#),
                event_id: event_id.map(str::to_owned),
                channels: channels
                    .map(|channels| channels.iter().map(|&name| name.to_owned()).collect()),
                ..Event::default()
            }),
            payload_key: keys.take(now.plus(Duration::from_hours(24 * 5))).unwrap(),
            publish_key: None,
            deliveries: Deliveries::Now(
                deliveries
                    .iter()
                    .map(|&(endpoint_id, start)| NewDelivery { endpoint_id, start })
                    .collect(),
            ),
        };
        let batch = IngestBatch {
            node: 1,
            now,
            messages: std::slice::from_ref(&message),
        };
        let written = self.store.writer().write(batch, &[]).await.unwrap();
        assert_eq!(written.results, [IngestResult::Stored]);
        message.id
    }

    /// Records an attempt of a delivery that node 1 owns fresh.
    pub async fn attempt(
        &self,
        app: AppId,
        message: MessageId,
        endpoint: EndpointId,
        state: DeliveryState,
    ) -> AttemptId {
        let outcome = self.outcome(app, message, endpoint, state);
        let id = outcome.attempt.as_ref().unwrap().id;
        assert!(self.record(&[outcome]).await[0].moved, "the delivery moved");
        id
    }

    /// Writes a batch of outcomes, as node 1.
    pub async fn record(&self, outcomes: &[Outcome]) -> Vec<Applied> {
        let batch = IngestBatch {
            node: 1,
            now: self.clock.now(),
            messages: &[],
        };
        let written = self.store.writer().write(batch, outcomes).await;
        written.unwrap().outcomes
    }

    /// An attempt, not recorded yet, of a delivery that node 1 owns fresh.
    pub fn outcome(
        &self,
        app: AppId,
        message: MessageId,
        endpoint: EndpointId,
        state: DeliveryState,
    ) -> Outcome {
        let now = self.clock.now();
        let success = state == DeliveryState::Succeeded;
        let status = if success {
            AttemptStatus::Success
        } else {
            AttemptStatus::Fail
        };
        let due_at = (state == DeliveryState::Pending).then(|| now.plus(Duration::from_secs(5)));
        Outcome {
            event: None,
            app_id: app,
            endpoint_id: endpoint,
            message_id: message,
            step: Step::Scheduled {
                owner: 1,
                token: 0,
                state,
                due_at,
            },
            event_type: "a".into(),
            tried: Some(status),
            attempt: Some(NewAttempt {
                id: AttemptId::mint(now),
                endpoint_revision: 1,
                status,
                http_status: if success { 200 } else { 503 },
                failure: (!success).then(|| (FailureKind::Http, "503".to_owned())),
                trigger: Trigger::Scheduled,
                number: 1,
                started_at: now,
                duration: Duration::from_millis(12),
                signature: "v1,c2lnbmF0dXJl".to_owned(),
                response_headers: Some(r#"[["content-type","text/plain"]]"#.to_owned()),
                response_body: Bytes::from_static(b"thank you"),
                next_at: due_at,
                next_reason: if success {
                    NextReason::Succeeded
                } else {
                    NextReason::Policy
                },
            }),
            finished_at: now,
        }
    }
}

async fn open(url: &str) -> (Store, ManualClock) {
    let (clock, manual) = Clock::manual(START);
    let options = ConnectOptions {
        url: url.to_owned(),
        connections: 3,
    };
    let store = Store::open(&options, Cipher::new(MAIN_SECRET), clock)
        .await
        .unwrap();
    // Whoever writes must be a node; the first is number 1.
    let node = NodeId::mint(START);
    store
        .register_node(node, "all", Duration::from_hours(1))
        .await
        .unwrap();
    (store, manual)
}

pub fn new_app(uid: Option<&str>) -> NewApp {
    NewApp {
        uid: uid.map(str::to_owned),
        name: "Customer".to_owned(),
        throttle_rate: None,
        metadata: "{}".to_owned(),
    }
}

pub fn new_endpoint() -> NewEndpoint {
    NewEndpoint {
        settings: EndpointSettings {
            url: "https://customer.example/hook".to_owned(),
            ..EndpointSettings::default()
        },
        secrets: vec![new_secret(
            SchemeKind::Standard,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )],
    }
}

pub fn new_secret(scheme: SchemeKind, text: &str) -> NewSecret {
    NewSecret {
        scheme,
        text: Secret::new(text.to_owned()),
    }
}

/// The first page.
pub fn first<K>(limit: u16, order: Order) -> PageRequest<K> {
    PageRequest {
        limit,
        order,
        cursor: None,
    }
}

/// The page after `key`.
pub fn after<K>(key: K, limit: u16, order: Order) -> PageRequest<K> {
    PageRequest {
        limit,
        order,
        cursor: Some(Cursor::After(key)),
    }
}

/// The page before `key`.
pub fn before<K>(key: K, limit: u16, order: Order) -> PageRequest<K> {
    PageRequest {
        limit,
        order,
        cursor: Some(Cursor::Before(key)),
    }
}
