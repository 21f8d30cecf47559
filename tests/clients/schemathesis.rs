//! schemathesis reads our OpenAPI document and tries thousands of requests: none may end in
//! a 5xx, nor in an answer that the document does not describe.

use std::process::Command;

use postrider_testkit::{Receiver, Server, on_both_engines};
use serde_json::json;

use crate::toolbox;

/// How many requests it tries at least.
const CASES: u32 = 5_000;
/// What its choices begin with, so that a run that fails fails again. Change it to try others.
const SEED: &str = "1";

/// The number before `word` in what schemathesis says in the end.
fn counted(said: &str, word: &str) -> u32 {
    let before = said.split(word).next().unwrap_or_default();
    let number = before.split_whitespace().next_back();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no count of {word}: {said}"))
}

on_both_engines! {
    async fn every_answer_is_as_the_document_says(engine: Engine) {
        let server = Server::start(engine).await;
        let receiver = Receiver::start().await;
        let client = server.client();
        let app = client.app().await;
        let endpoint = app.endpoint(&receiver.url()).create().await;
        let message = app.publish("contract.kept", "{\"n\":1}").accepted().await;
        let attempt = app.attempts_reach(&message, 1).await.remove(0);
        let body = json!({"name": "contract.kept", "description": "Kept while others go"});
        client.post("/event-type", &body).await.expect(201);

        let python = toolbox::python("requirements-schemathesis.txt");
        let mut command = Command::new(python.with_file_name("schemathesis"));
        command.arg("--config-file");
        command.arg(toolbox::sources("schemathesis").join("schemathesis.toml"));
        command.arg("run").arg(format!("{}/api/v1/openapi.json", server.url()));
        command.args(["--seed", SEED]);
        // It keeps notes of what it found where it runs.
        let folder = tempfile::tempdir().expect("a folder");
        command.current_dir(folder.path());
        for (name, value) in [
            ("APP", app.id()),
            ("ENDPOINT", &endpoint.id),
            ("MESSAGE", &message),
            ("ATTEMPT", attempt["id"].as_str().expect("an id")),
            ("EVENT_TYPE", "contract.kept"),
        ] {
            command.env(format!("POSTRIDER_TEST_{name}"), value);
        }
        let said = toolbox::against(&server, command).await;
        assert!(counted(&said, " generated,") >= CASES, "{said}");
        // Nothing of it took the key away, with which all the rest would be 401.
        client.get("/app").await.expect(200);
        assert!(!said.contains("Authentication failed"), "{said}");
    }
}
