//! One message for more endpoints than one transaction writes.

use std::collections::BTreeSet;

use postrider_testkit::{Receiver, Server, on_both_engines};

/// More than are written with the message itself.
const ENDPOINTS: usize = 1100;

on_both_engines! {
    async fn a_message_for_more_than_a_thousand_endpoints_reaches_each_once(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        for number in 0..ENDPOINTS {
            app.endpoint(&format!("{}{number}", receiver.url())).create().await;
        }
        let id = app.publish("a.b", r#"{"n":1}"#).accepted().await;
        receiver.received(ENDPOINTS).await;
        let paths: BTreeSet<String> = receiver.received(ENDPOINTS).await.iter().map(|request| request.path.clone()).collect();
        assert_eq!(paths.len(), ENDPOINTS, "each endpoint once");
        assert_eq!(receiver.count(), ENDPOINTS, "and none twice");
        assert!(receiver.message_ids().iter().all(|received| *received == id));
    }
}
