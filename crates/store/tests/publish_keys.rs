//! Idempotency keys of publishing, on both engines.

#[macro_use]
mod support;

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{AppId, MessageId};
use postrider_store::{
    CleanUp, Deliveries, Engine, Event, IngestBatch, IngestResult, KeyBlock, NewMessage,
    PublishKey, Store,
};

const BATCH: usize = 4_096;
const NUMBERS: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4500)";
const FOR_EVER: i64 = 9_000_000_000_000_000;

/// Writes one message for each key and tells what became of them.
async fn publish(
    store: &Store,
    app: AppId,
    keys: &[PublishKey],
) -> (Vec<MessageId>, Vec<IngestResult>) {
    let now = store.clock().now();
    let mut block = KeyBlock::empty();
    store.refill(&mut block, keys.len()).await.unwrap();
    let messages: Vec<_> = keys
        .iter()
        .map(|key| NewMessage {
            app_id: app,
            app_version: 1,
            id: MessageId::mint(now),
            event: Arc::new(Event {
                event_type: "a".into(),
                payload: bytes::Bytes::from_static(b"{}"),
                ..Event::default()
            }),
            payload_key: block.take(now.plus(Duration::from_hours(120))).unwrap(),
            publish_key: Some(*key),
            deliveries: Deliveries::Now(Vec::new()),
        })
        .collect();
    let batch = IngestBatch {
        node: 1,
        now,
        messages: &messages,
    };
    let written = store.writer().write(batch, &[]).await.unwrap();
    (messages.iter().map(|m| m.id).collect(), written.results)
}

fn key(store: &Store, number: usize, body: u8) -> PublishKey {
    // Spread, as digests are.
    let spread = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    PublishKey {
        key: spread.to_be_bytes(),
        body_hash: [body; 16],
        expires_at: store.clock().now().plus(Duration::from_mins(10)),
    }
}

both_engines! {
    async fn a_key_stands_for_its_first_message_until_it_expires(db) {
        let app = db.app().await;
        let (ids, results) = publish(&db.store, app, &[key(&db.store, 1, 1), key(&db.store, 2, 1)]).await;
        assert_eq!(results, [IngestResult::Stored, IngestResult::Stored]);
        let again = [key(&db.store, 2, 1), key(&db.store, 1, 2), key(&db.store, 3, 1), key(&db.store, 3, 1), key(&db.store, 3, 2)];
        let (newer, results) = publish(&db.store, app, &again).await;
        let expected = [IngestResult::Replayed(ids[1]), IngestResult::Mismatch, IngestResult::Stored, IngestResult::Replayed(newer[2]), IngestResult::Mismatch];
        assert_eq!(results, expected);
        db.clock.advance(Duration::from_secs(601));
        let (_, results) = publish(&db.store, app, &[key(&db.store, 1, 2)]).await;
        assert_eq!(results, [IngestResult::Stored]);
    }

    async fn a_key_stands_for_its_message_after_a_restart(db) {
        let app = db.app().await;
        let (ids, _) = publish(&db.store, app, &[key(&db.store, 1, 1)]).await;
        let store = db.reopened().await;
        let (_, results) = publish(&store, app, &[key(&store, 1, 1), key(&store, 2, 1)]).await;
        assert_eq!(results, [IngestResult::Replayed(ids[0]), IngestResult::Stored]);
    }

    async fn a_key_stands_for_its_message_whatever_came_after_it(db) {
        let app = db.app().await;
        let mut first = Vec::new();
        for batch in 0..24 {
            let keys: Vec<_> = (batch * BATCH..(batch + 1) * BATCH).map(|n| key(&db.store, n, 1)).collect();
            let (ids, results) = publish(&db.store, app, &keys).await;
            assert!(results.iter().all(|result| *result == IngestResult::Stored), "batch {batch}");
            first.push(ids[0]);
        }
        let again: Vec<_> = (0..first.len()).map(|batch| key(&db.store, batch * BATCH, 1)).collect();
        let (_, results) = publish(&db.store, app, &again).await;
        let expected: Vec<_> = first.into_iter().map(IngestResult::Replayed).collect();
        assert_eq!(results, expected);
    }

    async fn what_was_taken_for_a_time_is_forgotten_however_much_there_is(db) {
        let (key, nil) = match db.store.engine() {
            Engine::Sqlite => ("cast(printf('%016d', i) as blob)", "zeroblob(16)"),
            Engine::Postgres => ("decode(lpad(to_hex(i), 32, '0'), 'hex')", "lpad('', 32, '0')::uuid"),
        };
        for rows in [
            format!("publish_key {NUMBERS} select {key}, {key}, {nil}, case when i % 3 = 0 then 1 else {FOR_EVER} end from n"),
            format!("event_key {NUMBERS} select {nil}, 'e' || i, {nil} from n"),
        ] {
            db.execute(&format!("insert into {rows}")).await;
        }
        // The messages of all event ids are of the year 1970.
        let left = async |table: &str| db.number(&format!("select count(*) from {table}")).await;
        assert_eq!((left("publish_key").await, left("event_key").await), (4500, 4500));
        let keep = Duration::from_hours(24);
        let (mut progress, mut rounds) = (CleanUp::default(), 1);
        while db.store.clean_up(&mut progress, keep).await.unwrap() {
            rounds += 1;
        }
        assert_eq!((left("publish_key").await, left("event_key").await), (3000, 0));
        assert!(rounds <= 4, "{rounds} rounds");
        // With nothing to forget, a round does not go on to the end.
        assert!(!db.store.clean_up(&mut progress, keep).await.unwrap());
    }
}

/// As where many nodes are sent the same keys at once, and none of them has committed yet.
#[tokio::test]
async fn whoever_is_in_the_way_again_and_again_is_no_fault_of_the_message() {
    let db = support::Database::postgres().await;
    for statement in [
        "create function in_the_way() returns trigger language plpgsql as $$ begin \
         if get_byte(new.body_hash, 0) = 7 then raise unique_violation using constraint = 'publish_key_pkey'; end if; \
         return new; end $$",
        "create trigger in_the_way before insert on publish_key for each row execute function in_the_way()",
    ] {
        db.execute(statement).await;
    }
    let app = db.app().await;
    let keys: Vec<_> = (1..=5)
        .map(|number| key(&db.store, number, if number % 2 == 0 { 7 } else { 1 }))
        .collect();
    let (_, results) = publish(&db.store, app, &keys).await;
    let (stored, stale) = (IngestResult::Stored, IngestResult::Stale);
    assert_eq!(results, [stored, stale, stored, stale, stored]);
}
