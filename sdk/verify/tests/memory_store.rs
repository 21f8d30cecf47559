//! The store in memory. What it shares with the others is tested on all of them,
//! with real servers, in the workspace's `tests/sdk`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postrider_verify::seen::{
    Claim, Lease, MAX_ID_BYTES, MemoryStore, SeenError, SeenStore, Terms,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn terms() -> Terms {
    Terms {
        lease: MINUTE,
        retention: DAY,
    }
}

async fn fresh(store: &MemoryStore, id: &str, now: SystemTime) -> Lease {
    match store.claim_at(id, now).await.unwrap() {
        Claim::Fresh(lease) => lease,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn it_never_holds_more_than_its_room_and_forgets_the_oldest_handled_first() {
    let store = MemoryStore::with_terms(3, terms());
    for (second, id) in ["a", "b", "c"].into_iter().enumerate() {
        let lease = fresh(&store, id, at(second as u64)).await;
        assert!(store.confirm_at(&lease, at(second as u64)).await.unwrap());
    }
    let lease = fresh(&store, "d", at(10)).await;
    assert_eq!(store.len(), 3);
    assert_eq!(store.claim_at("b", at(10)).await.unwrap(), Claim::Done);
    assert_eq!(store.claim_at("d", at(10)).await.unwrap(), Claim::InFlight);
    // `a` is forgotten, and would be handled again.
    assert_eq!(fresh(&store, "a", at(10)).await.attempt(), 1);
    assert!(store.confirm_at(&lease, at(11)).await.unwrap());
    assert_eq!(store.len(), 3);
}

#[tokio::test]
async fn a_million_ids_leave_it_at_its_room() {
    let store = MemoryStore::with_terms(1000, terms());
    for number in 0..1_000_000_u32 {
        let lease = fresh(&store, &number.to_string(), at(0)).await;
        store.confirm_at(&lease, at(0)).await.unwrap();
    }
    assert_eq!(store.len(), 1000);
}

#[tokio::test]
async fn messages_in_hand_are_never_forgotten() {
    let store = MemoryStore::with_terms(2, terms());
    let _one = fresh(&store, "a", at(0)).await;
    let _two = fresh(&store, "b", at(0)).await;
    let full = store.claim_at("c", at(59)).await;
    assert!(matches!(full, Err(SeenError::Full)), "{full:?}");
    // Their holders are gone.
    let _three = fresh(&store, "c", at(60)).await;
    assert_eq!(store.len(), 2);
}

#[tokio::test]
async fn what_is_past_goes_without_being_asked_for() {
    let store = MemoryStore::with_terms(1000, terms());
    for number in 0..100 {
        let lease = fresh(&store, &format!("old {number}"), at(0)).await;
        store.confirm_at(&lease, at(0)).await.unwrap();
    }
    for number in 0..60 {
        let lease = fresh(&store, &format!("new {number}"), at(86_400)).await;
        store.confirm_at(&lease, at(86_400)).await.unwrap();
    }
    assert_eq!(store.len(), 60);
}

#[tokio::test]
async fn ids_that_no_verifier_gives_are_refused() {
    let store = MemoryStore::new(1);
    for id in ["", &"a".repeat(MAX_ID_BYTES + 1)] {
        let answer = store.claim(id).await;
        assert!(
            matches!(answer, Err(SeenError::IdLength { .. })),
            "{answer:?}"
        );
    }
    assert!(store.claim(&"a".repeat(MAX_ID_BYTES)).await.is_ok());
}

#[test]
fn records_outlive_the_three_days_for_which_senders_try() {
    assert!(Terms::default().retention > Duration::from_secs(72 * 3600));
}
