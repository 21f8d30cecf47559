//! Throttles, caps and queues.

use std::time::Duration;

use postrider_testkit::{Answer, Gate, Receiver, Server, on_both_engines};

on_both_engines! {
    async fn a_throttled_endpoint_gets_no_more_than_its_rate(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).set("throttleRate", 10).create().await;
        for _ in 0..40 {
            app.publish("a.b", "{}").accepted().await;
        }
        let requests = receiver.received(40).await;
        let took = requests[39].at - requests[0].at;
        // A second's worth at once, then ten a second: three more seconds.
        assert!(took >= Duration::from_millis(2_700), "{took:?}");
        for window in requests.windows(23) {
            let span = window[22].at - window[0].at;
            assert!(span >= Duration::from_millis(900), "23 within {span:?}");
        }
    }

    async fn sends_in_flight_stay_under_the_cap_and_the_rest_waits(engine: Engine) {
        let gate = Gate::closed();
        let receiver = Receiver::always(Answer::status(200).behind(&gate)).await;
        let server = Server::on(engine).set("REQUEST_TIMEOUT", "30").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        for _ in 0..100 {
            app.publish("a.b", "{}").accepted().await;
        }
        receiver.received(16).await;
        assert!(receiver.most_in_flight() <= 16, "a new lane begins with 16");
        gate.open();
        receiver.received(100).await;
        assert_eq!(receiver.message_ids().len(), 100);
    }

    async fn an_overloaded_receiver_gets_fewer_at_a_time(engine: Engine) {
        let gate = Gate::closed();
        // 429 does not open the breaker, but says: too many.
        let receiver = Receiver::always(Answer::status(429)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        for _ in 0..60 {
            app.publish("a.b", "{}").accepted().await;
        }
        receiver.received(20).await;
        receiver.now_answer(Answer::status(200).behind(&gate));
        for _ in 0..40 {
            app.publish("a.b", "{}").accepted().await;
        }
        postrider_testkit::eventually("a send to be held", async || match receiver.in_flight() {
            0 => Err(0),
            _ => Ok(()),
        })
        .await;
        assert!(receiver.in_flight() < 16, "{}", receiver.in_flight());
        gate.open();
    }
}
