//! A disk that is really full: whatever meets it, everything goes on by itself soon after
//! there is room again, and nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use postrider_testkit::{
    Answer, App, Client, Engine, Gate, PostgresServer, Receiver, Server, SmallDisk, TestDatabase,
    eventually, run,
};
use serde_json::json;
use tokio::time::timeout;

/// How soon it must go on.
const SOON: Duration = Duration::from_secs(5);
/// Room enough for what a test does, little enough to be filled in a moment.
const DISK_MIB: u32 = 48;

/// A server on a disk that can be filled, and an endpoint that retries each second.
struct World {
    disk: SmallDisk,
    server: Server,
    receiver: Receiver,
    client: Client,
    app: App,
}

impl World {
    async fn new(first: Answer) -> Self {
        let disk = SmallDisk::new(DISK_MIB).await;
        let server = Server::on(Engine::Sqlite)
            .on_disk(&disk)
            // Otherwise it would take no messages from the start.
            .set("MIN_FREE_DISK_MIB", "0")
            .start()
            .await;
        let receiver = Receiver::always(first).await;
        let client = server.client();
        let app = client.app().await;
        let retries = [1; 60];
        let endpoint = app.endpoint(&receiver.url()).retries(&retries);
        endpoint.create().await;
        Self {
            disk,
            server,
            receiver,
            client,
            app,
        }
    }

    async fn fill(&self) {
        self.disk.fill(0).await;
    }

    async fn rename(&self) -> u16 {
        let body = json!({ "name": "renamed" });
        let reply = self.client.patch(&self.app.path(""), &body).await;
        if reply.status == 503 {
            assert!(reply.header("retry-after").is_some(), "{reply:?}");
        }
        reply.status.as_u16()
    }

    /// There is room again: soon these messages arrive, and everything else works.
    async fn room(&self, messages: &[String]) {
        self.receiver.now_answer(Answer::status(204));
        self.disk.free().await;
        let well = async {
            for message in messages {
                self.app.ends(message, "success").await;
            }
            eventually("changes to go through", async || {
                match self.rename().await {
                    200 => Ok(()),
                    other => Err(other),
                }
            })
            .await;
            self.app.publish("a.b", "{}").accepted().await
        };
        let Ok(new) = timeout(SOON, well).await else {
            panic!("not within {SOON:?} of the room\n{}", self.server.logs());
        };
        self.app.ends(&new, "success").await;
    }
}

async fn met_by_a_publish() {
    let world = World::new(Answer::status(204)).await;
    world.fill().await;
    let mut taken = Vec::new();
    loop {
        let reply = world.app.publish("a.b", "{}").send().await;
        if reply.status != 202 {
            assert_eq!(reply.code(503), "service_unavailable");
            assert!(reply.header("retry-after").is_some(), "{reply:?}");
            break;
        }
        taken.push(reply.field("id"));
    }
    world.room(&taken).await;
}

async fn met_by_a_change() {
    let world = World::new(Answer::status(204)).await;
    world.fill().await;
    eventually("a change is refused", async || match world.rename().await {
        503 => Ok(()),
        other => Err(other),
    })
    .await;
    world.room(&[]).await;
}

async fn met_by_a_claim() {
    let world = World::new(Answer::status(500)).await;
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.app.attempts_reach(&message, 1).await;
    world.fill().await;
    world.server.logged("service=\"claimer\"").await;
    assert_eq!(world.rename().await, 503);
    world.room(&[message]).await;
}

async fn met_by_an_outcome() {
    let gate = Gate::closed();
    let world = World::new(Answer::status(500).behind(&gate)).await;
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.receiver.first().await;
    world.fill().await;
    gate.open();
    world.server.logged("cannot write a batch").await;
    world.room(&[message]).await;
}

async fn met_by_a_release() {
    let gate = Gate::closed();
    let world = World::new(Answer::status(500).behind(&gate)).await;
    let mut messages = Vec::new();
    // More than may be under way to one endpoint at first.
    for _ in 0..40 {
        messages.push(world.app.publish("a.b", "{}").accepted().await);
    }
    world.receiver.first().await;
    world.fill().await;
    // They fail, so that the breaker opens and what waits goes back.
    gate.open();
    world.server.logged("cannot release deliveries").await;
    world.room(&messages).await;
}

async fn met_by_a_roll_up() {
    let world = World::new(Answer::status(204)).await;
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.fill().await;
    world.server.logged("service=\"rollup\"").await;
    world.room(&[message]).await;
}

async fn met_by_a_start() {
    let mut world = World::new(Answer::hang()).await;
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.receiver.first().await;
    world.server.kill9().await;
    world.fill().await;
    let refused = world.server.second().refused().await;
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    world.receiver.now_answer(Answer::status(204));
    world.disk.free().await;
    world.server.restart().await;
    world.app.ends(&message, "success").await;
}

/// Text that no compression makes smaller.
fn noise(length: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let letters = (0..length).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    });
    letters.collect()
}

/// Publishes to PostgreSQL until its disk is full and it says so, makes room, and has it stand
/// again if it fell.
async fn postgres_meets(full: impl Fn(&PostgresServer) -> &SmallDisk, said: &str) {
    let settings = [
        "fsync=off",
        "wal_keep_size=0",
        "wal_recycle=off",
        "min_wal_size=8MB",
        "max_wal_size=16MB",
    ];
    let cluster = PostgresServer::on_small_disks(160, 96, &settings).await;
    let database = Arc::new(TestDatabase::on(&cluster));
    let receiver = Receiver::start().await;
    let server = Server::on(Engine::Postgres)
        .database(database)
        .start()
        .await;
    let app = server.client().app().await;
    let endpoint = app.endpoint(&receiver.url()).retries(&[1; 60]);
    endpoint.create().await;
    full(&cluster).fill(0).await;
    let body = format!(r#"{{"text":"{}"}}"#, noise(60_000));
    let mut taken = Vec::new();
    loop {
        let reply = app.publish("a.b", &body).send().await;
        if reply.status != 202 {
            assert_eq!(reply.code(503), "service_unavailable");
            break;
        }
        taken.push(reply.field("id"));
        assert!(taken.len() < 2_000, "the disk is never full");
    }
    assert!(cluster.wrote(said) > 0, "{}", cluster.log());
    full(&cluster).free().await;
    cluster.start().await;
    let well = async {
        let new = eventually("publishes to go through", async || {
            let reply = app.publish("a.b", "{}").send().await;
            if reply.status == 202 {
                Ok(reply.field("id"))
            } else {
                Err(reply)
            }
        });
        app.ends(&new.await, "success").await;
    };
    let in_time = timeout(SOON, well).await.is_ok();
    assert!(
        in_time,
        "not within {SOON:?} of the room\n{}",
        server.logs()
    );
    for message in &taken {
        app.ends(message, "success").await;
    }
}

async fn met_by_the_tables_of_postgres() {
    let said = "could not extend file";
    postgres_meets(|cluster| &cluster.disks().data, said).await;
}

async fn met_by_the_log_of_postgres() {
    postgres_meets(|cluster| &cluster.disks().log, "PANIC:").await;
}

/// A test of each way to meet it.
macro_rules! met {
    ($($name:ident => $body:ident,)*) => {
        $(#[test] fn $name() {
            run($body());
        })*
    };
}

met! {
    a_publish_that_meets_a_full_disk_hears_503_and_the_next_ones_arrive => met_by_a_publish,
    a_change_that_meets_a_full_disk_hears_503_and_goes_through_later => met_by_a_change,
    a_claim_that_meets_a_full_disk_is_made_when_there_is_room => met_by_a_claim,
    an_outcome_that_meets_a_full_disk_is_recorded_when_there_is_room => met_by_an_outcome,
    a_release_that_meets_a_full_disk_is_made_when_there_is_room => met_by_a_release,
    a_roll_up_that_meets_a_full_disk_is_made_when_there_is_room => met_by_a_roll_up,
    a_start_on_a_full_disk_is_refused_and_takes_over_when_there_is_room => met_by_a_start,
    tables_of_postgres_that_are_full_are_written_to_when_there_is_room => met_by_the_tables_of_postgres,
    a_log_of_postgres_that_is_full_brings_it_down_and_nothing_is_lost => met_by_the_log_of_postgres,
}
