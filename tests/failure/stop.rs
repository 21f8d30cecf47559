//! An order to stop: what is in flight ends, the rest is for the next process, and no
//! receiver hears anything twice.

use std::collections::HashSet;
use std::time::Duration;

use postrider_testkit::{Answer, Gate, Receiver, Request, Server, on_both_engines};
use postrider_tests::now;

on_both_engines! {
    async fn sigterm_lets_sends_in_flight_end_and_nothing_is_sent_twice(engine: Engine) {
        let gate = Gate::closed();
        let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
        let mut server = Server::on(engine).set("REQUEST_TIMEOUT", "30").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let mut ids = HashSet::new();
        for _ in 0..60 {
            ids.insert(app.publish("a.b", "{}").accepted().await);
        }
        receiver.received(16).await;
        server.signal("TERM").await;
        gate.open();
        let status = server.stopped().await;
        assert!(status.success(), "{status}");
        server.restart().await;
        let requests = receiver.received(60).await;
        let seen: HashSet<_> = requests.iter().map(|one| one.message_id().to_owned()).collect();
        assert_eq!(seen, ids);
        // One more that comes after all others: a duplicate would have come before it.
        app.publish("a.b", "{}").accepted().await;
        assert_eq!(receiver.received(61).await.len(), 61);
        for id in &ids {
            assert_eq!(app.attempts_reach(id, 1).await.len(), 1, "{id}");
        }
    }

    async fn sigterm_under_load_makes_no_duplicates(engine: Engine) {
        let receiver = Receiver::start().await;
        let mut server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let load = postrider_tests::Load::start(std::slice::from_ref(&app), 3_000, 16);
        for stop in [500, 1_000, 2_000] {
            load.answered_reach(stop).await;
            let status = server.terminate().await;
            assert!(status.success(), "{status}");
            server.restart().await;
        }
        let acknowledged = load.finished().await;
        let requests = receiver.received(3_000).await;
        let seen: HashSet<_> = requests.iter().map(Request::message_id).collect();
        assert_eq!(requests.len(), seen.len(), "duplicates");
        assert_eq!(seen.len(), acknowledged.len());
    }

    async fn sigterm_ends_within_the_longest_deadline_and_five_seconds(engine: Engine) {
        let receiver = Receiver::always(Answer::hang()).await;
        let mut server = Server::on(engine).set("REQUEST_TIMEOUT", "5").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        receiver.received(1).await;
        let asked = now();
        let status = server.terminate().await;
        let took = now() - asked;
        assert!(status.success(), "{status}");
        assert!(took < Duration::from_secs(11), "{took:?}");
        server.restart().await;
        // The attempt that was cut off by its own deadline is in the history.
        let attempts = app.attempts_reach(&id, 1).await;
        assert_eq!(attempts[0]["failure"], "timeout", "{}", attempts[0]);
    }
}
