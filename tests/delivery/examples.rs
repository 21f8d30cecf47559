//! Examples of event types, sent to one endpoint.

use postrider_testkit::{Receiver, Server, on_both_engines};
use serde_json::json;

on_both_engines! {
    async fn an_example_goes_to_its_endpoint_alone_whatever_that_asks_for(engine: Engine) {
        let (receiver, other) = (Receiver::start().await, Receiver::start().await);
        let server = Server::start(engine).await;
        let client = server.client();
        let schema = json!({"1": {"type": "object", "examples": [{"id": "in_1"}, {"id": "in_2"}]}});
        client.post("/event-type", &json!({"name": "invoice.paid", "description": "", "schemas": schema})).await.expect(201);
        client.post("/event-type", &json!({"name": "bare", "description": ""})).await.expect(201);
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).event_types(&["bare"]).channels(&["c"]).create().await;
        app.endpoint(&other.url()).create().await;
        let path = endpoint.path("/send-example");
        let sent = client.post(&path, &json!({"eventType": "invoice.paid"})).await.expect(200);
        assert_eq!(sent["payload"], json!({}));
        assert_eq!(sent["eventType"], "invoice.paid");
        client.post(&path, &json!({"eventType": "invoice.paid", "exampleIndex": 1})).await.expect(200);
        client.post(&path, &json!({"eventType": "svix.ping"})).await.expect(200);
        client.post(&path, &json!({"eventType": "any.thing", "payload": {"own": true}})).await.expect(200);
        let requests = receiver.received(4).await;
        let secret = endpoint.secret().await;
        let mut bodies = Vec::new();
        for request in &requests {
            request.verify(&secret).expect("a good signature");
            bodies.push(request.text().to_owned());
        }
        bodies.sort();
        assert_eq!(bodies, [r#"{"id":"in_1"}"#, r#"{"id":"in_2"}"#, r#"{"own":true}"#, r#"{"success":true}"#]);
        assert_eq!(app.destinations(sent["id"].as_str().expect("an id")).await.len(), 1);

        assert_eq!(client.post(&path, &json!({"eventType": "bare"})).await.code(400), "invalid_scheme");
        client.post(&path, &json!({"eventType": "nobody"})).await.code(404);
        client.post(&path, &json!({"eventType": "invoice.paid", "exampleIndex": 2})).await.expect(422);
        client.post(&path, &json!({})).await.expect(422);
        endpoint.patch(&json!({"disabled": true})).await;
        assert_eq!(client.post(&path, &json!({"eventType": "svix.ping"})).await.code(400), "endpoint_disabled");
        assert_eq!(other.count(), 0);
    }

    async fn a_customer_sends_examples_of_the_catalogue_and_nothing_of_their_own(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::start(engine).await;
        let client = server.client();
        let schema = json!({"1": {"type": "object", "examples": [{"id": "in_1"}]}});
        client.post("/event-type", &json!({"name": "invoice.paid", "description": "", "schemas": schema})).await.expect(201);
        client.post("/event-type", &json!({"name": "hidden", "description": "", "schemas": schema, "featureFlags": ["beta"]})).await.expect(201);
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let access = client.post(&format!("/auth/app-portal-access/{}", app.id()), &json!({"featureFlags": []})).await.expect(200);
        let customer = client.with_key(access["token"].as_str().expect("a token"));
        let path = endpoint.path("/send-example");
        customer.post(&path, &json!({"eventType": "invoice.paid"})).await.expect(200);
        assert_eq!(receiver.received(1).await[0].text(), r#"{"id":"in_1"}"#);
        customer.post(&path, &json!({"eventType": "invoice.paid", "payload": {"forged": true}})).await.expect(422);
        assert_eq!(customer.post(&path, &json!({"eventType": "hidden"})).await.code(404), "not_found");
        assert_eq!(receiver.count(), 1);
    }
}
