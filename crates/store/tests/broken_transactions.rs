//! When the disk is full, an I/O fails or memory is short, SQLite ends a transaction by
//! itself. Whatever meets that, everything works as soon as its cause is gone.

mod support;

use std::time::Duration;

use postrider_domain::{AppId, EndpointId, MessageId, NodeId};
use postrider_store::{
    AppUpdate, Claim, NewTask, Replayed, Rollup, Start, StoreResult, Window, Work,
};
use support::Database;

/// A message with its endpoint.
struct World {
    db: Database,
    app: AppId,
    endpoint: EndpointId,
    message: MessageId,
}

async fn world(start: Start) -> World {
    let db = Database::sqlite().await;
    let app = db.app().await;
    let endpoint = db.endpoint(app).await;
    let message = db.publish(app, "a", &[(endpoint, start)]).await;
    World {
        db,
        app,
        endpoint,
        message,
    }
}

impl World {
    /// Does `work` while each `when`, such as `update on app`, ends its transaction as a
    /// full disk does, and once more when it does not.
    async fn survives(&self, when: &str, work: impl AsyncFn() -> StoreResult<()>) {
        let trigger = format!(
            "create trigger full before {when} begin select raise(rollback, 'the disk is full'); end"
        );
        self.db.execute(&trigger).await;
        let met = work().await;
        assert!(met.is_err(), "{when}: the fault was not met");
        self.db.execute("drop trigger full").await;
        if let Err(error) = work().await {
            panic!("{when}: {error}: {:?}", std::error::Error::source(&error));
        }
    }

    async fn claim(&self) -> StoreResult<Claim> {
        let now = self.db.clock.now();
        self.db
            .store
            .claim(1, self.app, self.endpoint, now, 10)
            .await
    }
}

#[tokio::test]
async fn a_claim_that_was_rolled_back_is_made_again() {
    let world = world(Start::Due).await;
    world
        .survives("update on delivery", async || {
            let claimed = world.claim().await?;
            assert_eq!(claimed.jobs.len(), 1);
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn a_release_that_was_rolled_back_is_made_again() {
    let world = world(Start::Owned).await;
    let now = world.db.clock.now();
    let held = [(world.message, 1, 0)];
    world
        .survives("update on delivery", async || {
            world
                .db
                .store
                .release(world.endpoint, &held, now, false, now)
                .await
        })
        .await;
    assert_eq!(world.claim().await.unwrap().jobs.len(), 1);
}

#[tokio::test]
async fn a_roll_up_that_was_rolled_back_is_made_again() {
    let world = world(Start::Owned).await;
    world
        .survives("insert on stat", async || {
            let mut rollup = Rollup::new(1);
            world.db.store.roll_up(&mut rollup).await.map(|_| ())
        })
        .await;
    assert_eq!(
        world
            .db
            .number("select count(*) from journal where not rolled")
            .await,
        0
    );
}

#[tokio::test]
async fn a_change_that_was_rolled_back_is_made_again() {
    let world = world(Start::Owned).await;
    let org = world.db.org().await;
    let app = world.db.store.app(org, &world.app.to_string()).await;
    let config_version = app.unwrap().config_version;
    world
        .survives("update on app", async || {
            let update = AppUpdate {
                settings: support::new_app(None),
                config_version,
            };
            world.db.store.update_app(org, world.app, update).await?;
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn a_chunk_of_a_task_that_was_rolled_back_is_done_again() {
    let world = world(Start::Skipped).await;
    let window = Window {
        since: postrider_domain::Timestamp::from_micros(0),
        until: world.db.clock.now().plus(Duration::from_secs(1)),
    };
    let new = NewTask {
        org_id: world.db.org().await,
        app_id: Some(world.app),
        work: Work::Replay {
            endpoint: world.endpoint,
            window,
            which: Replayed::Failed,
        },
    };
    world.db.store.create_task(new).await.unwrap();
    let task = world.db.store.tasks_in_hand(1, 4).await.unwrap().remove(0);
    world
        .survives("update on task", async || {
            world.db.store.advance_task(&task, 1).await.map(|_| ())
        })
        .await;
}

#[tokio::test]
async fn a_take_over_that_was_rolled_back_is_made_again() {
    let world = world(Start::Owned).await;
    let two = NodeId::mint(world.db.clock.now());
    let lease = Duration::from_hours(1);
    let two = world
        .db
        .store
        .register_node(two, "all", lease)
        .await
        .unwrap();
    world
        .survives("update on delivery", async || {
            for dead in world.db.store.dead_nodes(two, true).await? {
                world.db.store.take_over(dead).await?;
            }
            Ok(())
        })
        .await;
    let free = "select count(*) from delivery where owner is null and due_at is not null";
    assert_eq!(world.db.number(free).await, 1);
}
