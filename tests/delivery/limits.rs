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
        // Of the first forty every other answer says "too many": the cap shrinks, and the
        // breaker stays closed.
        let (start, end) = (Gate::closed(), Gate::closed());
        let gates = (start.clone(), end.clone());
        let receiver = Receiver::scripted(move |_, before| match before {
            0..40 if before % 2 == 0 => Answer::status(429).behind(&gates.0),
            0..40 => Answer::status(200).behind(&gates.0),
            _ => Answer::status(200).behind(&gates.1),
        })
        .await;
        let control = Receiver::start().await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "3600").start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        app.endpoint(&control.url()).create().await;
        for _ in 0..240 {
            app.publish("a.b", "{}").accepted().await;
        }
        // By then the same messages have had their turn here, too.
        control.received(240).await;
        assert_eq!(receiver.in_flight(), 16, "a new lane begins with 16");
        start.open();
        receiver.received(41).await;
        control.received(240).await;
        let held = receiver.in_flight();
        assert!((1..16).contains(&held), "{held} in flight");
        end.open();
    }
}
