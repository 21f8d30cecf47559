//! A disk that is really full: whatever meets it, everything goes on by itself soon after
//! there is room again, and nothing is lost.

use std::time::Duration;

use postrider_testkit::{
    Answer, App, Client, Engine, Gate, Receiver, Server, SmallDisk, eventually, run,
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
    async fn new(first: Answer) -> Option<Self> {
        let disk = SmallDisk::new(DISK_MIB).await?;
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
        Some(Self {
            disk,
            server,
            receiver,
            client,
            app,
        })
    }

    fn fill(&self) {
        self.disk.fill(0);
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
        self.disk.free();
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
    let Some(world) = World::new(Answer::status(204)).await else {
        return;
    };
    world.fill();
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
    let Some(world) = World::new(Answer::status(204)).await else {
        return;
    };
    world.fill();
    eventually("a change is refused", async || match world.rename().await {
        503 => Ok(()),
        other => Err(other),
    })
    .await;
    world.room(&[]).await;
}

async fn met_by_a_claim() {
    let Some(world) = World::new(Answer::status(500)).await else {
        return;
    };
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.app.attempts_reach(&message, 1).await;
    world.fill();
    world.server.logged("cannot claim deliveries").await;
    assert_eq!(world.rename().await, 503);
    world.room(&[message]).await;
}

async fn met_by_an_outcome() {
    let gate = Gate::closed();
    let Some(world) = World::new(Answer::status(500).behind(&gate)).await else {
        return;
    };
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.receiver.first().await;
    world.fill();
    gate.open();
    world.server.logged("cannot write a batch").await;
    world.room(&[message]).await;
}

async fn met_by_a_release() {
    let gate = Gate::closed();
    let Some(world) = World::new(Answer::status(500).behind(&gate)).await else {
        return;
    };
    let mut messages = Vec::new();
    // More than may be under way to one endpoint at first.
    for _ in 0..40 {
        messages.push(world.app.publish("a.b", "{}").accepted().await);
    }
    world.receiver.first().await;
    world.fill();
    // They fail, so that the breaker opens and what waits goes back.
    gate.open();
    world.server.logged("cannot release deliveries").await;
    world.room(&messages).await;
}

async fn met_by_a_roll_up() {
    let Some(world) = World::new(Answer::status(204)).await else {
        return;
    };
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.fill();
    world.server.logged("cannot follow the journal").await;
    world.room(&[message]).await;
}

async fn met_by_a_start() {
    let Some(mut world) = World::new(Answer::hang()).await else {
        return;
    };
    let message = world.app.publish("a.b", "{}").accepted().await;
    world.receiver.first().await;
    world.server.kill9().await;
    world.fill();
    let refused = world.server.second().refused().await;
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    world.receiver.now_answer(Answer::status(204));
    world.disk.free();
    world.server.restart().await;
    world.app.ends(&message, "success").await;
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
}
