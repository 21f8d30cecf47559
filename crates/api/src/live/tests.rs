//! The look at what was written down, on a database of its own.

use std::time::Duration;

use postrider_domain::KeyId;
use postrider_store::{
    Cipher, Clock, ConnectOptions, InboxRequest, ManualClock, NewInbox, OpenInbox, Verification,
};

use super::*;
use crate::live::wanted::EVENTS;

struct World {
    live: Arc<Live>,
    clock: ManualClock,
    inbox: OpenInbox,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(Timestamp::from_seconds(1_800_000_000));
        let options = ConnectOptions {
            url: format!("sqlite://{}", folder.path().join("a.db").display()),
            connections: 1,
        };
        let cipher = Cipher::new("the main secret of a test: not a secret");
        let store = Store::open(&options, cipher, clock).await.unwrap();
        let org = store.ensure_org("test").await.unwrap().id;
        let new = NewInbox {
            org_id: org,
            app_id: None,
            expires_at: hand.now().plus(Duration::from_hours(24)),
        };
        let made = store.create_inbox(new, 1, 1).await.unwrap();
        let inbox = store.open_inbox(&made.token).await.unwrap().unwrap();
        Self {
            live: Live::new(store, CancellationToken::new()),
            clock: hand,
            inbox,
            _folder: folder,
        }
    }

    /// Something happens to the organisation.
    async fn receive(&self) {
        let new = InboxRequest {
            id: postrider_domain::InboxRequestId::mint(self.clock.now()),
            method: "POST".to_owned(),
            target: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            answer_status: 204,
            verification: Verification::NoSecret,
        };
        let store = &self.live.store;
        store.keep_inbox_request(&self.inbox, new).await.unwrap();
    }

    fn listener(&self, org: OrgId) -> places::Place {
        let key = KeyId::mint(self.clock.now());
        Places::take(&self.live.places, key, Scope { org, app: None }).unwrap()
    }
}

/// How many events were told since the last question.
fn told(news: &mut broadcast::Receiver<Arc<News>>) -> usize {
    let mut count = 0;
    while let Ok(news) = news.try_recv() {
        if let News::Events(events) = &*news {
            count += events.len();
        }
    }
    count
}

#[tokio::test]
async fn what_nobody_would_get_is_not_kept_for_the_slowest_listener() {
    let world = World::new().await;
    let mut news = world.live.news.subscribe();
    let mut tail = Tail::begin(Arc::clone(&world.live)).await.unwrap();
    let stranger = world.listener(OrgId::mint(world.clock.now()));
    world.receive().await;
    tail.look(false).await.unwrap();
    assert_eq!(told(&mut news), 0);
    let _listener = world.listener(world.inbox.org_id);
    drop(stranger);
    for _ in 0..EVENTS + 5 {
        world.receive().await;
    }
    tail.look(false).await.unwrap();
    assert_eq!(told(&mut news), EVENTS + 1);
}

#[tokio::test]
async fn what_is_committed_after_a_listener_was_answered_is_told() {
    let world = World::new().await;
    world.receive().await;
    let _place = world.listener(world.inbox.org_id);
    let mut news = world.live.listen().await.unwrap();
    world.receive().await;
    let event = tokio::time::timeout(Duration::from_secs(10), news.recv()).await;
    let News::Events(events) = &*event.unwrap().unwrap() else {
        panic!("a gap");
    };
    assert_eq!(events.len(), 1);
}

#[tokio::test]
async fn a_stream_goes_on_from_the_last_look_that_did_not_fail() {
    let world = World::new().await;
    let mut tail = Tail::begin(Arc::clone(&world.live)).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    tail.look(true).await.unwrap();
    let looked = world.live.place();
    assert_eq!(looked, world.clock.now());
    world.live.store.close().await;
    world.clock.advance(Duration::from_mins(5));
    tail.look(true).await.unwrap_err();
    assert_eq!(world.live.place(), looked);
}
