//! Idempotency of POSTs, on both engines.

#[macro_use]
mod support;

use std::time::Duration;

use postrider_store::Begin;

const KEY: [u8; 16] = [1; 16];
const BODY: [u8; 16] = [2; 16];
const KEEP: Duration = Duration::from_mins(10);

both_engines! {
    async fn the_second_request_waits_for_the_first_and_then_hears_its_answer(db) {
        let begin = || db.store.begin_answer(KEY, BODY, db.clock.now());
        assert_eq!(begin().await.unwrap(), Begin::Fresh);
        assert_eq!(begin().await.unwrap(), Begin::InFlight);
        db.store.finish_answer(KEY, 201, b"{\"id\":1}", KEEP).await.unwrap();
        let answered = Begin::Answered { status: 201, body: b"{\"id\":1}".to_vec() };
        assert_eq!(begin().await.unwrap(), answered);
        assert!(!format!("{answered:?}").contains("id"));
        db.store.finish_answer(KEY, 500, b"late", KEEP).await.unwrap();
        assert_eq!(begin().await.unwrap(), answered);
        db.clock.advance(KEEP);
        assert_eq!(begin().await.unwrap(), Begin::Fresh);
    }

    async fn another_body_under_the_same_key_is_a_mismatch(db) {
        let now = db.clock.now();
        assert_eq!(db.store.begin_answer(KEY, BODY, now).await.unwrap(), Begin::Fresh);
        assert_eq!(db.store.begin_answer(KEY, [3; 16], now).await.unwrap(), Begin::Mismatch);
        db.store.finish_answer(KEY, 200, b"{}", KEEP).await.unwrap();
        assert_eq!(db.store.begin_answer(KEY, [3; 16], now).await.unwrap(), Begin::Mismatch);
    }

    async fn an_abandoned_or_forgotten_beginning_can_begin_again(db) {
        let begin = || db.store.begin_answer(KEY, BODY, db.clock.now());
        assert_eq!(begin().await.unwrap(), Begin::Fresh);
        db.store.abandon_answer(KEY).await.unwrap();
        assert_eq!(begin().await.unwrap(), Begin::Fresh);
        db.clock.advance(Duration::from_secs(29));
        assert_eq!(begin().await.unwrap(), Begin::InFlight);
        db.clock.advance(Duration::from_secs(1));
        assert_eq!(begin().await.unwrap(), Begin::Fresh);
        assert_eq!(begin().await.unwrap(), Begin::InFlight);
    }

    async fn answers_are_not_stored_in_clear(db) {
        db.store.begin_answer(KEY, BODY, db.clock.now()).await.unwrap();
        db.store.finish_answer(KEY, 201, b"prk_secret", KEEP).await.unwrap();
        assert_eq!(db.number("select count(*) from answer_key where length(answer) > 10").await, 1);
    }
}
