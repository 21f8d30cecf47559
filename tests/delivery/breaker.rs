//! The circuit breaker: a receiver that is down is left alone, asked once in a while,
//! and served again as soon as it is well.

use postrider_testkit::{Answer, Receiver, Server, on_both_engines};

on_both_engines! {
    async fn a_receiver_that_is_down_is_probed_and_then_gets_everything(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine)
            .set("RETRY_SCHEDULE", "2,2,2,2,2,2,2,2,2,2,2,2")
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        for _ in 0..200 {
            app.publish("a.b", "{}").accepted().await;
        }
        receiver.received(5).await;
        // Those in flight when it opened still arrive; a cap's worth at the most.
        let at_opening = receiver.count();
        assert!(at_opening < 60, "the breaker opened after {at_opening}");
        receiver.now_answer(Answer::status(200));
        receiver
            .received_until("all 200 messages", |all| {
                let seen: std::collections::HashSet<_> =
                    all.iter().map(postrider_testkit::Request::message_id).collect();
                seen.len() == 200
            })
            .await;
        let attempts = receiver.count();
        assert!(attempts < 300, "{attempts} requests for 200 messages");
    }
}
