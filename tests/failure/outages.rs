//! Databases that refuse, hang, die and come back under steady traffic: nothing that was
//! acknowledged is lost, and it goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use postrider_testkit::{
    App, Engine, PostgresServer, Receiver, Server, Stop, TestDatabase, eventually, run,
};
use postrider_tests::{Ledger, ails, becomes_well, nothing_is_owed, now};

/// After this long it publishes and sends again.
const BACK: Duration = Duration::from_secs(5);

struct Traffic {
    postgres: PostgresServer,
    server: Server,
    receiver: Receiver,
    ledger: Ledger,
}

impl Traffic {
    async fn start() -> Self {
        let postgres = PostgresServer::start_new().await;
        let database = Arc::new(TestDatabase::on(&postgres));
        let receiver = Receiver::start().await;
        let server = Server::on(Engine::Postgres)
            .database(database)
            .start()
            .await;
        let app: App = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let ledger = Ledger::open(&[app], 8);
        ledger.goes_on().await;
        Self {
            postgres,
            server,
            receiver,
            ledger,
        }
    }

    /// Waits until messages are taken and sent again, after the cause has ended.
    async fn goes_on(&self, cause: &str) {
        let (asked, before) = (now(), self.receiver.count());
        self.ledger.goes_on().await;
        self.receiver.received(before + 20).await;
        let took = asked.elapsed();
        eprintln!("{cause}: went on after {took:?}");
        assert!(took < BACK, "{cause}: went on after {took:?}");
    }

    /// Waits until the errors of a service are counted under its name.
    async fn fails_by_name(&self, service: &str) {
        let client = self.server.client();
        let name = format!("postrider_service_errors_total{{service=\"{service}\"}} ");
        eventually(&format!("errors of {service}"), async || {
            let answer = client.request(Method::GET, "/metrics").send().await;
            let text = answer.expect("an answer").text().await.expect("text");
            let line = text.lines().find_map(|line| line.strip_prefix(&name));
            match line.and_then(|count| count.parse().ok()) {
                Some(1_u64..) => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    async fn ends_accounted_for(self) {
        self.ledger.close().await.arrived(&self.receiver, 1).await;
        nothing_is_owed(&self.server).await;
        becomes_well(&self.server).await;
    }
}

#[test]
fn a_database_that_dies_and_comes_back_loses_nothing() {
    run(async {
        let traffic = Traffic::start().await;
        for stop in [
            Stop::Immediate,
            Stop::Kill,
            Stop::Fast,
            Stop::Immediate,
            Stop::Kill,
        ] {
            traffic.postgres.stop(stop).await;
            traffic.postgres.start().await;
            traffic.goes_on(&format!("{stop:?}")).await;
        }
        traffic.postgres.stop(Stop::Immediate).await;
        ails(&traffic.server).await;
        traffic.fails_by_name("claimer").await;
        traffic.fails_by_name("heartbeat").await;
        traffic.postgres.start().await;
        traffic.goes_on("down until health told").await;
        traffic.ends_accounted_for().await;
    });
}

#[test]
fn a_database_that_ends_and_refuses_connections_loses_nothing() {
    run(async {
        let traffic = Traffic::start().await;
        for _ in 0..3 {
            assert!(traffic.postgres.terminate().await > 0);
            traffic.goes_on("terminated back-ends").await;
        }
        traffic.postgres.limit_connections(0).await;
        traffic.postgres.terminate().await;
        ails(&traffic.server).await;
        traffic.postgres.limit_connections(-1).await;
        traffic.goes_on("no connection allowed").await;
        traffic.ends_accounted_for().await;
    });
}

#[test]
fn locked_tables_hold_up_and_lose_nothing() {
    run(async {
        let traffic = Traffic::start().await;
        for tables in [
            "delivery",
            "message, journal",
            "node",
            "lane, endpoint, app",
        ] {
            let lock = format!("do $$ begin lock table {tables}; perform pg_sleep(4); end $$");
            traffic.postgres.execute(&lock).await;
            traffic.goes_on(&format!("{tables} locked")).await;
        }
        traffic.ends_accounted_for().await;
    });
}
