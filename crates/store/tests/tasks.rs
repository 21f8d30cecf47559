//! Background tasks in the database: each chunk once, whoever does it.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_domain::{
    AppId, AttemptStatus, DeliveryState, EndpointId, NodeId, TaskStatus, Timestamp,
};
use postrider_store::{
    Entity, Messages, NewTask, Progress, Purpose, Refusal, Replayed, Start, StoreError, Task,
    TaskFilter, Window, Work,
};
use support::{Database, first};

/// The node that every test's database has.
const ONE: i64 = 1;
/// More than one chunk.
const MANY: i64 = 1_200;

fn always() -> Window {
    Window {
        since: Timestamp::from_micros(0),
        until: Timestamp::from_micros(((1 << 48) - 1) * 1_000),
    }
}

async fn begin(db: &Database, app: AppId, endpoint: EndpointId, which: Replayed) -> Task {
    let new = NewTask {
        org_id: db.org().await,
        app_id: Some(app),
        work: Work::Replay {
            endpoint,
            window: always(),
            which,
        },
    };
    db.store.create_task(new).await.unwrap()
}

fn any() -> Replayed {
    Replayed::Any {
        status: None,
        status_class: None,
        messages: Messages::default(),
    }
}

/// The only task that the node has in hand.
async fn in_hand(db: &Database, node: i64) -> Task {
    let mut tasks = db.store.tasks_in_hand(node, 4).await.unwrap();
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    tasks.remove(0)
}

/// Does the task to its end.
async fn finish(db: &Database, node: i64, task: &Task) -> Task {
    loop {
        let now = db.store.task(task.org_id, task.id).await.unwrap();
        if now.status != TaskStatus::Running {
            return now;
        }
        let task = in_hand(db, node).await;
        let progress = db.store.advance_task(&task, node).await.unwrap();
        assert_ne!(progress, Progress::Full);
    }
}

async fn second_node(db: &Database) -> i64 {
    let id = NodeId::mint(db.clock.now());
    let lease = Duration::from_hours(1);
    db.store.register_node(id, "all", lease).await.unwrap()
}

/// Deliveries of unknown messages, which therefore cannot be sent.
async fn lost_deliveries(db: &Database, count: i64, state: DeliveryState) {
    db.multiply_deliveries(count).await;
    let text = format!(
        "update delivery set state = {}, due_at = null where first_at = 1",
        state.code()
    );
    db.execute(&text).await;
}

async fn state(db: &Database, state: DeliveryState) -> i64 {
    let text = format!(
        "select count(*) from delivery where state = {}",
        state.code()
    );
    db.number(&text).await
}

both_engines! {
    async fn a_chunk_is_done_once_whoever_thinks_that_the_task_is_its_own(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        db.publish(app, "a", &[(endpoint, Start::Skipped)]).await;
        lost_deliveries(db, MANY, DeliveryState::Exhausted).await;
        let task = begin(db, app, endpoint, Replayed::Failed).await;
        assert_eq!((task.status, task.total), (TaskStatus::Running, None));
        let two = second_node(db).await;
        let counting = in_hand(db, ONE).await;
        assert!(db.store.tasks_in_hand(two, 4).await.unwrap().is_empty(), "it is another's");
        assert_eq!(db.store.advance_task(&counting, ONE).await.unwrap(), Progress::Moved);
        let stale = in_hand(db, ONE).await;
        assert_eq!((stale.total, stale.done), (Some(1 + MANY as u64), 0));
        for expected in [Progress::Moved, Progress::Over, Progress::Over] {
            assert_eq!(db.store.advance_task(&stale, ONE).await.unwrap(), expected);
        }
        assert_eq!(db.store.advance_task(&counting, ONE).await.unwrap(), Progress::Over);
        assert_eq!(in_hand(db, ONE).await.done, 500);
        // The node dies, and another goes on behind the cursor.
        db.store.take_over(ONE).await.unwrap();
        let taken_over = in_hand(db, two).await;
        assert_eq!(taken_over.done, 500);
        let again = db.store.advance_task(&stale, ONE).await.unwrap();
        assert_eq!(again, Progress::Over, "the dead do nothing");
        assert!(db.store.tasks_in_hand(ONE, 4).await.unwrap().is_empty());
        let done = finish(db, two, &task).await;
        let all = 1 + MANY as u64;
        assert_eq!((done.status, done.total, done.done), (TaskStatus::Finished, Some(all), all));
        assert_eq!((done.changed, done.lost), (1, MANY as u64));
        assert_eq!(state(db, DeliveryState::Exhausted).await, MANY);
    }

    async fn a_restarted_delivery_is_claimed_with_a_new_schedule_and_the_task_that_did_it(db) {
        let app = db.app().await;
        let (endpoint, other) = (db.endpoint(app).await, db.endpoint(app).await);
        let message = db.publish(app, "a", &[(endpoint, Start::Owned), (other, Start::Skipped)]).await;
        db.attempt(app, message, endpoint, DeliveryState::Exhausted).await;
        db.clock.advance(Duration::from_hours(1));
        let task = begin(db, app, endpoint, Replayed::Failed).await;
        finish(db, ONE, &task).await;
        let now = db.clock.now();
        let claim = db.store.claim(ONE, app, endpoint, now, 10).await.unwrap();
        assert_eq!(claim.jobs.len(), 1);
        let claimed = &claim.jobs[0];
        assert_eq!(claimed.sends, 1);
        let Purpose::Scheduled { attempts, first_at, due_at, restart, .. } = claimed.purpose else {
            panic!("{claimed:?}");
        };
        let restart = restart.expect("a task did it");
        assert_eq!((attempts, first_at, due_at), (0, now, now));
        assert_eq!((restart.task, restart.before), (task.id, DeliveryState::Cancelled));
        assert_eq!(state(db, DeliveryState::Skipped).await, 1, "the other endpoint's stays");
        // In hand, it is not doubled.
        let again = begin(db, app, endpoint, any()).await;
        let again = finish(db, ONE, &again).await;
        assert_eq!((again.done, again.changed), (1, 0));
        assert_eq!(db.number("select count(*) from delivery where owner = 1 and token = 2").await, 1);
    }

    async fn what_waits_for_a_retry_is_hastened_by_a_bulk_replay_alone(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
        db.attempt(app, message, endpoint, DeliveryState::Pending).await;
        let recovered = begin(db, app, endpoint, Replayed::Failed).await;
        assert_eq!(finish(db, ONE, &recovered).await.total, Some(0));
        let missing = begin(db, app, endpoint, Replayed::Missing).await;
        assert_eq!(finish(db, ONE, &missing).await.total, Some(0));
        let all = begin(db, app, endpoint, any()).await;
        assert_eq!(finish(db, ONE, &all).await.changed, 1);
        let claim = db.store.claim(ONE, app, endpoint, db.clock.now(), 10).await.unwrap();
        let Purpose::Scheduled { attempts, restart, .. } = claim.jobs[0].purpose else {
            panic!("{claim:?}");
        };
        assert_eq!((attempts, restart), (1, None), "by its own schedule");
    }

    async fn a_cancelled_task_leaves_deliveries_as_they_stood(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        for ending in [DeliveryState::Succeeded, DeliveryState::Exhausted] {
            let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
            db.attempt(app, message, endpoint, ending).await;
        }
        db.publish(app, "a", &[(endpoint, Start::Skipped)]).await;
        lost_deliveries(db, 600, DeliveryState::Exhausted).await;
        let task = begin(db, app, endpoint, any()).await;
        for _ in 0..2 {
            let task = in_hand(db, ONE).await;
            db.store.advance_task(&task, ONE).await.unwrap();
        }
        let pending = state(db, DeliveryState::Pending).await;
        assert_eq!(pending, 3, "the first chunk holds what was published");
        let now = db.clock.now();
        let claim = db.store.claim(ONE, app, endpoint, now, 1).await.unwrap();
        assert_eq!(claim.jobs.len(), 1);
        let stopped = db.store.cancel_task(task.org_id, task.id).await.unwrap();
        assert_eq!(stopped.status, TaskStatus::Canceled);
        assert!(db.store.is_stopped(task.id));
        let stopping = in_hand(db, ONE).await;
        assert_eq!(db.store.advance_task(&stopping, ONE).await.unwrap(), Progress::Full, "one is in hand");
        assert_eq!(state(db, DeliveryState::Pending).await, 1);
        let restart = match claim.jobs[0].purpose {
            Purpose::Scheduled { restart, .. } => restart.unwrap(),
            Purpose::Manual { .. } => panic!("{claim:?}"),
        };
        // It ends as it would have stood.
        let before = restart.before.code();
        db.execute(&format!("update delivery set state = {before}, due_at = null where state = 0")).await;
        assert_eq!(db.store.advance_task(&stopping, ONE).await.unwrap(), Progress::Over);
        assert!(db.store.tasks_in_hand(ONE, 4).await.unwrap().is_empty());
        for (standing, count) in [
            (DeliveryState::Succeeded, 1),
            (DeliveryState::Cancelled, 1),
            (DeliveryState::Skipped, 1),
            (DeliveryState::Exhausted, 600),
        ] {
            assert_eq!(state(db, standing).await, count, "{standing:?}");
        }
        let again = db.store.cancel_task(task.org_id, task.id).await.unwrap();
        assert_eq!(again.status, TaskStatus::Canceled);
        let shown = db.store.tasks(task.org_id, TaskFilter::default(), first(10, postrider_store::Order::Ascending));
        assert_eq!(shown.await.unwrap().rows.len(), 1);
    }

    async fn a_task_fails_when_its_endpoint_is_disabled_or_deleted_and_does_nothing_half(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        db.publish(app, "a", &[(endpoint, Start::Skipped)]).await;
        let task = begin(db, app, endpoint, Replayed::Failed).await;
        let counting = in_hand(db, ONE).await;
        db.store.advance_task(&counting, ONE).await.unwrap();
        db.store.disable_endpoint(endpoint, postrider_domain::DisabledReason::Manual).await.unwrap();
        let failed = finish(db, ONE, &task).await;
        assert_eq!((failed.status, failed.done, failed.changed), (TaskStatus::Failed, 0, 0));
        assert!(failed.error.unwrap().contains("disabled"));
        assert_eq!(state(db, DeliveryState::Skipped).await, 1);
        let refused = db.store.create_task(NewTask {
            org_id: task.org_id,
            app_id: Some(app),
            work: task.work.clone(),
        }).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Refusal::EndpointDisabled))), "{refused:?}");
        db.store.delete_endpoint(app, endpoint).await.unwrap();
        let refused = db.store.create_task(NewTask {
            org_id: task.org_id,
            app_id: Some(app),
            work: task.work,
        }).await;
        assert!(matches!(refused, Err(StoreError::NotFound(Entity::Endpoint))), "{refused:?}");
    }

    async fn a_task_whose_row_is_broken_ends_alone(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let broken = begin(db, app, endpoint, Replayed::Failed).await;
        db.execute("update task set work = '{}'").await;
        let good = begin(db, app, endpoint, Replayed::Failed).await;
        let tasks = db.store.tasks_in_hand(ONE, 4).await.unwrap();
        assert_eq!(tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [good.id]);
        assert_eq!(db.number("select count(*) from task where status = 2 and phase = 3").await, 1);
        let shown = db.store.task(broken.org_id, broken.id).await;
        assert!(matches!(shown, Err(StoreError::BadRow { column: "work", .. })), "{shown:?}");
        assert_eq!(finish(db, ONE, &good).await.status, TaskStatus::Finished);
    }

    async fn attempts_of_many_applications_are_counted_once_across_nodes(db) {
        let mut apps = Vec::new();
        for _ in 0..450 {
            apps.push(db.app().await);
        }
        let (first, last) = (apps[0], apps[449]);
        for app in [first, last] {
            let endpoint = db.endpoint(app).await;
            let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
            db.attempt(app, message, endpoint, DeliveryState::Succeeded).await;
        }
        let task = db.store.create_task(NewTask {
            org_id: db.org().await,
            app_id: None,
            work: Work::Attempts { window: always(), apps: None },
        }).await.unwrap();
        // One node counts and reads a chunk twice over, as after a lost answer; another ends it.
        let counting = in_hand(db, ONE).await;
        db.store.advance_task(&counting, ONE).await.unwrap();
        let reading = in_hand(db, ONE).await;
        assert_eq!(reading.total, Some(450));
        assert_eq!(db.store.advance_task(&reading, ONE).await.unwrap(), Progress::Moved);
        assert_eq!(db.store.advance_task(&reading, ONE).await.unwrap(), Progress::Over);
        let two = second_node(db).await;
        db.execute(&format!("update task set owner = {two}")).await;
        let done = finish(db, two, &task).await;
        assert_eq!((done.status, done.total, done.done), (TaskStatus::Finished, Some(450), 450));
        let result: serde_json::Value = serde_json::from_str(&done.result.unwrap()).unwrap();
        let stats = result["appStats"].as_array().unwrap();
        let counted: Vec<&str> = stats.iter().map(|one| one["appId"].as_str().unwrap()).collect();
        assert_eq!(counted, apps.iter().map(ToString::to_string).collect::<Vec<_>>());
        let sums: Vec<u64> = stats.iter().map(|one| one["messageDestinations"].as_u64().unwrap()).collect();
        assert_eq!((sums[0], sums[449], sums.iter().sum::<u64>()), (1, 1, 2));
    }

    async fn an_organisation_has_100_tasks_at_a_time_and_4_of_them_take_turns(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        for _ in 0..100 {
            begin(db, app, endpoint, Replayed::Failed).await;
        }
        let refused = db.store.create_task(NewTask {
            org_id: db.org().await,
            app_id: Some(app),
            work: Work::Purge { window: always() },
        }).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Refusal::RunningTasks))), "{refused:?}");
        assert_eq!(db.store.tasks_in_hand(ONE, 4).await.unwrap().len(), 4);
        let two = second_node(db).await;
        assert_eq!(db.store.tasks_in_hand(two, 4).await.unwrap().len(), 4);
        assert_eq!(db.store.tasks_in_hand(ONE, 4).await.unwrap().len(), 4);
        assert_eq!(db.number("select count(*) from task where owner is not null").await, 8);
    }

    async fn a_replay_by_status_names_what_the_lists_name(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        for ending in [DeliveryState::Succeeded, DeliveryState::Exhausted, DeliveryState::Exhausted] {
            let message = db.publish(app, "a", &[(endpoint, Start::Owned)]).await;
            db.attempt(app, message, endpoint, ending).await;
        }
        db.publish(app, "a", &[(endpoint, Start::Skipped)]).await;
        for (status, count) in [
            (AttemptStatus::Success, 1),
            (AttemptStatus::Fail, 2),
            (AttemptStatus::Canceled, 1),
            (AttemptStatus::Sending, 0),
        ] {
            let which = Replayed::Any {
                status: Some(status),
                status_class: None,
                messages: Messages::default(),
            };
            let task = begin(db, app, endpoint, which).await;
            let task = finish(db, ONE, &task).await;
            assert_eq!((task.total, task.changed), (Some(count), count), "{status:?}");
        }
    }

    async fn tasks_that_are_over_go_with_the_messages_they_were_about(db) {
        let app = db.app().await;
        let endpoint = db.endpoint(app).await;
        let old = begin(db, app, endpoint, Replayed::Failed).await;
        finish(db, ONE, &old).await;
        let running = begin(db, app, endpoint, Replayed::Failed).await;
        let keep = Duration::from_hours(24 * 90);
        db.clean_up(keep).await.unwrap();
        db.store.task(old.org_id, old.id).await.unwrap();
        db.clock.advance(keep + Duration::from_hours(1));
        while db.clean_up(keep).await.unwrap() {}
        let gone = db.store.task(old.org_id, old.id).await;
        assert!(matches!(gone, Err(StoreError::NotFound(Entity::Task))), "{gone:?}");
        db.store.task(running.org_id, running.id).await.unwrap();
    }
}
